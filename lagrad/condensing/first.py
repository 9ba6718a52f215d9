"""Write down the Jacobian of constraint rows by x alone, from derivatives by x and states.

    S_k = B_k + sum of A_kp S_p          how states move with x, block after block
    J = C_x + C_z S

Each row of S is a stretch of numbers, from the first variable that it takes to the last, in the order in
which states take them: of controls, one for each step, a state takes those before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from lagrad.condensing.axpys import Axpys, Listing, Room
from lagrad.condensing.states import Entries, States
from lagrad.condensing.stretches import Stretches, bounds


@dataclass(frozen=True, eq=False)
class Condensation:
    """How the entries of a matrix are computed in one vector.

    Args:
        rows: of each entry.
        columns: of each entry.
        size: of the vector.
        axpys: the updates.
        taken: where each entry is at the end.
        added: a second place, whose number is added; None for none.
    """

    rows: np.ndarray
    columns: np.ndarray
    size: int
    axpys: Axpys
    taken: np.ndarray
    added: np.ndarray | None = None


def jacobian(states: States) -> Condensation:
    """The Jacobian of the constraint rows.

    Args:
        states: with the values of their derivatives at the beginning of the vector, followed by a one.
    """
    own, between = states.by_x, states.by_states
    direct, through = states.entries(False, False), states.entries(False, True)
    places = states.places([own], last=False)
    room, updates = Room(), Listing()
    room.take(states.jacobian.rows.size)
    one = room.take(1)

    low, high = bounds(states.count, own.rows, places[own.columns])
    for entries in states.by_states_of_steps:
        widen(low, high, entries, low, high)
    moved = Stretches.placed(low, high, room)
    fill(updates, moved, own, places, one)
    push(updates, moved, moved, between, between.rows + 1)

    low, high = bounds(states.m, np.zeros(0, int), np.zeros(0, int))
    widen(low, high, through, moved.low, moved.high)
    rows = Stretches.placed(low, high, room)
    push(updates, rows, moved, through, states.count + 1)

    used = incidence(through, (states.m, states.count)) @ sp.csr_array(states.pattern)
    entry_rows, columns = entries_of(incidence(direct, (states.m, states.n)) + used)
    inside = rows.has(entry_rows, places[columns])
    outside = np.flatnonzero(~inside)
    taken = np.where(inside, rows.at(entry_rows, places[columns]), 0)
    taken[outside] = room.take(outside.size) + np.arange(outside.size)
    keys = entry_rows * states.n + columns
    number = np.searchsorted(keys, direct.rows * states.n + direct.columns)
    updates.add(taken[number], one, direct.numbers, 1, 0)
    return Condensation(entry_rows, columns, room.size, updates.finish(), taken)


def entries_of(matrix: sp.csr_array) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of a matrix without negative numbers, in order."""
    matrix.sort_indices()
    found = sp.coo_array(matrix)
    return found.row.astype(np.int64), found.col.astype(np.int64)


def incidence(entries: Entries, shape: tuple[int, int]) -> sp.csr_array:
    """Ones where there are entries."""
    return sp.csr_array((np.ones(entries.rows.size, np.float32), (entries.rows, entries.columns)), shape)


def widen(low: np.ndarray, high: np.ndarray, entries: Entries, lows: np.ndarray, highs: np.ndarray) -> None:
    """Make rows as wide as what they take of others."""
    taken = highs[entries.columns] > lows[entries.columns]
    rows, columns = entries.rows[taken], entries.columns[taken]
    np.minimum.at(low, rows, lows[columns])
    np.maximum.at(high, rows, highs[columns])


def fill(updates: Listing, stretches: Stretches, entries: Entries, places: np.ndarray, one: int) -> None:
    """Put entries by x into their rows."""
    updates.add(stretches.at(entries.rows, places[entries.columns]), one, entries.numbers, 1, 0)


def push(
    updates: Listing, rows: Stretches, others: Stretches, entries: Entries, turn: np.ndarray | int
) -> None:
    """Add multiples of other rows."""
    widths = others.high[entries.columns] - others.low[entries.columns]
    target = rows.at(entries.rows, others.low[entries.columns])
    updates.add(target, entries.numbers, others.start[entries.columns], widths, turn)
