"""Assembly: which matrix entry each computed number belongs to in, fixed triplets and their values out.

If nearly every entry has one number behind it, the numbers are the values, repeated entries and all. If many
entries add up several, a constant sparse matrix adds them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from lagrad.structure.maps import spread

# Solvers sum repeated entries themselves; up to this many numbers an entry that is the cheapest place to do so.
MOST_REPEATED = 1.5
MOST_LAYERS = 8


@dataclass(frozen=True, eq=False)
class Entries:
    """Matrix entries as numbers times factors: entry (rows[k], columns[k]) gets factors[k] * numbers[sources[k]]."""

    rows: np.ndarray
    columns: np.ndarray
    sources: np.ndarray
    factors: np.ndarray

    @classmethod
    def direct(cls, rows: np.ndarray, columns: np.ndarray, start: int) -> Entries:
        """Consecutive numbers from `start` on, one an entry."""
        return cls(rows, columns, np.arange(start, start + rows.size), np.ones(rows.size))

    @classmethod
    def outer(cls, left: sp.csr_array, right: sp.csr_array, start: int) -> Entries:
        """For element e, number start + e times every product of left[e, i] and right[e, j], at (i, j)."""
        left_counts, right_counts = np.diff(left.indptr), np.diff(right.indptr)
        elements = np.repeat(np.arange(left_counts.size), left_counts)
        counts = right_counts[elements]
        entries = spread(right.indptr[elements], counts)
        factors = np.repeat(left.data, counts) * right.data[entries]
        return cls(np.repeat(left.indices, counts), right.indices[entries], start + np.repeat(elements, counts), factors)

    def is_plain(self, count: int) -> bool:
        """Whether entry k is number k, for all `count` numbers."""
        everyone = self.sources.size == count and (self.factors == 1).all()
        return bool(everyone and (self.sources == np.arange(count)).all())

    def lower(self, mirrored: bool) -> Entries:
        """On and below the diagonal; `mirrored` if the transposed entries are part of the matrix too."""
        if not mirrored:
            keep = self.rows >= self.columns
            return Entries(self.rows[keep], self.columns[keep], self.sources[keep], self.factors[keep])
        twice = np.where(self.rows == self.columns, 2.0, 1.0)
        rows, columns = np.maximum(self.rows, self.columns), np.minimum(self.rows, self.columns)
        return Entries(rows, columns, self.sources, self.factors * twice)


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

    def __call__(self, pieces: list[np.ndarray]) -> np.ndarray:
        """Values of all entries, shape (nnz,), a new array."""
        if self.matrix is None:
            return np.concatenate([*pieces, self.base])
        if not self.matrix.nnz:
            return self.base.copy()
        values = self.matrix @ np.concatenate(pieces)
        values += self.base
        return values


def assemble(entries: Entries, constant: tuple, count: int, shape: tuple[int, int]) -> Assembly:
    """Choose how numbers become entries.

    Args:
        entries: what the numbers contribute.
        constant: rows, columns and values of constant entries.
        count: how many numbers there are.
        shape: of the matrix.

    Returns:
        Assembly.
    """
    rows, columns = (np.concatenate(pair) for pair in ((entries.rows, constant[0]), (entries.columns, constant[1])))
    keys = rows.astype(np.int64) * shape[1] + columns
    if entries.is_plain(count) and keys.size <= MOST_REPEATED * distinct(keys):
        return Assembly(rows.astype(np.int32), columns.astype(np.int32), None, np.asarray(constant[2], dtype=float))
    order = np.argsort(keys)
    first = np.ones(keys.size, dtype=bool)
    first[1:] = keys[order[1:]] != keys[order[:-1]]
    return summed(entries, constant[2], count, order, first, rows, columns)


def distinct(keys: np.ndarray) -> int:
    """Number of different keys."""
    ordered = np.sort(keys)
    return int((ordered[1:] != ordered[:-1]).sum()) + min(keys.size, 1)


def summed(entries, constants, count, order, first, rows, columns) -> Assembly:
    """One value an entry, by a constant matrix from the numbers."""
    entry_of = np.cumsum(first) - 1
    nnz = int(first.sum())
    varies = order < entries.sources.size
    moving = order[varies]
    counts = np.bincount(entry_of[varies], minlength=nnz)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    matrix = sp.csr_array((entries.factors[moving], entries.sources[moving], indptr), shape=(nnz, count))
    base = np.bincount(
        entry_of[~varies], weights=np.asarray(constants, float)[order[~varies] - entries.sources.size], minlength=nnz
    )
    lead = order[first]
    return Assembly(rows[lead].astype(np.int32), columns[lead].astype(np.int32), matrix, base)


def joined(parts: list[Entries]) -> Entries:
    """All entries, one after the other."""
    if not parts:
        nothing = np.zeros(0, dtype=np.int64)
        return Entries(nothing, nothing, nothing, np.zeros(0))
    return Entries(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("rows", "columns", "sources", "factors"))
    )


def layered(matrix: sp.csr_array) -> list[tuple[np.ndarray, np.ndarray]] | None:
    """First, second, ... entry of each row as (columns, values); None if rows differ in length or are long."""
    counts = np.diff(matrix.indptr)
    if counts.size == 0 or counts.min() != counts.max() or not 0 < counts[0] <= MOST_LAYERS:
        return None
    return list(zip(matrix.indices.reshape(-1, counts[0]).T, matrix.data.reshape(-1, counts[0]).T, strict=True))
