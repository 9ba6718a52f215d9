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

from lagrad.derivatives.assembly import Assembly, Entries, assemble, layered
from lagrad.derivatives.feed import Feed, Feeder
from lagrad.derivatives.kernel import added, fixed_values, group_values, times
from lagrad.derivatives.lines import Item, lines, lower_item
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


def jacobian(lift: Lift) -> Pieces:
    """Element part of the Jacobian of c, with the constant part C.

    Args:
        lift: split of the Lagrangian program, m + 1 output rows.

    Returns:
        Pieces; its entries are those of an (m, n) matrix.
    """
    m, n = lift.linear.shape[0] - 1, lift.linear.shape[1]
    groups = [group for group in lift.groups if group.outputs[1:].nnz and group.active]
    feed = Feed(n)
    slots = [[request(feed, slot) for slot in group.slots] for group in groups]
    feeder = feed.finish()
    items, uneven = [], {}
    for number, group in enumerate(groups):
        jacobian_entries(number, group, items, uneven)
    entries, constant = lines(items), lift.linear[1:].tocoo()

    def pieces(x, taken, weights, taken_weights, *leaves):
        cuts, fixed, found = feed.pieces(x, taken), fixed_values(lift.reading, list(leaves)), {}
        for number, (group, requests) in enumerate(zip(groups, slots, strict=True)):
            columns = slot_derivatives(lift, group, [slot_value(cuts, slot) for slot in requests], fixed)
            found |= {(number, slot): column for slot, column in columns.items()}
        return together(
            [*(line.values(found.__getitem__) for line in entries), *(found[source] for source in uneven)]
        )

    assembly = assemble(entries, list(uneven.values()), (constant.row, constant.col, constant.data), (m, n))
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
    slots = [[request(feed, slot) for slot in bundle.slots] for bundle in bundles]
    weights = [[request_weights(weight_feed, group.outputs) for group in bundle.groups] for bundle in bundles]
    feeder, weight_feeder = feed.finish(), weight_feed.finish()
    items, uneven = [], {}
    for number, bundle in enumerate(bundles):
        hessian_entries(number, bundle, items, uneven)
    entries = lines(items)

    def pieces(x, taken, all_weights, taken_weights, *leaves):
        cuts, fixed, found = feed.pieces(x, taken), fixed_values(lift.reading, list(leaves)), {}
        weight_cuts = weight_feed.pieces(all_weights, taken_weights)
        for number, (bundle, requests, scaling) in enumerate(zip(bundles, slots, weights, strict=True)):
            scales = [
                added([times(weight_cuts[i], factor) for i, factor in terms], None) for terms in scaling
            ]
            second = pair_derivatives(
                lift, bundle, [slot_value(cuts, slot) for slot in requests], scales, fixed
            )
            found |= {(number, pair): values for pair, values in second.items()}
        return together(
            [*(line.values(found.__getitem__) for line in entries), *(found[source] for source in uneven)]
        )

    nothing = (np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0))
    assembly = assemble(entries, list(uneven.values()), nothing, (n, n))
    used = [group for bundle in bundles for group in bundle.groups]
    return Pieces(pieces, feeder, weight_feeder, assembly, largest(used))


def largest(groups: list[Group]) -> int:
    """Number of elements of the largest group."""
    return max((group.outputs.shape[1] for group in groups), default=0)


Terms = list[tuple[int, Factor]]


def request(feed: Feed, slot: Slot) -> tuple[Terms, np.ndarray | None]:
    """Ask a feed for what a slot adds up: pieces with factors, and a constant."""
    if slot.form.layers is None:
        return [(feed.request_rows(slot.form.to_scipy()), 1.0)], slot.offset
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
    return [(feed.request(layer.indices), layer.factor) for layer in layers]


def together(pieces: list[jax.Array]) -> list[jax.Array]:
    """Few arrays instead of many, each of few pieces."""
    chunks = [pieces[i : i + PIECES_TOGETHER] for i in range(0, len(pieces), PIECES_TOGETHER)]
    return [jnp.concatenate(chunk) if len(chunk) > 1 else chunk[0] for chunk in chunks]


def slot_derivatives(lift: Lift, group: Group, slots: list, fixed: dict) -> dict[int, jax.Array]:
    """Derivative of every element by each active slot: one forward sweep with a seed of ones a slot."""
    # Under `jit` the kernel is traced once, not once a seed.
    values = jax.jit(lambda *slots: group_values(lift.reading, group, list(slots), fixed))
    return {number: along(values, slots, number) for number in group.active}


def pair_derivatives(lift: Lift, bundle: Bundle, slots: list, scales: list, fixed: dict) -> dict:
    """Second derivatives of every element's weighted sum, forward over reverse, a seed of ones a slot."""

    def lagrangian(*slots):
        terms = [
            scale @ group_values(lift.reading, group, [slots[number] for number in numbers], fixed)
            for group, numbers, scale in zip(bundle.groups, bundle.numbers, scales, strict=True)
        ]
        return sum(terms[1:], start=terms[0])

    rows = sorted({a for a, _ in bundle.pairs})
    gradient = jax.jit(jax.grad(lagrangian, argnums=tuple(rows)))
    tangents = {seeded: along(gradient, slots, seeded) for seeded in sorted({b for _, b in bundle.pairs})}
    return {(a, b): tangents[b][rows.index(a)] for a, b in bundle.pairs}


def along(fun: Callable, slots: list, number: int):
    """Derivative of fun(*slots) by one slot, for all elements at once."""
    seed = jnp.ones_like(slots[number])
    _, tangent = jax.jvp(
        lambda slot: fun(*slots[:number], slot, *slots[number + 1 :]), (slots[number],), (seed,)
    )
    return tangent


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


def jacobian_entries(number: int, group: Group, items: list[Item], uneven: dict) -> None:
    """Add where the derivatives of a group lie in the Jacobian."""
    outputs = sp.csr_array(group.outputs[1:].T)
    rows = layered(outputs)
    for slot in group.active:
        form = group.slots[slot].form
        if rows is None or form.layers is None:
            uneven[number, slot] = Entries.outer(outputs, form.to_scipy())
            continue
        for row in rows:
            items += [
                Item((number, slot), row.factor * column.factor, row.indices, column.indices)
                for column in form.layers
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
