"""Lay out the matrices of a quadratic form whose states are replaced block by block; see `second`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lagrad.condensing.axpys import Room
from lagrad.condensing.states import Entries, States
from lagrad.condensing.stretches import Stretches, bounds
from lagrad.elements.element_sums import ElementMatrix


@dataclass(frozen=True, eq=False)
class Form:
    """Second derivatives, sorted by what they are by.

    Args:
        by_x: by x alone.
        mixed: by a state and x.
        by_states: by two states.
    """

    by_x: Entries
    mixed: Entries
    by_states: Entries

    @classmethod
    def of(cls, hessian: ElementMatrix, n: int, first: int) -> Form:
        """The entries of a lower triangle, whose values begin at some place of the vector."""
        kinds = (hessian.rows >= n).astype(int) + (hessian.columns >= n)
        found = []
        for kind in range(3):
            chosen = np.flatnonzero(kinds == kind)
            rows = hessian.rows[chosen].astype(np.int64) - n * (kind > 0)
            columns = hessian.columns[chosen].astype(np.int64) - n * (kind > 1)
            found.append(Entries(rows, columns, chosen + first))
        return cls(*found)


@dataclass(frozen=True, eq=False)
class Blocks:
    """Where the matrices of all blocks begin.

    Args:
        sizes: states of each block.
        places: place of each variable, in the order in which states take them last.
        pairs: later and earlier block of each C, shape (pairs, 2).
        is_before: whether the later one is made of the earlier one, so that there is an A as well.
        diagonal: M of each block.
        cross: C of each pair.
        slopes: A of each pair.
        inputs: B of each block.
        columns: place of the variable of each column of B, all blocks behind one another.
        first: the first column of each block; and how many there are in all.
        rows: R of each block: from which variable to which, and where it begins.
        found: U of each place, likewise.
    """

    sizes: np.ndarray
    places: np.ndarray
    pairs: np.ndarray
    is_before: np.ndarray
    diagonal: np.ndarray
    cross: np.ndarray
    slopes: np.ndarray
    inputs: np.ndarray
    columns: np.ndarray
    first: np.ndarray
    rows: Stretches
    found: Stretches

    @property
    def counts(self) -> np.ndarray:
        """Columns of B of each block."""
        return np.diff(self.first)

    def number(self, later: np.ndarray, earlier: np.ndarray) -> np.ndarray:
        """Number of each of some pairs."""
        count = self.sizes.size
        return np.searchsorted(self.pairs[:, 0] * count + self.pairs[:, 1], later * count + earlier)


def lay_out(states: States, form: Form, room: Room) -> Blocks:
    """Give every matrix its place in a vector.

    Args:
        states: their blocks.
        form: second derivatives.
        room: of the vector.
    """
    own, mixed, sizes = states.by_x, form.mixed, states.sizes
    places = states.places([own, mixed], last=True)
    block_of_own, block_of_mixed = states.block[own.rows], states.block[mixed.rows]
    pairs = meeting(states, form)
    is_before = np.array([q in states.before[k] for k, q in pairs.tolist()], dtype=bool)

    keys = np.unique(block_of_own * states.n + places[own.columns])
    columns, first = keys % states.n, np.searchsorted(keys // states.n, np.arange(sizes.size + 1))
    starts, stops = bounds(sizes.size, block_of_own, places[own.columns])
    both = np.concatenate([block_of_own, block_of_mixed])
    low, high = bounds(sizes.size, both, places[np.concatenate([own.columns, mixed.columns])])
    for (later, earlier), all_of_it in zip(pairs[::-1].tolist(), is_before[::-1].tolist(), strict=True):
        # A block gets B of what it meets, and all of R of what is made of it.
        begin, end = (low, high) if all_of_it else (starts, stops)
        low[earlier] = min(low[earlier], begin[later])
        high[earlier] = max(high[earlier], end[later])
    rows = Stretches.placed(low, high, room, sizes)

    # U has a row for each column of a B, as wide as R of the blocks that take it.
    blocks = np.repeat(np.arange(sizes.size), np.diff(first))
    least, most = np.full(states.n, np.iinfo(np.int64).max), np.full(states.n, -1)
    np.minimum.at(least, columns, rows.low[blocks])
    np.maximum.at(most, columns, rows.high[blocks])
    products = sizes[pairs[:, 0]] * sizes[pairs[:, 1]]
    return Blocks(
        sizes,
        places,
        pairs,
        is_before,
        room.take_each(sizes**2),
        room.take_each(products),
        room.take_each(products * is_before),
        room.take_each(sizes * np.diff(first)),
        columns,
        first,
        rows,
        Stretches.placed(least, most, room),
    )


def meeting(states: States, form: Form) -> np.ndarray:
    """Pairs of a block and an earlier one that meet in the form, shape (pairs, 2), in order."""
    block, found = states.block, [set(others) for others in states.before]
    given = form.by_states
    for one, other in {*zip(block[given.rows].tolist(), block[given.columns].tolist(), strict=True)}:
        if one != other:
            found[max(one, other)].add(min(one, other))
    for current in range(len(found) - 1, -1, -1):
        for one in states.before[current]:
            for other in found[current]:
                if one != other:
                    found[max(one, other)].add(min(one, other))
    pairs = [(current, other) for current, others in enumerate(found) for other in sorted(others)]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)
