"""Describe what batches of elements compute, and where each result is added.

    numbers = start + linear x + fixed p + what elements add        f and c, a gradient, entries of J or of H

One description for all of them, and for both compilers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from lagrad.elements.assembly import Assembly, Entries, assemble
from lagrad.elements.groups import Slot
from lagrad.elements.indices import Indices
from lagrad.elements.lines import Item, Line, Source, lines
from lagrad.elements.maps import Factor
from lagrad.elements.split import Split
from lagrad.elements.tape import Tape

# Rows, columns and values.
Triplets = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class Batch:
    """Elements that are computed together.

    Args:
        slots: inputs of one element.
        outputs: B' for each weighted sum of element values; none but for second derivatives.
        record: (tape, nodes of the slots, nodes of the weights) -> {source: node}.
        count: number of elements.
    """

    slots: tuple[Slot, ...]
    outputs: tuple[sp.csr_array, ...]
    record: Callable[[Tape, Sequence[int], Sequence[int]], dict[Source, int]]
    count: int


@dataclass(frozen=True, eq=False)
class Addend:
    """factor * result of element first + k goes to numbers[places[k]].

    Args:
        source: which result.
        factor: constants, one number or one for each place.
        places: where it goes.
        adds: whether to what is there, or in its place.
        first: the first element that has a place.
    """

    source: Source
    factor: Factor
    places: Indices
    adds: bool = True
    first: int = 0


@dataclass(frozen=True, eq=False)
class ElementSums:
    """Numbers that elements add up to.

    Args:
        split: what they are elements of.
        batches: what to compute.
        addends: for each batch, where its results go.
        size: how many numbers.
        starts: stretches of the numbers, and what they are before anything is added.
        behind: numbers += behind @ results that lie behind them; None without any.
        linear: numbers += linear @ x; None for nothing.
        fixed: variable of params -> matrix by which it is added.
    """

    split: Split
    batches: tuple[Batch, ...]
    addends: tuple[tuple[Addend, ...], ...]
    size: int
    starts: tuple[tuple[slice, np.ndarray | float], ...]
    behind: sp.csr_array | None = None
    linear: sp.csr_array | None = None
    fixed: dict[int, sp.csr_array] | None = None

    @cached_property
    def room(self) -> int:
        """How many numbers, with the results behind them."""
        return self.size + (0 if self.behind is None else self.behind.shape[1])

    def start(self) -> np.ndarray:
        """A new array of all numbers before anything is added, shape (room,)."""
        numbers = np.empty(self.room)
        for stretch, value in self.starts:
            numbers[stretch] = value
        return numbers


@dataclass(frozen=True, eq=False)
class ElementMatrix:
    """Entries of a matrix that elements add up to.

    Args:
        rows: row of each number, shape (size,).
        columns: column of each number.
        sums: the numbers.
    """

    rows: np.ndarray
    columns: np.ndarray
    sums: ElementSums


def element_matrix(
    split: Split,
    batches: Sequence[Batch],
    items: Sequence[Item],
    uneven: dict[Source, Entries],
    constant: Triplets,
    shape: tuple[int, int],
) -> ElementMatrix:
    """Lay out the entries of a matrix.

    Args:
        split: what the batches come from.
        batches: what to compute.
        items: where derivatives lie that belong to one entry an element.
        uneven: further derivatives, and the entries that each takes part in.
        constant: constant entries.
        shape: of the matrix.

    Returns:
        ElementMatrix.
    """
    found = lines(items)
    assembly = assemble(found, list(uneven.values()), constant, shape)
    place = own_entries if assembly.places is None else added_entries
    addends: list[list[Addend]] = [[] for _ in batches]
    starts = place(found, assembly, addends)
    behind = assembly.rows.size
    for source, entries in uneven.items():
        addends[source[0]].append(Addend(source, 1.0, Indices(entries.count, behind), False))
        behind += entries.count
    sums = ElementSums(
        split, tuple(batches), tuple(map(tuple, addends)), assembly.rows.size, tuple(starts), assembly.uneven
    )
    return ElementMatrix(assembly.rows, assembly.columns, sums)


def own_entries(
    found: Sequence[Line], assembly: Assembly, addends: list[list[Addend]]
) -> list[tuple[slice, np.ndarray | float]]:
    """Every line has its own numbers, which are matrix entries as they are; constants follow."""
    start, zeroed = 0, []
    for line in found:
        adds = len(line.items) > 1 or line.total
        for item, offset in zip(line.items, line.offsets, strict=True):
            where = Indices(item.rows.size, start + offset, 0 if line.total else 1)
            addends[item.source[0]].append(Addend(item.source, item.factor, where, adds, item.first))
        stop = start + line.rows.size
        if adds and zeroed and zeroed[-1].stop == start:
            zeroed[-1] = slice(zeroed[-1].start, stop)
        elif adds:
            zeroed.append(slice(start, stop))
        start = stop
    return [*((stretch, 0.0) for stretch in zeroed), (slice(start, None), assembly.base)]


def added_entries(
    found: Sequence[Line], assembly: Assembly, addends: list[list[Addend]]
) -> list[tuple[slice, np.ndarray | float]]:
    """Numbers of lines are added to the entry that they belong to."""
    start, places = 0, assembly.places
    assert places is not None
    for line in found:
        entries = Indices.of(places[start : start + line.rows.size])
        for item, offset in zip(line.items, line.offsets, strict=True):
            size = item.rows.size
            where = (
                Indices(size, int(entries.array[0]), 0) if line.total else entries.at(Indices(size, offset))
            )
            addends[item.source[0]].append(Addend(item.source, item.factor, where, True, item.first))
        start += line.rows.size
    return [(slice(0, assembly.rows.size), assembly.base)]
