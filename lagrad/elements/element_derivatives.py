"""Derive f and c, the gradient, J and H of a split program as what elements add up to.

    outputs = C x + B k(u) + b,     gradient of f = C[0] + A' (k'(u) * B[0]')
    J = C + B N'(u) A,     H = A' W(u, weights) A          u = A x, all of A, B, C constant and sparse

N' and W are block diagonal with one small block an element, whatever the size of the problem.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from lagrad.elements.affine import Layer, Part, padded, parts
from lagrad.elements.assembly import Entries
from lagrad.elements.bundles import Bundle, alike, bundled
from lagrad.elements.classification import Classification
from lagrad.elements.derivatives_by_jax import first_by_jax, second_by_jax
from lagrad.elements.element_sums import Addend, Batch, ElementMatrix, ElementSums, element_matrix
from lagrad.elements.groups import Group
from lagrad.elements.indices import Indices, everything
from lagrad.elements.lines import Item, Source, lower_item
from lagrad.elements.partials import NoRule, Partials, independent
from lagrad.elements.recording import record_groups
from lagrad.elements.split import Split
from lagrad.elements.tape import Tape

# What a vector gets from one result: single entries of stretches of elements, or A of shape (count, size).
Share = Sequence[Part] | sp.csr_array


def outputs(split: Split) -> ElementSums | None:
    """f and c.

    Args:
        split: of the program, m + 1 output rows.

    Returns:
        ElementSums of m + 1 numbers; None if something is no element, or has to be seen to happen.
    """
    if split.rest or split.classification.program.closed.effects:
        return None
    bundles = alike(group for group in split.groups if group.outputs.nnz)
    batches = [values(split, number, bundle) for number, bundle in enumerate(bundles)]
    shares = [
        [((number, (member, 0)), share_of(group.by_element)) for member, group in enumerate(bundle.groups)]
        for number, bundle in enumerate(bundles)
    ]
    linear = split.linear if split.linear.nnz else None
    return replace(vector(split, batches, shares, split.offset), linear=linear, fixed=split.fixed)


def gradient(split: Split) -> ElementSums | None:
    """Gradient of the objective.

    Args:
        split: of the program.

    Returns:
        ElementSums of n numbers; None if something of the objective is no element.
    """
    if any(matrix[[0]].nnz for matrix in split.rest.values()):
        return None
    bundles = alike(group for group in split.groups if group.is_in_objective and group.active)
    batches = [first_derivatives(split, number, bundle) for number, bundle in enumerate(bundles)]
    shares = [
        [
            ((number, (member, slot)), slope_share(group, slot))
            for member, group in enumerate(bundle.groups)
            for slot in group.active
        ]
        for number, bundle in enumerate(bundles)
    ]
    return vector(split, batches, shares, split.linear[[0]].toarray()[0])


def jacobian(split: Split) -> ElementMatrix:
    """Element part of the Jacobian of c, with the constant part C.

    Args:
        split: of the program, m + 1 output rows.

    Returns:
        ElementMatrix of shape (m, n).
    """
    m, n = split.linear.shape[0] - 1, split.linear.shape[1]
    bundles = alike([group for group in split.groups if group.is_in_rows and group.active])
    items, uneven = [], {}
    for number, bundle in enumerate(bundles):
        for member, group in enumerate(bundle.groups):
            jacobian_entries(number, member, group, items, uneven)
    batches = [first_derivatives(split, number, bundle) for number, bundle in enumerate(bundles)]
    constant = split.linear[1:].tocoo()
    return element_matrix(split, batches, items, uneven, (constant.row, constant.col, constant.data), (m, n))


def hessian(split: Split) -> ElementMatrix:
    """Element part of the lower triangle of the Hessian of the Lagrangian.

    Args:
        split: of the program.

    Returns:
        ElementMatrix of shape (n, n), on and below the diagonal.
    """
    n, bundles = split.linear.shape[1], bundled([group for group in split.groups if group.pairs])
    items, uneven = [], {}
    for number, bundle in enumerate(bundles):
        hessian_entries(number, bundle, items, uneven)
    batches = [second_derivatives(split, number, bundle) for number, bundle in enumerate(bundles)]
    nothing = (np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0))
    return element_matrix(split, batches, items, uneven, nothing, (n, n))


def vector(
    split: Split, batches: list[Batch], shares: Sequence[Sequence[tuple[Source, Share]]], base: np.ndarray
) -> ElementSums:
    """Lay out what batches add to a vector."""
    addends, uneven, start = [], [], base.size
    for each in shares:
        found = []
        for source, share in each:
            if isinstance(share, sp.csr_array):
                found.append(Addend(source, 1.0, Indices(share.shape[0], start), False))
                uneven.append(share.T)
                start += share.shape[0]
            else:
                found += [
                    Addend(source, part.layer.factor, part.layer.indices, True, part.elements.start)
                    for part in share
                ]
        addends.append(tuple(found))
    behind = sp.csr_array(sp.hstack(uneven)) if uneven else None
    return ElementSums(
        split, tuple(batches), tuple(addends), base.size, ((slice(0, base.size), base),), behind
    )


def share_of(by_element: sp.csr_array) -> Share:
    """What the outputs get from elements."""
    return parts(by_element) or by_element


def slope_share(group: Group, slot: int) -> Share:
    """What the gradient gets from the derivatives by a slot; nothing where the objective takes nothing."""
    factors, form = group.in_objective, group.slots[slot].form
    if form.layers is None or not factors.all():
        share = sp.csr_array(sp.diags_array(factors) @ form.to_scipy())
        share.eliminate_zeros()
        return share
    whole = everything(factors.size)
    return [Part(whole, Layer(layer.indices, layer.factor * factors)) for layer in form.layers]


def values(split: Split, batch: int, bundle: Bundle) -> Batch:
    """Values of every element. Sources are named (batch, (number of the group in the bundle, 0))."""

    def record(tape: Tape, slots: Sequence[int], weights: Sequence[int]) -> dict[Source, int]:
        nodes = record_bundle(tape, split.classification, bundle, slots)
        return {(batch, (member, 0)): node for member, node in enumerate(nodes)}

    return Batch(bundle.slots, (), record, bundle.count)


def first_derivatives(split: Split, batch: int, bundle: Bundle) -> Batch:
    """Derivative of every element by each active slot.

    Sources are named (batch, (number of the group in the bundle, slot of the group)).
    """

    def record(tape: Tape, slots: Sequence[int], weights: Sequence[int]) -> dict[Source, int]:
        inputs = independent(tape, slots)
        try:
            nodes = record_bundle(tape, split.classification, bundle, inputs)
            slopes = Partials.of(tape, inputs, nodes).jacobian(nodes)
        except NoRule:
            return first_by_jax(tape, split.classification, bundle, slots, batch)
        zero = tape.constant(0.0)
        return {
            (batch, (member, slot)): slopes[member].get(inputs[bundle.numbers[member][slot]], zero)
            for member, group in enumerate(bundle.groups)
            for slot in group.active
        }

    return Batch(bundle.slots, (), record, bundle.count)


def second_derivatives(split: Split, batch: int, bundle: Bundle) -> Batch:
    """Second derivatives of every element's weighted sum. Sources are named (batch, (slot, slot))."""

    def record(tape: Tape, slots: Sequence[int], weights: Sequence[int]) -> dict[Source, int]:
        inputs = independent(tape, slots)
        try:
            nodes = record_bundle(tape, split.classification, bundle, inputs)
            adjoints: dict[int, int] = {}
            for node, weight in zip(nodes, weights, strict=True):
                adjoints[node] = tape.plus(adjoints[node], weight) if node in adjoints else weight
            found = Partials.of(tape, inputs, nodes).hessian(adjoints)
        except NoRule:
            return second_by_jax(tape, split.classification, bundle, (slots, weights), batch)
        zero = tape.constant(0.0)
        pairs = {(a, b): sorted((inputs[a], inputs[b])) for a, b in bundle.pairs}
        return {(batch, pair): found.get((low, high), zero) for pair, (low, high) in pairs.items()}

    outputs = tuple(group.by_element for group in bundle.groups)
    return Batch(bundle.slots, outputs, record, bundle.count)


def record_bundle(
    tape: Tape, classification: Classification, bundle: Bundle, slots: Sequence[int]
) -> list[int]:
    """Node of the values of each group."""
    chosen = [[slots[i] for i in numbers] for numbers in bundle.numbers]
    return record_groups(tape, classification, bundle.groups, chosen)


def jacobian_entries(number: int, member: int, group: Group, items: list[Item], uneven: dict) -> None:
    """Add where the derivatives of a group of a bundle lie in the Jacobian."""
    outputs = group.by_element_to_rows
    rows = parts(outputs) or padded(outputs)
    for slot in group.active:
        form = group.slots[slot].form
        if rows is None or form.layers is None:
            uneven[number, (member, slot)] = Entries.outer(outputs, form.to_scipy())
            continue
        for part in rows:
            row, stretch = part.layer, form.at(part.elements)
            items += [
                Item(
                    (number, (member, slot)),
                    row.factor * column.factor,
                    row.indices,
                    column.indices,
                    part.elements.start,
                )
                for column in stretch.layers or ()
            ]


def hessian_entries(number: int, bundle: Bundle, items: list[Item], uneven: dict) -> None:
    """Add where the second derivatives of a bundle lie in the lower triangle of the Hessian."""
    for a, b in bundle.pairs:
        left, right = bundle.slots[a].form, bundle.slots[b].form
        if left.layers is None or right.layers is None:
            entries = Entries.outer(left.to_scipy(), right.to_scipy())
            uneven[number, (a, b)] = entries.lower(mirrored=a != b)
            continue
        for i, row in enumerate(left.layers):
            for j, column in enumerate(right.layers[: i + 1] if a == b else right.layers):
                mirrored, factor = a != b or i != j, row.factor * column.factor
                items.append(lower_item((number, (a, b)), factor, row.indices, column.indices, mirrored))
