"""Element derivatives: a lift in, compiled values of its part of the Jacobian and of the Hessian out.

    J = C + B N'(u) A,     H = A' W(u, weights) A          u = A x, all of A, B, C constant and sparse

N' and W are block diagonal with one small block an element, so a seed of ones in one slot gives that column
of all blocks at once: as many seeds as one element has slots, whatever the size of the problem.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from lagrad.derivatives.assembly import Assembly, Entries, assemble, joined, layered
from lagrad.derivatives.feed import Feed, Feeder
from lagrad.derivatives.kernel import added, fixed_values, group_values, times
from lagrad.structure.indices import Indices
from lagrad.structure.lift import Group, Lift, Slot
from lagrad.structure.maps import Factor

# Concatenations of more pieces than this make XLA evaluate them all for each entry.
PIECES_TOGETHER = 4
# Below this many elements a second evaluation of a sine is cheaper than a barrier.
SMALLEST_BARRIER = 256


@dataclass(frozen=True, eq=False)
class Pieces:
    """Element derivatives, traceable, and how matrix entries are made of them.

    Args:
        function: (x, taken, weights, taken weights, *param leaves) -> pieces.
        x_feed: host's part for x.
        weight_feed: host's part for the weights (objective weight, multipliers).
        assembly: from pieces to matrix entries.
        largest: number of elements of the largest group.
    """

    function: Callable
    x_feed: Feeder
    weight_feed: Feeder
    assembly: Assembly
    largest: int

    @property
    def barrier(self) -> bool:
        """Whether there are enough elements for stages to pay."""
        return self.largest >= SMALLEST_BARRIER

    @property
    def rows(self) -> np.ndarray:
        """Row of each entry."""
        return self.assembly.rows

    @property
    def columns(self) -> np.ndarray:
        """Column of each entry."""
        return self.assembly.columns


@dataclass(frozen=True, eq=False)
class Bundle:
    """Groups of equal size whose slots are among those of the widest.

    Args:
        groups: the groups.
        slots: the slots of the widest.
        numbers: for each group, the number of each of its slots among `slots`.
    """

    groups: tuple[Group, ...]
    slots: tuple[Slot, ...]
    numbers: tuple[tuple[int, ...], ...]

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Slots with a second derivative, in any of the groups."""
        found = set()
        for group, numbers in zip(self.groups, self.numbers, strict=True):
            found |= {tuple(sorted((numbers[a], numbers[b]))) for a, b in group.pairs}
        return tuple(sorted(found))

    @property
    def count(self) -> int:
        """Number of elements."""
        return self.groups[0].outputs.shape[1]


def jacobian(lift: Lift) -> Pieces:
    """Element part of the Jacobian of c, with the constant part C.

    Args:
        lift: split of the Lagrangian program, m + 1 output rows.

    Returns:
        Pieces; its entries are those of an (m, n) matrix.
    """
    m, n = lift.linear.shape[0] - 1, lift.linear.shape[1]
    groups = [group for group in lift.groups if group.outputs[1:].nnz and group.active]
    feed, slots, entries, recipes, start = Feed(n), [], [], [], 0
    for group in groups:
        slots.append([request(feed, slot) for slot in group.slots])
        recipe, found = jacobian_entries(group, start)
        start += sum(size for _, _, size in recipe)
        recipes.append(recipe)
        entries.append(found)
    feeder = feed.finish()

    def pieces(x, taken, weights, taken_weights, *leaves):
        cuts, fixed = feed.pieces(x, taken), fixed_values(lift.reading, list(leaves))
        results = []
        for group, numbers, recipe in zip(groups, slots, recipes, strict=True):
            columns = slot_derivatives(lift, group, [slot_value(cuts, slot) for slot in numbers], fixed)
            results += together([times(columns[slot], factor) for slot, factor, _ in recipe])
        return results

    constant = lift.linear[1:].tocoo()
    assembly = assemble(joined(entries), (constant.row, constant.col, constant.data), start, (m, n))
    return Pieces(pieces, feeder, Feed(m + 1).finish(), assembly, largest(groups))


def hessian(lift: Lift) -> Pieces:
    """Element part of the lower triangle of the Hessian of the Lagrangian.

    Args:
        lift: split of the Lagrangian program.

    Returns:
        Pieces; its entries are those of an (n, n) matrix, on and below the diagonal.
    """
    m, n = lift.linear.shape[0] - 1, lift.linear.shape[1]
    bundles = bundled([group for group in lift.groups if group.pairs])
    feed, weight_feed = Feed(n), Feed(m + 1)
    slots, weights, entries, recipes, start = [], [], [], [], 0
    for bundle in bundles:
        slots.append([request(feed, slot) for slot in bundle.slots])
        weights.append([request_weights(weight_feed, group.outputs) for group in bundle.groups])
        recipe, found = hessian_entries(bundle, start)
        start += sum(size for _, _, size in recipe)
        recipes.append(recipe)
        entries.append(found)
    feeder, weight_feeder = feed.finish(), weight_feed.finish()

    def pieces(x, taken, all_weights, taken_weights, *leaves):
        cuts, fixed = feed.pieces(x, taken), fixed_values(lift.reading, list(leaves))
        weight_cuts, results = weight_feed.pieces(all_weights, taken_weights), []
        for bundle, numbers, requests, recipe in zip(bundles, slots, weights, recipes, strict=True):
            scales = [added([times(weight_cuts[i], factor) for i, factor in terms], None) for terms in requests]
            second = pair_derivatives(lift, bundle, [slot_value(cuts, slot) for slot in numbers], scales, fixed)
            results += together([times(second[pair], factor) for pair, factor, _ in recipe])
        return results

    nothing = (np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0))
    assembly = assemble(joined(entries), nothing, start, (n, n))
    used = [group for bundle in bundles for group in bundle.groups]
    return Pieces(pieces, feeder, weight_feeder, assembly, largest(used))


def largest(groups: list[Group]) -> int:
    """Number of elements of the largest group."""
    return max((group.outputs.shape[1] for group in groups), default=0)


Terms = list[tuple[int, Factor]]


def request(feed: Feed, slot: Slot) -> tuple[Terms, np.ndarray | None]:
    """Ask a feed for what a slot adds up: pieces with factors, and a constant."""
    if slot.form.layers is None:
        return [(feed.request_rows(slot.form.rows), 1.0)], slot.offset
    return [(feed.request(layer.indices), layer.factor) for layer in slot.form.layers], slot.offset


def slot_value(cuts: list[jax.Array], requested: tuple[Terms, np.ndarray | None]) -> jax.Array:
    """Value of a slot from the pieces of the feed."""
    terms, offset = requested
    return added([times(cuts[number], factor) for number, factor in terms], offset)


def request_weights(feed: Feed, outputs: sp.csr_array) -> Terms:
    """Ask for B' w: one piece and factor for each output that an element has."""
    transposed = sp.csr_array(outputs.T)
    layers = layered(transposed)
    if layers is None:
        return [(feed.request_rows(transposed), 1.0)]
    return [(feed.request(Indices.of(rows)), values) for rows, values in layers]


def together(pieces: list[jax.Array]) -> list[jax.Array]:
    """Few arrays instead of many, each of few pieces."""
    chunks = [pieces[i : i + PIECES_TOGETHER] for i in range(0, len(pieces), PIECES_TOGETHER)]
    return [jnp.concatenate(chunk) if len(chunk) > 1 else chunk[0] for chunk in chunks]


def slot_derivatives(lift: Lift, group: Group, slots: list, fixed: dict) -> dict[int, jax.Array]:
    """Derivative of every element by each active slot: one forward sweep with a seed of ones a slot."""
    found = {}
    for number in group.active:

        def along(slot, number=number):
            return group_values(lift.reading, group, [*slots[:number], slot, *slots[number + 1 :]], fixed)

        found[number] = jax.jvp(along, (slots[number],), (jnp.ones_like(slots[number]),))[1]
    return found


def pair_derivatives(lift: Lift, bundle: Bundle, slots: list, scales: list, fixed: dict) -> dict:
    """Second derivatives of every element's weighted sum, forward over reverse, a seed of ones a slot."""

    def lagrangian(*slots):
        terms = [
            scale @ group_values(lift.reading, group, [slots[number] for number in numbers], fixed)
            for group, numbers, scale in zip(bundle.groups, bundle.numbers, scales, strict=True)
        ]
        return sum(terms[1:], start=terms[0])

    gradient = jax.grad(lagrangian, argnums=tuple(range(len(slots))))
    found = {}
    for seeded in sorted({b for _, b in bundle.pairs}):

        def along(slot, seeded=seeded):
            return gradient(*slots[:seeded], slot, *slots[seeded + 1 :])

        _, tangents = jax.jvp(along, (slots[seeded],), (jnp.ones_like(slots[seeded]),))
        found |= {(a, b): tangents[a] for a, b in bundle.pairs if b == seeded}
    return found


def bundled(groups: list[Group]) -> list[Bundle]:
    """Put groups of equal size together when one has all slots of the other."""
    bundles: list[tuple[list[Group], dict[bytes, int], list]] = []
    for group in sorted(groups, key=lambda group: -len(group.slots)):
        names = [slot_name(slot) for slot in group.slots]
        for members, known, numbers in bundles:
            if members[0].outputs.shape[1] == group.outputs.shape[1] and set(names) <= set(known):
                members.append(group)
                numbers.append(tuple(known[name] for name in names))
                break
        else:
            known = {name: number for number, name in enumerate(names)}
            bundles.append(([group], known, [tuple(range(len(names)))]))
    return [Bundle(tuple(members), members[0].slots, tuple(numbers)) for members, _, numbers in bundles]


def slot_name(slot: Slot) -> tuple:
    """Equal for equal slots."""
    if slot.form.layers is None:
        return ("rows", id(slot.form.rows), id(slot.offset))
    layers = tuple((layer.indices.name, np.asarray(layer.factor).tobytes()) for layer in slot.form.layers)
    return ("layers", layers, None if slot.offset is None else slot.offset.tobytes())


def columns_of(slot: Slot) -> list[tuple[np.ndarray, Factor]] | None:
    """Variables of each element, layer by layer; None where elements differ in how many they have."""
    if slot.form.layers is None:
        return None
    return [(layer.indices.array, layer.factor) for layer in slot.form.layers]


def jacobian_entries(group: Group, start: int) -> tuple[list, Entries]:
    """Pieces (slot, factor, size) of a group, and the matrix entries that they hold from `start` on."""
    rows = sp.csr_array(group.outputs[1:].T)
    recipe, found = [], []
    for slot in group.active:
        uniform, columns = layered(rows), columns_of(group.slots[slot])
        if uniform is not None and columns is not None:
            for row, row_factor in uniform:
                for column, factor in columns:
                    found.append(Entries.direct(row, column, start))
                    recipe.append((slot, row_factor * factor, row.size))
                    start += row.size
        else:
            found.append(Entries.outer(rows, group.slots[slot].form.to_scipy(), start))
            recipe.append((slot, 1.0, rows.shape[0]))
            start += rows.shape[0]
    return recipe, joined(found)


def hessian_entries(bundle: Bundle, start: int) -> tuple[list, Entries]:
    """Pieces (pair, factor, size) of a bundle, and the lower entries that they hold from `start` on."""
    recipe, found = [], []
    for a, b in bundle.pairs:
        left, right = columns_of(bundle.slots[a]), columns_of(bundle.slots[b])
        if left is None or right is None:
            forms = (bundle.slots[slot].form.to_scipy() for slot in (a, b))
            found.append(Entries.outer(*forms, start).lower(mirrored=a != b))
            recipe.append(((a, b), 1.0, bundle.count))
            start += bundle.count
            continue
        for i, (row, row_factor) in enumerate(left):
            for j, (column, factor) in enumerate(right):
                if a == b and j > i:
                    continue
                twice = np.where((row == column) & ((a != b) | (i != j)), 2.0, 1.0)
                found.append(Entries.direct(np.maximum(row, column), np.minimum(row, column), start))
                recipe.append(((a, b), row_factor * factor * twice, row.size))
                start += row.size
    return recipe, joined(found)
