"""Recover matrix entries from products with seeds, by index arrays computed once.

All products lie in one flat array (see `compress`); a slot is a place in it. Each unknown (an entry, or a
mirror pair of a symmetric matrix) is a summand of one or two slots. Alone in a slot, it can be read there;
subtracted from its other slot, it may leave the next one alone. Direct colorings never subtract.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lagrad.coloring.coloring import Coloring
from lagrad.coloring.compiled import run
from lagrad.coloring.graph import by_columns, mirror_pairs

# Up to so many rounds of substitution NumPy does each round at once; beyond, a loop goes entry by entry.
FEW_LEVELS = 64
# A table over all slots is quicker than sorting while it is not much longer than the list of unknowns.
ROOMY = 8
UNDETERMINED = "recovery: {} leaves entries undetermined. Use colors made for this very pattern."


@dataclass(frozen=True, eq=False)
class Recovery:
    """Where each unknown is read, in the order of solution, and what it is subtracted from.

    Args:
        coloring: what is recovered; m rows, n columns.
        source: slot in which each unknown is read, shape (unknowns,), int64.
        target: slot from which it is subtracted once known, the same shape; -1 for none.
        levels: start of each round in `source`, shape (rounds + 1,); at most one round for direct kinds.
        unknown: place in `source` of each entry of the pattern, shape (nnz,); None: entry k is unknown k.

    Direct kinds are read by `products[recovery.slots]`, in NumPy or in a compiled function.
    """

    coloring: Coloring
    source: np.ndarray
    target: np.ndarray
    levels: np.ndarray
    unknown: np.ndarray | None = None

    @property
    def is_direct(self) -> bool:
        """Whether nothing has to be subtracted."""
        return self.levels.size <= 2

    @property
    def num_levels(self) -> int:
        """Rounds of substitution, 1 for direct kinds."""
        return max(self.levels.size - 1, 0)

    @cached_property
    def slots(self) -> np.ndarray:
        """Slot of each entry of the pattern in the flat products, shape (nnz,)."""
        return self.source if self.unknown is None else self.source[self.unknown]

    @cached_property
    def seeds(self) -> np.ndarray:
        """Which product each entry is read from (column seeds, then row seeds), shape (nnz,)."""
        return product_of(self.coloring, self.slots)

    @cached_property
    def positions(self) -> np.ndarray:
        """Where in that product each entry is read, shape (nnz,)."""
        (m, n), forward = self.coloring.pattern.shape, self.coloring.num_column_colors
        beyond = self.slots - forward * m
        return np.where(beyond < 0, self.slots % max(m, 1), beyond % max(n, 1))


def recovery(coloring: Coloring) -> Recovery:
    """Plan how to read every entry of the pattern from the products.

    Args:
        coloring: any coloring.

    Returns:
        Recovery, valid for any values; linear in the number of entries.

    Raises:
        ValueError: the colors do not determine the matrix.

    >>> one = np.ones(2, np.int32)
    >>> from lagrad.pattern import SparsityPattern
    >>> diagonal = SparsityPattern.from_dense([[1, 0], [0, 1]])
    >>> recovery(Coloring("columns", diagonal, one, 0 * one)).slots.tolist()
    [0, 1]
    """
    if coloring.kind == "columns":
        return all_at_once(coloring, column_slots(coloring))
    if coloring.kind == "rows":
        return all_at_once(coloring, row_slots(coloring))
    first, second, unknown = unknown_slots(coloring)
    plan = read_directly if coloring.is_direct else substitute
    return plan(coloring, first, second, unknown)


def decompress(products: np.ndarray, plan: Recovery) -> np.ndarray:
    """Values of the pattern's entries from the products with the seeds.

    Args:
        products: flat array as `compress` gives it.
        plan: the recovery of the coloring.

    Returns:
        Values in the order of the pattern, shape (nnz,).

    >>> from lagrad.coloring.coloring import compress
    >>> from lagrad.pattern import SparsityPattern
    >>> one = np.ones(2, np.int32)
    >>> coloring = Coloring("columns", SparsityPattern.from_dense([[1, 0], [0, 1]]), one, 0 * one)
    >>> decompress(compress(np.diag([3.0, 4.0]), coloring), recovery(coloring)).tolist()
    [3.0, 4.0]
    """
    products = np.asarray(products).ravel()
    if plan.is_direct:
        return products[plan.slots]
    left = np.append(products, 0.0)
    solve = by_rounds if plan.num_levels <= FEW_LEVELS else one_by_one
    values = solve(left, plan)
    return values if plan.unknown is None else values[plan.unknown]


def by_rounds(left: np.ndarray, plan: Recovery) -> np.ndarray:
    """Solve all unknowns of a round at once."""
    values = np.empty(plan.source.size)
    for begin, end in zip(plan.levels[:-1], plan.levels[1:], strict=True):
        values[begin:end] = left[plan.source[begin:end]]
        np.subtract.at(left, plan.target[begin:end], values[begin:end])
    return values


def one_by_one(left: np.ndarray, plan: Recovery) -> np.ndarray:
    """Solve unknown after unknown."""
    values = np.empty(plan.source.size)
    run(substitution_loop, (left, plan.source, plan.target), (values,), steps=values.size)
    return values


def substitution_loop(left, source, target, values):
    """The last place of `left` takes what is subtracted from nothing."""
    for k in range(len(source)):
        values[k] = left[source[k]]
        left[target[k]] -= values[k]


def column_slots(coloring: Coloring) -> np.ndarray:
    """Slot of entry (i, j) in the product with the seed of column j, shape (nnz,); -1 if j is neutral."""
    pattern = coloring.pattern
    return slot_of(coloring.column_colors[pattern.cols], pattern.rows, pattern.shape[0], 0)


def row_slots(coloring: Coloring) -> np.ndarray:
    """Slot of entry (i, j) in the product with the seed of row i, shape (nnz,); -1 if i is neutral."""
    pattern = coloring.pattern
    begin = coloring.num_column_colors * pattern.shape[0]
    return slot_of(coloring.row_colors[pattern.rows], pattern.cols, pattern.shape[1], begin)


def slot_of(colors: np.ndarray, position: np.ndarray, length: int, begin: int) -> np.ndarray:
    """Place of `position` in the product number `colors` - 1, products of `length` starting at `begin`."""
    return np.where(colors > 0, begin + (colors.astype(np.int64) - 1) * length + position, -1)


def product_of(coloring: Coloring, slots: np.ndarray) -> np.ndarray:
    """Number of the product that each slot lies in: column seeds first, then row seeds; -1 for slot -1."""
    (m, n), forward = coloring.pattern.shape, coloring.num_column_colors
    beyond = slots - forward * m
    return np.where(beyond < 0, slots // max(m, 1), forward + beyond // max(n, 1))


def unknown_slots(coloring: Coloring) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The two slots of each unknown (-1 for none), and the unknown of each entry (None: its own)."""
    if not coloring.is_symmetric:
        return column_slots(coloring), row_slots(coloring), None
    pattern, colors = coloring.pattern, coloring.column_colors
    lower = pattern.rows >= pattern.cols
    i, j, n = pattern.rows[lower], pattern.cols[lower], pattern.shape[0]
    mirrored = np.where(i == j, -1, slot_of(colors[i], j, n, 0))
    return slot_of(colors[j], i, n, 0), mirrored, mirror_pairs(lower, by_columns(pattern).positions)


def all_at_once(coloring: Coloring, source: np.ndarray, unknown: np.ndarray | None = None) -> Recovery:
    """A recovery without substitution."""
    return Recovery(coloring, source, np.full(source.size, -1), np.array([0, source.size]), unknown)


def read_directly(coloring, first: np.ndarray, second: np.ndarray, unknown) -> Recovery:
    """Take each unknown from a slot that holds nothing else."""
    alone_first, alone_second = alone(first, second)
    if not np.all(alone_first | alone_second):
        raise ValueError(UNDETERMINED.format(coloring))
    return all_at_once(coloring, np.where(alone_first, first, second), unknown)


def alone(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether each unknown is the only one in its first slot, and in its second."""
    first, second, length = few_slots(first, second)
    counts = np.bincount(np.concatenate([first, second]), minlength=length + 1) == 1
    counts[length] = False
    return counts[first], counts[second]


def few_slots(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Slots renumbered to fit a table of linear size, and its last place, which stands for slot -1."""
    both = np.concatenate([first, second])
    length = int(both.max(initial=-1)) + 1
    if length > ROOMY * both.size + 1024:
        found, both = np.unique(np.append(both, -1), return_inverse=True)
        length, both = found.size - 1, both[:-1] - 1
    both = np.where(both < 0, length, both)
    return both[: first.size], both[first.size :], length


def substitute(coloring, first: np.ndarray, second: np.ndarray, unknown) -> Recovery:
    """Order the unknowns so that each is alone in its source once the earlier ones are subtracted."""
    size = first.size
    solved, mirrored, rounds = elimination(first, second)
    if solved.size < size:
        raise ValueError(UNDETERMINED.format(coloring))
    source = np.where(mirrored, second[solved], first[solved])
    target = np.where(mirrored, first[solved], second[solved])
    levels = np.searchsorted(rounds, np.arange(rounds.max(initial=-1) + 2))
    place = np.empty(size, np.int64)
    place[solved] = np.arange(size)
    return Recovery(coloring, source, target, levels, place if unknown is None else place[unknown])


def elimination(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The unknowns that can be solved for, in order; whether each is read in its second slot; its round."""
    first, second, length = few_slots(first, second)
    size = first.size
    counts = np.bincount(np.concatenate([first, second]), minlength=length + 1)
    mix, queue, level = (np.zeros(length + 1, np.int64) for _ in range(3))
    np.bitwise_xor.at(mix, first, np.arange(size))
    np.bitwise_xor.at(mix, second, np.arange(size))
    outputs = tuple(np.zeros(size, np.int64) for _ in range(3))
    done = run(elimination_loop, (first, second, counts, mix, queue, level), outputs, steps=4 * size + length)
    solved, mirrored, rounds = (output[:done] for output in outputs)
    return solved, mirrored.astype(bool), rounds


def elimination_loop(first, second, counts, mix, queue, level, solved, mirrored, rounds):
    """First in, first out over the slots with one unknown left: the exclusive or of those left there."""
    nowhere, tail, done, head = len(counts) - 1, 0, 0, 0
    for slot in range(nowhere):
        if counts[slot] == 1:
            queue[tail] = slot
            tail += 1
    while head < tail:
        slot = queue[head]
        head += 1
        if counts[slot] != 1:
            continue
        u = mix[slot]
        other = first[u] if second[u] == slot else second[u]
        solved[done], mirrored[done], rounds[done] = u, second[u] == slot, level[slot]
        done += 1
        counts[slot] = 0
        if other == nowhere:
            continue
        counts[other] -= 1
        mix[other] ^= u
        if counts[other] == 1:
            level[other] = level[slot] + 1
            queue[tail] = other
            tail += 1
    return done
