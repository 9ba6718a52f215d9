"""Write down the Hessian of the Lagrangian by x alone, from second derivatives by x and states.

Half of it is a quadratic form in x and in how states move, z. From the last block to the first, z_k is
replaced by what it is made of:

    z_k' M z_k  +  sum of z_k' C_q z_q  +  z_k' R x          with  z_k = sum of A_p z_p + B x

    C_p += M A_p,  R += M B                                  z_k replaced on the right of M
    z_p' (A_p' C_q) z_q,  z_q' (C_q' B) x                    z_k replaced on the left of C
    z_p' (A_p' R) x,  x' (B' R) x                            and of R

What is left is x' U x, and H = U + U'. States have weights, their adjoints, which come first. For N steps
with controls of their own this takes of the order of N^2 products, as many as H has entries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from lagrad.condensing.axpys import Axpys, Listing, Room, grid
from lagrad.condensing.blocks import Blocks, Form, lay_out
from lagrad.condensing.first import Condensation, entries_of, incidence
from lagrad.condensing.states import Entries, States
from lagrad.elements.element_sums import ElementMatrix

# Products of patterns are dense up to so many variables: sparse ones take many times as long a number.
FEW_VARIABLES = 2048
# What is done for one block, in turns; before all else matrices are filled.
INTO_C, INTO_R, OUT_OF_C, OUT_OF_R, TURNS = range(5)
FILLING = -1


@dataclass(frozen=True, eq=False)
class Adjoints:
    """How the weights of states are computed in one vector.

    Args:
        size: of the vector.
        gradient: where the gradient of f by x and states is put, x first.
        weights: where weights of f and of the constraint rows are put; those of states come behind them.
        axpys: the updates.
    """

    size: int
    gradient: int
    weights: int
    axpys: Axpys


def adjoints(states: States) -> Adjoints:
    """The adjoints of states: how f and the constraint rows, weighted, move with each.

    Args:
        states: with the values of their derivatives at the beginning of the vector.
    """
    room, updates = Room(states.jacobian.rows.size), Listing()
    gradient = room.take(states.n + states.count)
    weights = room.take(1 + states.m)
    own = room.take(states.count)
    updates.add(own, weights, gradient + states.n, states.count, 0)
    through, between = states.entries(False, True), states.by_states
    updates.add(own + through.columns, through.numbers, weights + 1 + through.rows, 1, 1)
    # The last first.
    turns = 2 + states.count - between.rows
    updates.add(own + between.columns, between.numbers, own + between.rows, 1, turns)
    return Adjoints(room.size, gradient, weights, updates.finish())


def gradient(states: States) -> Adjoints:
    """The gradient of f by x alone, in the place of that by x and states.

    Args:
        states: with the values of their derivatives at the beginning of the vector.
    """
    room, updates = Room(states.jacobian.rows.size), Listing()
    start = room.take(states.n + states.count)
    for entries, first in ((states.by_states, start + states.n), (states.by_x, start)):
        turns = states.count - entries.rows
        updates.add(first + entries.columns, entries.numbers, start + states.n + entries.rows, 1, turns)
    return Adjoints(room.size, start, room.size, updates.finish())


def hessian(states: States, matrix: ElementMatrix) -> Condensation:
    """The lower triangle of the Hessian.

    Args:
        states: with the values of their derivatives at the beginning of the vector.
        matrix: lower triangle by x and states, whose values come next; then one, one half and zero.
    """
    room, updates = Room(states.jacobian.rows.size), Listing()
    form = Form.of(matrix, states.n, room.take(matrix.rows.size))
    one, half, zero = (room.take(1) for _ in range(3))
    blocks = lay_out(states, form, room)
    fill(updates, states, blocks, form, (one, half))
    replaced_on_the_right(updates, blocks)
    replaced_on_the_left(updates, blocks)

    rows, columns = lower_pattern(states, form)
    row_places, column_places = blocks.places[rows], blocks.places[columns]
    taken = lookup(blocks, row_places, column_places, zero)
    added = lookup(blocks, column_places, row_places, zero)
    outside = (taken == zero) & (added == zero)
    taken[outside] = room.take(int(outside.sum())) + np.arange(outside.sum())
    fill_by_x(updates, form.by_x, (rows, columns), (taken, added, outside), (one, half, states.n))
    return Condensation(rows, columns, room.size, updates.finish(), taken, added)


def lookup(blocks: Blocks, rows: np.ndarray, columns: np.ndarray, zero: int) -> np.ndarray:
    """Where entries of U are, by places; zero for those that have none."""
    return np.where(blocks.found.has(rows, columns), blocks.found.at(rows, columns), zero)


def lower_pattern(states: States, form: Form) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of what can be nonzero, on and below the diagonal."""
    n, is_small = states.n, states.n <= FEW_VARIABLES
    given = (form.by_x, (n, n)), (form.mixed, (states.count, n))
    own, mixed = (incidence(*each).toarray() if is_small else incidence(*each) for each in given)
    moved: Any = states.pattern if is_small else sp.csr_array(states.pattern)
    found = moved.T @ (incidence(form.by_states, (states.count, states.count)) @ moved + mixed)
    found = own + found + found.T
    if not is_small:
        return entries_of(sp.csr_array(sp.tril(found)))
    rows, columns = np.nonzero(np.tril(found))
    return rows, columns


def fill(updates: Listing, states: States, blocks: Blocks, form: Form, factors: tuple[int, int]) -> None:
    """Put derivatives by states into M, C, R, A and B."""
    one, half = factors
    block, place, sizes = states.block, states.place, blocks.sizes

    def matrix(starts: np.ndarray, entries: Entries) -> np.ndarray:
        rows, columns = entries.rows, entries.columns
        number = blocks.number(block[rows], block[columns])
        return starts[number] + place[rows] * sizes[block[columns]] + place[columns]

    both = form.by_states
    is_same = block[both.rows] == block[both.columns]
    own, cross = both.at(np.flatnonzero(is_same)), both.at(np.flatnonzero(~is_same))
    where = blocks.diagonal[block[own.rows]] + place[own.rows] * sizes[block[own.rows]] + place[own.columns]
    updates.add(where, np.where(own.rows == own.columns, half, one), own.numbers, 1, FILLING)
    updates.add(matrix(blocks.cross, cross), one, cross.numbers, 1, FILLING)
    updates.add(matrix(blocks.slopes, states.by_states), one, states.by_states.numbers, 1, FILLING)
    mixed, of_block = form.mixed, block[form.mixed.rows]
    where = blocks.rows.at(of_block, blocks.places[mixed.columns])
    updates.add(where + place[mixed.rows] * blocks.rows.widths[of_block], one, mixed.numbers, 1, FILLING)
    inputs, of_block = states.by_x, block[states.by_x.rows]
    keys = np.repeat(np.arange(sizes.size), blocks.counts) * states.n + blocks.columns
    column = np.searchsorted(keys, of_block * states.n + blocks.places[inputs.columns])
    where = blocks.inputs[of_block] + place[inputs.rows] * blocks.counts[of_block]
    updates.add(where + column - blocks.first[of_block], one, inputs.numbers, 1, FILLING)


def fill_by_x(
    updates: Listing,
    entries: Entries,
    found: tuple[np.ndarray, np.ndarray],
    places: tuple[np.ndarray, np.ndarray, np.ndarray],
    given: tuple[int, int, int],
) -> None:
    """Add derivatives by x alone to one of the two places that an entry is read from."""
    (rows, columns), (taken, added, outside), (one, half, n) = found, places, given
    number = np.searchsorted(rows * n + columns, entries.rows * n + entries.columns)
    # What is on the diagonal is read twice, unless it has a place of its own.
    twice = (entries.rows == entries.columns) & ~outside[number]
    first = np.where(outside[number] | (taken[number] > added[number]), taken[number], added[number])
    updates.add(first, np.where(twice, half, one), entries.numbers, 1, FILLING)


def turn(blocks: Blocks, block: np.ndarray, what: int) -> np.ndarray:
    """When something is done: the last block first."""
    return (blocks.sizes.size - 1 - block) * TURNS + what


def runs(blocks: Blocks) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Columns of B that lie side by side: block, number of the first in the block, its place, how many."""
    block = np.repeat(np.arange(blocks.sizes.size), blocks.counts)
    begins = np.ones(block.size, dtype=bool)
    begins[1:] = (np.diff(block) != 0) | (np.diff(blocks.columns) != 1)
    first = np.flatnonzero(begins)
    lengths = np.diff(np.append(first, block.size))
    return block[first], first - blocks.first[block[first]], blocks.columns[first], lengths


def replaced_on_the_right(updates: Listing, blocks: Blocks) -> None:
    """C_p += M A_p and R += M B."""
    sizes = blocks.sizes
    number = np.flatnonzero(blocks.is_before)
    later, earlier = blocks.pairs[number].T
    which, i, j = grid(sizes[later], sizes[later])
    k, width = later[which], sizes[earlier][which]
    updates.add(
        blocks.cross[number][which] + i * width,
        blocks.diagonal[k] + i * sizes[k] + j,
        blocks.slopes[number][which] + j * width,
        width,
        turn(blocks, k, INTO_C),
    )
    block, column, place, length = runs(blocks)
    which, i, j = grid(sizes[block], sizes[block])
    k = block[which]
    updates.add(
        blocks.rows.at(k, place[which]) + i * blocks.rows.widths[k],
        blocks.diagonal[k] + i * sizes[k] + j,
        blocks.inputs[k] + j * blocks.counts[k] + column[which],
        length[which],
        turn(blocks, k, INTO_R),
    )


def replaced_on_the_left(updates: Listing, blocks: Blocks) -> None:
    """What C, and then R, of a block gives to earlier ones, and to U."""
    between_earlier(updates, blocks)
    sizes, widths = blocks.sizes, blocks.rows.widths

    # R_q += C_q' B, for stretches of B.
    block, column, place, length = runs(blocks)
    count = np.searchsorted(blocks.pairs[:, 0], block, side="right")
    begin = np.searchsorted(blocks.pairs[:, 0], block)
    which, step = grid(count - begin)
    number, run = begin[which] + step, which
    k, q = blocks.pairs[number].T
    box, i, j = grid(sizes[k], sizes[q])
    number, run, k, q = number[box], run[box], k[box], q[box]
    updates.add(
        blocks.rows.at(q, place[run]) + j * widths[q],
        blocks.cross[number] + i * sizes[q] + j,
        blocks.inputs[k] + i * blocks.counts[k] + column[run],
        length[run],
        turn(blocks, k, OUT_OF_C),
    )

    # R_p += A_p' R.
    number = np.flatnonzero(blocks.is_before)
    k, p = blocks.pairs[number].T
    box, i, j = grid(sizes[k], sizes[p])
    number, k, p = number[box], k[box], p[box]
    updates.add(
        blocks.rows.at(p, blocks.rows.low[k]) + j * widths[p],
        blocks.slopes[number] + i * sizes[p] + j,
        blocks.rows.start[k] + i * widths[k],
        widths[k],
        turn(blocks, k, OUT_OF_R),
    )

    # U += B' R.
    k, i, j = grid(sizes, blocks.counts)
    updates.add(
        blocks.found.at(blocks.columns[blocks.first[k] + j], blocks.rows.low[k]),
        blocks.inputs[k] + i * blocks.counts[k] + j,
        blocks.rows.start[k] + i * widths[k],
        widths[k],
        turn(blocks, k, OUT_OF_R),
    )


def between_earlier(updates: Listing, blocks: Blocks) -> None:
    """A_p' C_q goes to where p and q meet: M if they are one, else C of the later one."""
    sizes = blocks.sizes
    begin = np.searchsorted(blocks.pairs[:, 0], blocks.pairs[:, 0])
    stop = np.searchsorted(blocks.pairs[:, 0], blocks.pairs[:, 0], side="right")
    made = np.flatnonzero(blocks.is_before)
    which, step = grid((stop - begin)[made])
    first, second = made[which], begin[made][which] + step
    k, p, q = blocks.pairs[first, 0], blocks.pairs[first, 1], blocks.pairs[second, 1]
    goal = np.where(p == q, 0, blocks.number(np.maximum(p, q), np.minimum(p, q)))
    goal = np.where(p == q, blocks.diagonal[p], blocks.cross[np.minimum(goal, len(blocks.pairs) - 1)])
    for chosen, is_turned in ((np.flatnonzero(p >= q), False), (np.flatnonzero(p < q), True)):
        # Rows of what is added are those of C where p comes behind q, else those of A.
        left, right = (first, second) if not is_turned else (second, first)
        starts = (blocks.slopes, blocks.cross) if not is_turned else (blocks.cross, blocks.slopes)
        outer, inner = (p, q) if not is_turned else (q, p)
        box, i, j = grid(sizes[k[chosen]], sizes[outer[chosen]])
        each = chosen[box]
        height, width = sizes[outer[each]], sizes[inner[each]]
        updates.add(
            goal[each] + j * width,
            starts[0][left[each]] + i * height + j,
            starts[1][right[each]] + i * width,
            width,
            turn(blocks, k[each], OUT_OF_C),
        )
