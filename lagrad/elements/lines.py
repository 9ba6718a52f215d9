"""Arrange the entries of a matrix in stretches with few summands.

The entries of element derivatives along slices lie on straight lines: diagonals, rows, columns. Pieces on one
line overlap by shifts, so they are added by padding, without any index array, before they leave the compiled
function. Pieces at listed positions are lines of their own.

    objective   (x[i], x[i])     i = 0..8         ┐
    constraint  (x[i+1], x[i+1]) i = 0..7         ┘ one line of 10 entries, the second piece shifted by 1
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lagrad.elements.indices import Indices
from lagrad.elements.maps import Factor

# Name of a derivative: number of its batch, and what of that it is.
Source = tuple[int, tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Item:
    """factor * derivative of element first + k belongs to entry (rows[k], columns[k]).

    Args:
        source: which derivative.
        factor: constants, one number or shape (size,).
        rows: row of each entry, shape (size,).
        columns: column of each entry, shape (size,).
        first: element of the first entry.
    """

    source: Source
    factor: Factor
    rows: Indices
    columns: Indices
    first: int = 0


@dataclass(frozen=True, eq=False)
class Line:
    """Entries at (rows[k], columns[k]), each the sum of at most one element of every item.

    Args:
        rows: row of each entry, shape (size,).
        columns: column of each entry, shape (size,).
        items: what is added up.
        offsets: where on the line each item starts.
        total: whether the line is one entry that adds up all elements.
    """

    rows: Indices
    columns: Indices
    items: tuple[Item, ...]
    offsets: tuple[int, ...]
    total: bool = False


def lines(items: Iterable[Item]) -> list[Line]:
    """Put items on common lines where they overlap or touch.

    Args:
        items: element derivatives and their places.

    Returns:
        Lines that together hold every item once.
    """
    straight: dict[tuple, list[tuple[int, Item]]] = {}
    found = []
    for item in items:
        place = on_line(item)
        if place is None:
            found.append(Line(item.rows, item.columns, (item,), (0,)))
        else:
            straight.setdefault(place[0], []).append((place[1], item))
    for placed in straight.values():
        found += runs(sorted(placed, key=lambda pair: pair[0]))
    return found


def on_line(item: Item) -> tuple[tuple, int] | None:
    """The line through the item's entries and where the item starts on it; None if they are not in line."""
    rows, columns = item.rows, item.columns
    if rows.listed is not None or columns.listed is not None or rows.size < 2:
        return None
    if rows.stride:
        step, rest = divmod(rows.start, rows.stride)
        return ("row", rows.stride, columns.stride, rest, columns.start - step * columns.stride), step
    if columns.stride:
        step, rest = divmod(columns.start, columns.stride)
        return ("column", columns.stride, rest, rows.start), step
    return ("entry", rows.start, columns.start), 0


def runs(placed: list[tuple[int, Item]]) -> Iterable[Line]:
    """Lines without gaps from items of one line, ordered by where they start."""
    begin = 0
    while begin < len(placed):
        start = placed[begin][0]
        stop, end = start + placed[begin][1].rows.size, begin + 1
        while end < len(placed) and placed[end][0] <= stop:
            stop = max(stop, placed[end][0] + placed[end][1].rows.size)
            end += 1
        yield run(placed[begin:end], start, stop - start)
        begin = end


def run(placed: list[tuple[int, Item]], start: int, size: int) -> Line:
    """One line from items that overlap or touch."""
    rows, columns = placed[0][1].rows, placed[0][1].columns
    items = tuple(item for _, item in placed)
    if rows.stride == columns.stride == 0:
        return Line(Indices(1, rows.start), Indices(1, columns.start), items, (0,) * len(items), total=True)
    return Line(
        Indices(size, rows.start, rows.stride),
        Indices(size, columns.start, columns.stride),
        items,
        tuple(place - start for place, _ in placed),
    )


def lower_item(source: Source, factor: Factor, rows: Indices, columns: Indices, mirrored: bool) -> Item:
    """An item moved to the lower triangle, doubled on the diagonal if its mirror image counts too."""
    if rows.name == columns.name:
        return Item(source, factor * 2.0 if mirrored else factor, rows, columns)
    if straight_above(rows, columns):
        return Item(source, factor, rows, columns)
    if straight_above(columns, rows):
        return Item(source, factor, columns, rows)
    i, j = rows.array, columns.array
    twice = np.where((i == j) & mirrored, 2.0, 1.0)
    factor = factor * twice if (twice != 1.0).any() else factor
    return Item(source, factor, Indices.of(np.maximum(i, j)), Indices.of(np.minimum(i, j)))


def straight_above(high: Indices, low: Indices) -> bool:
    """Whether both are progressions and `high` is the greater one everywhere."""
    if high.listed is not None or low.listed is not None or not high.size:
        return False
    last = high.size - 1
    return high.start > low.start and high.start + last * high.stride > low.start + last * low.stride
