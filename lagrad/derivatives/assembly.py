"""Assembly: which matrix entry each computed number belongs to in, fixed triplets and their values out.

If nearly every entry has one number behind it, the numbers are the values, repeated entries and all. If many
entries add up several, a constant sparse matrix adds them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from lagrad.derivatives.lines import Line
from lagrad.structure.affine import Layer
from lagrad.structure.indices import Indices
from lagrad.structure.maps import spread

# Solvers sum repeated entries themselves; up to this many numbers an entry that is the cheapest place.
MOST_REPEATED = 2.0
MOST_LAYERS = 8


@dataclass(frozen=True, eq=False)
class Entries:
    """Matrix entries from `count` numbers: (rows[k], columns[k]) gets factors[k] * numbers[sources[k]]."""

    rows: np.ndarray
    columns: np.ndarray
    sources: np.ndarray
    factors: np.ndarray
    count: int

    @classmethod
    def outer(cls, left: sp.csr_array, right: sp.csr_array) -> Entries:
        """For element e, number e times every product of left[e, i] and right[e, j], at (i, j)."""
        left_counts, right_counts = np.diff(left.indptr), np.diff(right.indptr)
        elements = np.repeat(np.arange(left_counts.size), left_counts)
        counts = right_counts[elements]
        entries = spread(right.indptr[elements], counts)
        factors = np.repeat(left.data, counts) * right.data[entries]
        rows, columns = np.repeat(left.indices, counts), right.indices[entries]
        return cls(rows, columns, np.repeat(elements, counts), factors, left_counts.size)

    def lower(self, mirrored: bool) -> Entries:
        """On and below the diagonal; `mirrored` if the transposed entries are part of the matrix too."""
        if not mirrored:
            keep = self.rows >= self.columns
            parts = (self.rows[keep], self.columns[keep], self.sources[keep], self.factors[keep])
            return Entries(*parts, self.count)
        twice = np.where(self.rows == self.columns, 2.0, 1.0)
        rows, columns = np.maximum(self.rows, self.columns), np.minimum(self.rows, self.columns)
        return Entries(rows, columns, self.sources, self.factors * twice, self.count)


@dataclass(frozen=True, eq=False)
class Assembly:
    """From numbers to the values of fixed triplets.

    Args:
        rows: row of each entry, shape (nnz,), int32.
        columns: column of each entry, shape (nnz,), int32.
        matrix: values = matrix @ numbers + base; None if they are the numbers, then `base`.
        base: constant values: of all entries, or of those after the numbers.
    """

    rows: np.ndarray
    columns: np.ndarray
    matrix: sp.csr_array | None
    base: np.ndarray

    def __call__(self, numbers: list[np.ndarray]) -> np.ndarray:
        """Values of all entries, shape (nnz,), a new array."""
        if self.matrix is None:
            return np.concatenate([*numbers, self.base])
        if not self.matrix.nnz:
            return self.base.copy()
        values = self.matrix @ np.concatenate(numbers)
        values += self.base
        return values


Constant = tuple[np.ndarray, np.ndarray, np.ndarray]


def assemble(
    lines: Sequence[Line], uneven: Sequence[Entries], constant: Constant, shape: tuple[int, int]
) -> Assembly:
    """Choose how numbers become entries.

    Args:
        lines: entries that are one number each, in the order of the numbers.
        uneven: what further numbers, those of one after those of the other, contribute.
        constant: rows, columns and values of constant entries.
        shape: of the matrix.

    Returns:
        Assembly.
    """
    rows, columns = (
        np.concatenate([*(narrow(getattr(line, name)) for line in lines), narrow(constant[place])])
        for place, name in enumerate(("rows", "columns"))
    )
    straight = all(line.rows.listed is None and line.columns.listed is None for line in lines)
    if not uneven and (straight or rows.size <= MOST_REPEATED * distinct(rows, columns, shape)):
        return Assembly(rows, columns, None, np.asarray(constant[2], dtype=float))
    count = sum(line.rows.size for line in lines)
    parts = [Entries(rows[:count], columns[:count], np.arange(count), np.ones(count), count), *uneven]
    return summed(joined(parts), constant, shape)


def narrow(indices: Indices | np.ndarray) -> np.ndarray:
    """Indices as int32, what solvers take."""
    if isinstance(indices, np.ndarray) or indices.listed is not None:
        return np.asarray(indices if isinstance(indices, np.ndarray) else indices.listed, dtype=np.int32)
    if indices.stride == 0 or indices.size < 2:
        return np.full(indices.size, indices.start, dtype=np.int32)
    stop = indices.start + indices.stride * (indices.size - 1) + 1
    return np.arange(indices.start, stop, indices.stride, dtype=np.int32)


def distinct(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> int:
    """Number of different entries."""
    ordered = np.sort(rows.astype(np.int64) * shape[1] + columns)
    return int((ordered[1:] != ordered[:-1]).sum()) + min(rows.size, 1)


def summed(entries: Entries, constant: Constant, shape: tuple[int, int]) -> Assembly:
    """One value an entry, by a constant matrix from the numbers."""
    rows, columns = (
        np.concatenate([entries.rows, constant[0]]),
        np.concatenate([entries.columns, constant[1]]),
    )
    keys = rows.astype(np.int64) * shape[1] + columns
    order = np.argsort(keys)
    first = np.ones(keys.size, dtype=bool)
    first[1:] = keys[order[1:]] != keys[order[:-1]]
    entry_of, nnz = np.cumsum(first) - 1, int(first.sum())
    varies = order < entries.sources.size
    moving, still = order[varies], order[~varies] - entries.sources.size
    indptr = np.concatenate([[0], np.cumsum(np.bincount(entry_of[varies], minlength=nnz))])
    entered = (entries.factors[moving], entries.sources[moving], indptr)
    matrix = sp.csr_array(entered, shape=(nnz, entries.count))
    base = np.bincount(entry_of[~varies], weights=np.asarray(constant[2], float)[still], minlength=nnz)
    lead = order[first]
    return Assembly(narrow(rows[lead]), narrow(columns[lead]), matrix, base)


def joined(parts: Sequence[Entries]) -> Entries:
    """All entries, the numbers of one part after those of the other."""
    starts = np.cumsum([0, *(part.count for part in parts)])
    rows, columns, factors = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("rows", "columns", "factors")
    )
    sources = np.concatenate([part.sources + start for part, start in zip(parts, starts, strict=False)])
    return Entries(rows, columns, sources, factors, int(starts[-1]))


def layered(matrix: sp.csr_array) -> list[Layer] | None:
    """First, second, ... entry of each row; None if rows differ in length or are long."""
    counts = np.diff(matrix.indptr)
    if counts.size == 0 or counts.min() != counts.max() or not 0 < counts[0] <= MOST_LAYERS:
        return None
    columns, values = matrix.indices.reshape(-1, counts[0]).T, matrix.data.reshape(-1, counts[0]).T
    return [Layer(Indices.of(column), value) for column, value in zip(columns, values, strict=True)]
