"""Element derivatives: a lift in, what to compute for each element and where it lies in J and H out.

    J = C + B N'(u) A,     H = A' W(u, weights) A          u = A x, all of A, B, C constant and sparse

N' and W are block diagonal with one small block an element, so a seed of ones in one slot gives that column
of all blocks at once: as many seeds as one element has slots, whatever the size of the problem.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from lagrad.elements.affine import padded, parts
from lagrad.elements.assembly import Assembly, Entries, assemble
from lagrad.elements.kernel_values import group_values
from lagrad.elements.lines import Item, Line, Source, lines, lower_item
from lagrad.elements.split import Group, Lift, Slot


@dataclass(frozen=True, eq=False)
class Batch:
    """Elements that are differentiated together.

    Args:
        slots: inputs of one element.
        outputs: for each weighted sum of element values, B' of the weights; none for first derivatives.
        derivatives: (slot values, weights, fixed) -> {source: array of shape (count,)}, traceable.
        count: number of elements.
    """

    slots: tuple[Slot, ...]
    outputs: tuple[sp.csr_array, ...]
    derivatives: Callable[[list, list, dict], dict[Source, jax.Array]]
    count: int


@dataclass(frozen=True, eq=False)
class Elements:
    """Derivatives of elements, and how they become entries of a matrix.

    Args:
        lift: what they are elements of.
        batches: what to compute.
        lines: entries made of derivatives.
        uneven: further derivatives, and the entries that each takes part in.
        constant: rows, columns and values of constant entries.
        shape: of the matrix.
    """

    lift: Lift
    batches: tuple[Batch, ...]
    lines: tuple[Line, ...]
    uneven: dict[Source, Entries]
    constant: tuple[np.ndarray, np.ndarray, np.ndarray]
    shape: tuple[int, int]

    @cached_property
    def assembly(self) -> Assembly:
        """From the numbers of the lines, then of the uneven derivatives, to matrix entries."""
        return assemble(self.lines, list(self.uneven.values()), self.constant, self.shape)

    @property
    def largest(self) -> int:
        """Number of elements of the largest batch."""
        return max((batch.count for batch in self.batches), default=0)


@dataclass(frozen=True, eq=False)
class Bundle:
    """Groups of equal size whose slots with second derivatives are among those of the widest.

    Args:
        groups: the groups.
        slots: all their slots, each once.
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


def jacobian(lift: Lift) -> Elements:
    """Element part of the Jacobian of c, with the constant part C.

    Args:
        lift: split of the Lagrangian program, m + 1 output rows.

    Returns:
        Elements of an (m, n) matrix.
    """
    m, n = lift.linear.shape[0] - 1, lift.linear.shape[1]
    bundles = alike([group for group in lift.groups if group.outputs[1:].nnz and group.active])
    items, uneven = [], {}
    for number, bundle in enumerate(bundles):
        for member, group in enumerate(bundle.groups):
            jacobian_entries(number, member, group, items, uneven)
    constant = lift.linear[1:].tocoo()
    return Elements(
        lift,
        tuple(first_derivatives(lift, number, bundle) for number, bundle in enumerate(bundles)),
        tuple(lines(items)),
        uneven,
        (constant.row, constant.col, constant.data),
        (m, n),
    )


def hessian(lift: Lift) -> Elements:
    """Element part of the lower triangle of the Hessian of the Lagrangian.

    Args:
        lift: split of the Lagrangian program.

    Returns:
        Elements of an (n, n) matrix, on and below the diagonal.
    """
    n, bundles = lift.linear.shape[1], bundled([group for group in lift.groups if group.pairs])
    items, uneven = [], {}
    for number, bundle in enumerate(bundles):
        hessian_entries(number, bundle, items, uneven)
    batches = tuple(second_derivatives(lift, number, bundle) for number, bundle in enumerate(bundles))
    nothing = (np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0))
    return Elements(lift, batches, tuple(lines(items)), uneven, nothing, (n, n))


def first_derivatives(lift: Lift, batch: int, bundle: Bundle) -> Batch:
    """Derivative of every element by each active slot: one forward sweep with a seed of ones a slot.

    Sources are named (batch, (number of the group in the bundle, slot of the group)).
    """

    def derivatives(slots: list, weights: list, fixed: dict) -> dict:
        found = {}
        for member, (group, numbers) in enumerate(zip(bundle.groups, bundle.numbers, strict=True)):
            # Under `jit` the kernel is traced once, not once a seed.
            values = jax.jit(lambda *slots, group=group: group_values(lift.reading, group, [*slots], fixed))
            own = [slots[number] for number in numbers]
            found |= {(batch, (member, slot)): along(values, own, slot) for slot in group.active}
        return found

    return Batch(bundle.slots, (), derivatives, bundle.count)


def second_derivatives(lift: Lift, batch: int, bundle: Bundle) -> Batch:
    """Second derivatives of every element's weighted sum, forward over reverse, a seed of ones a slot."""

    def derivatives(slots: list, weights: list, fixed: dict) -> dict:
        def lagrangian(*slots):
            terms = [
                jnp.sum(weight * group_values(lift.reading, group, [slots[i] for i in numbers], fixed))
                for group, numbers, weight in zip(bundle.groups, bundle.numbers, weights, strict=True)
            ]
            return sum(terms[1:], start=terms[0])

        rows = sorted({a for a, _ in bundle.pairs})
        gradient = jax.jit(jax.grad(lagrangian, argnums=tuple(rows)))
        tangents = {b: along(gradient, slots, b) for b in sorted({b for _, b in bundle.pairs})}
        return {(batch, (a, b)): tangents[b][rows.index(a)] for a, b in bundle.pairs}

    outputs = tuple(group.outputs for group in bundle.groups)
    return Batch(bundle.slots, outputs, derivatives, bundle.count)


def along(fun: Callable, slots: list, number: int):
    """Derivative of fun(*slots) by one slot, for all elements at once."""
    seed = jnp.ones_like(slots[number])
    _, tangent = jax.jvp(
        lambda slot: fun(*slots[:number], slot, *slots[number + 1 :]), (slots[number],), (seed,)
    )
    return tangent


def alike(groups: Iterable[Group]) -> list[Bundle]:
    """Put groups of equal size with the same slots together: what they share is computed once."""
    found: dict = {}
    for group in groups:
        key = group.outputs.shape[1], frozenset(slot_name(slot) for slot in group.slots)
        found.setdefault(key, []).append(group)
    return [bundle(members) for members in found.values()]


def bundled(groups: list[Group]) -> list[Bundle]:
    """Put groups of equal size together when one has all slots of the other that have second derivatives."""
    bundles: list[list[Group]] = []
    for group in sorted(groups, key=lambda group: -len(curved_slots(group))):
        wider = (members for members in bundles if covers(members[0], group))
        members = next(wider, None)
        if members is None:
            bundles.append([group])
        else:
            members.append(group)
    return [bundle(members) for members in bundles]


def covers(wide: Group, narrow: Group) -> bool:
    """Whether two groups are of equal size and share every slot in which the second is curved."""
    same_size = wide.outputs.shape[1] == narrow.outputs.shape[1]
    return same_size and curved_slots(narrow).keys() <= curved_slots(wide).keys()


def curved_slots(group: Group) -> dict[tuple, int]:
    """Name and number of the slots of a group that have second derivatives."""
    return {slot_name(group.slots[slot]): slot for pair in group.pairs for slot in pair}


def bundle(groups: list[Group]) -> Bundle:
    """Groups with all their slots, each once."""
    slots = {slot_name(slot): slot for group in groups for slot in group.slots}
    numbers = {name: number for number, name in enumerate(slots)}
    places = tuple(tuple(numbers[slot_name(slot)] for slot in group.slots) for group in groups)
    return Bundle(tuple(groups), tuple(slots.values()), places)


def slot_name(slot: Slot) -> tuple:
    """Equal for equal slots."""
    if slot.form.layers is None:
        return ("rows", id(slot.form.rows), id(slot.offset))
    layers = tuple((layer.indices.name, np.asarray(layer.factor).tobytes()) for layer in slot.form.layers)
    return ("layers", layers, None if slot.offset is None else slot.offset.tobytes())


def jacobian_entries(number: int, member: int, group: Group, items: list[Item], uneven: dict) -> None:
    """Add where the derivatives of a group of a bundle lie in the Jacobian."""
    outputs = sp.csr_array(group.outputs[1:].T)
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
