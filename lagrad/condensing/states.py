"""Hold how states depend on one another: blocks of them, and the entries of their derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

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
    """States of all loops and the derivatives of what they should be.

    States after one step that have to do with one another at any step are a block; simulations side by side
    have blocks of their own.

    Args:
        n: number of variables.
        m: number of constraint rows.
        steps: how many states there are after each step, of all loops.
        slots: of each state, its number among those of its step, other numbers in each loop.
        jacobian: of the constraint rows, then of the states, by x and states; from elements.
    """

    n: int
    m: int
    steps: np.ndarray
    slots: np.ndarray
    jacobian: ElementMatrix

    @classmethod
    def of(cls, lifted: Lifted, jacobian: ElementMatrix) -> States:
        """The states of a lifted program."""
        steps = [size for each in lifted.recurrences for size in each.blocks]
        slots, start = [np.zeros(0, dtype=np.int64)], 0
        for each in lifted.recurrences:
            slots += [np.arange(start, start + each.size)] * (each.length + 1)
            start += each.size
        return cls(lifted.n, lifted.m, np.array(steps, dtype=np.int64), np.concatenate(slots), jacobian)

    @cached_property
    def count(self) -> int:
        """Number of states."""
        return int(self.steps.sum())

    @cached_property
    def step(self) -> np.ndarray:
        """Number of the step that each state is behind."""
        return np.repeat(np.arange(self.steps.size), self.steps)

    @cached_property
    def lanes(self) -> np.ndarray:
        """A number for each state, the same for all that have to do with one another in any way."""
        between = self.by_states
        pairs = np.unique(np.stack([self.slots[between.rows], self.slots[between.columns]]), axis=1)
        labels, before = np.arange(self.slots.max(initial=-1) + 1), None
        while before is None or (labels != before).any():
            before = labels.copy()
            np.minimum.at(labels, pairs[0], before[pairs[1]])
            np.minimum.at(labels, pairs[1], before[pairs[0]])
        return labels[self.slots]

    @cached_property
    def block(self) -> np.ndarray:
        """Block of each state; what is made of others has a higher number than these."""
        keys = self.step * (self.count + 1) + self.lanes
        return np.unique(keys, return_inverse=True)[1]

    @cached_property
    def sizes(self) -> np.ndarray:
        """How many states each block has."""
        return np.bincount(self.block)

    @cached_property
    def place(self) -> np.ndarray:
        """Number of each state in its block."""
        order, starts = np.argsort(self.block, kind="stable"), np.cumsum(self.sizes) - self.sizes
        found = np.empty(self.count, dtype=np.int64)
        found[order] = np.arange(self.count) - starts[self.block[order]]
        return found

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

    @cached_property
    def by_states_of_steps(self) -> list[Entries]:
        """The same derivatives as `by_states`, those of each step by themselves."""
        found = self.by_states
        stops = np.searchsorted(found.rows, np.cumsum(self.steps))
        return [found.at(np.arange(*pair)) for pair in pairwise([0, *stops.tolist()])]

    @cached_property
    def pattern(self) -> np.ndarray:
        """Which x each state can depend on, shape (states, n), zeros and ones in float32."""
        found = np.zeros((self.count, self.n), dtype=np.float32)
        found[self.by_x.rows, self.by_x.columns] = 1.0
        stops = np.cumsum(self.steps)
        for stop, size, entries in zip(stops, self.steps, self.by_states_of_steps, strict=True):
            if entries.rows.size:
                columns, numbers = np.unique(entries.columns, return_inverse=True)
                matrix = np.zeros((size, columns.size), dtype=np.float32)
                matrix[entries.rows - (stop - size), numbers] = 1.0
                rows = found[stop - size : stop]
                rows += matrix @ found[columns]
                np.minimum(rows, 1.0, out=rows)
        return found

    def places(self, given: Sequence[Entries], last: bool) -> np.ndarray:
        """The order in which states first, or last, take variables; those that none takes come behind.

        Args:
            given: derivatives by states and x.
            last: whether the last time counts.

        Returns:
            Place of each variable. Those that only one lane takes stand together.
        """
        rows = np.concatenate([each.rows for each in given])
        columns = np.concatenate([each.columns for each in given])
        never = self.count + 1
        when = extreme(self.n, columns, rows, last)
        first, final = (extreme(self.n, columns, self.lanes[rows], is_last) for is_last in (False, True))
        lanes = np.where((first == final) & (first >= 0), first, never)
        return np.argsort(np.lexsort((np.where(when < 0, never, when), lanes)))


def extreme(n: int, columns: np.ndarray, keys: np.ndarray, last: bool) -> np.ndarray:
    """Smallest or largest key of each of n columns, -1 for those without any.

    >>> extreme(3, np.array([2, 0, 2]), np.array([0, 1, 2]), last=False).tolist()
    [1, -1, 0]
    """
    never = np.iinfo(np.int64).max
    found = np.full(n, -1 if last else never)
    (np.maximum if last else np.minimum).at(found, columns, keys)
    found[found == never] = -1
    return found
