"""Hold how states depend on one another: blocks of them, and the entries of their derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lagrad.elements.element_sums import ElementMatrix
from lagrad.program.lifting import Lifted


@dataclass(frozen=True, eq=False)
class Entries:
    """Derivatives of some rows by x or by states.

    Args:
        rows: of each entry.
        columns: of each entry, counted among x or among states.
        numbers: its place among the values that elements give.
    """

    rows: np.ndarray
    columns: np.ndarray
    numbers: np.ndarray

    def at(self, chosen: np.ndarray) -> Entries:
        """Some of them."""
        return Entries(self.rows[chosen], self.columns[chosen], self.numbers[chosen])


@dataclass(frozen=True, eq=False)
class States:
    """States of all loops, those after the same step a block, and the derivatives of what they should be.

    Args:
        n: number of variables.
        m: number of constraint rows.
        sizes: how many states each block has.
        jacobian: of the constraint rows, then of the states, by x and states; from elements.
    """

    n: int
    m: int
    sizes: np.ndarray
    jacobian: ElementMatrix

    @classmethod
    def of(cls, lifted: Lifted, jacobian: ElementMatrix) -> States:
        """The states of a lifted program."""
        sizes = [size for each in lifted.recurrences for size in each.blocks]
        return cls(lifted.n, lifted.m, np.array(sizes, dtype=np.int64), jacobian)

    @cached_property
    def count(self) -> int:
        """Number of states."""
        return int(self.sizes.sum())

    @cached_property
    def starts(self) -> np.ndarray:
        """The first state of each block."""
        return np.cumsum(self.sizes) - self.sizes

    @cached_property
    def block(self) -> np.ndarray:
        """Block of each state."""
        return np.repeat(np.arange(self.sizes.size), self.sizes)

    @cached_property
    def place(self) -> np.ndarray:
        """Number of each state in its block."""
        return np.arange(self.count) - self.starts[self.block]

    def entries(self, of_states: bool, by_states: bool) -> Entries:
        """Derivatives of constraint rows or of what states should be, by x or by states."""
        rows, columns = self.jacobian.rows.astype(np.int64), self.jacobian.columns.astype(np.int64)
        chosen = ((rows >= self.m) == of_states) & ((columns >= self.n) == by_states)
        numbers = np.flatnonzero(chosen)
        found = rows[chosen] - self.m * of_states, columns[chosen] - self.n * by_states
        return Entries(*found, numbers)

    @cached_property
    def by_x(self) -> Entries:
        """Derivatives of what states should be by x."""
        return self.entries(True, False)

    @cached_property
    def by_states(self) -> Entries:
        """Derivatives of what states should be by other states, in their order."""
        found = self.entries(True, True)
        return found.at(np.argsort(found.rows, kind="stable"))

    @cached_property
    def before(self) -> list[list[int]]:
        """For each block, the blocks whose states it is made of."""
        found = self.by_states
        pairs = np.unique(np.stack([self.block[found.rows], self.block[found.columns]], axis=1), axis=0)
        blocks: list[list[int]] = [[] for _ in self.sizes]
        for block, other in pairs.tolist():
            blocks[block].append(other)
        return blocks

    def split_by_block(self, entries: Entries) -> list[slice]:
        """Where the entries of each block are, for entries in the order of their rows."""
        stops = np.searchsorted(entries.rows, np.append(self.starts, self.count))
        return [slice(start, stop) for start, stop in zip(stops[:-1], stops[1:], strict=True)]

    @cached_property
    def pattern(self) -> np.ndarray:
        """Which x each state can depend on, shape (states, n), zeros and ones in float32."""
        found = np.zeros((self.count, self.n), dtype=np.float32)
        found[self.by_x.rows, self.by_x.columns] = 1.0
        entries = self.by_states
        for block, (part, others) in enumerate(zip(self.split_by_block(entries), self.before, strict=True)):
            rows, columns = entries.rows[part], entries.columns[part]
            start, size = self.starts[block], self.sizes[block]
            for other in others:
                chosen = self.block[columns] == other
                width, first = self.sizes[other], self.starts[other]
                matrix = np.zeros((size, width), dtype=np.float32)
                matrix[rows[chosen] - start, columns[chosen] - first] = 1.0
                found[start : start + size] += matrix @ found[first : first + width]
            np.minimum(found[start : start + size], 1.0, out=found[start : start + size])
        return found


def order_of(n: int, columns: Sequence[np.ndarray], keys: Sequence[np.ndarray], last: bool) -> np.ndarray:
    """Variables in the order in which states first, or last, take them; those that none takes come behind.

    Args:
        n: number of variables.
        columns: variables that are taken.
        keys: when.
        last: whether the last time counts.

    Returns:
        Place of each variable.

    >>> order_of(3, [np.array([2, 0, 2])], [np.array([0, 1, 2])], last=False).tolist()
    [1, 2, 0]
    """
    never = np.iinfo(np.int64).max
    when = np.full(n, -1 if last else never)
    for each, key in zip(columns, keys, strict=True):
        (np.maximum if last else np.minimum).at(when, each, key)
    when[when < 0] = never
    places = np.empty(n, dtype=np.int64)
    places[np.argsort(when, kind="stable")] = np.arange(n)
    return places
