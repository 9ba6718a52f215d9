"""Add computed numbers up to the entries of a matrix of fixed structure.

If nearly every entry has one number behind it, the numbers are the values, repeated entries and all. If many
entries add up several, a constant sparse matrix adds them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from lagrad.elements.indices import Indices
from lagrad.elements.lines import Line
from lagrad.elements.maps import spread

# Solvers sum repeated entries themselves; up to this many numbers an entry that is the cheapest place.
MOST_REPEATED = 3.0
# 2^64 over the golden ratio.
GOLDEN = 0x9E3779B97F4A7C15


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
    """From numbers to the values of fixed triplets: those of the lines, then those of uneven derivatives.

    Args:
        rows: row of each entry, shape (nnz,), int32.
        columns: column of each entry, shape (nnz,), int32.
        base: constant values: of all entries, or of those after the numbers if these are entries as they are.
        places: entry that each number of the lines is added to; None if they are the first entries, in order.
        uneven: entries += uneven @ numbers of uneven derivatives; None without any.
    """

    rows: np.ndarray
    columns: np.ndarray
    base: np.ndarray
    places: np.ndarray | None = None
    uneven: sp.csr_array | None = None


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
    if not uneven and (straight or rows.size <= MOST_REPEATED * different(rows, columns, shape)):
        return Assembly(rows, columns, np.asarray(constant[2], dtype=float))
    count = sum(line.rows.size for line in lines)
    return summed(rows[:count], columns[:count], joined(uneven) if uneven else None, constant, shape)


def narrow(indices: Indices | np.ndarray) -> np.ndarray:
    """Indices as int32, what solvers take."""
    if isinstance(indices, np.ndarray) or indices.listed is not None:
        return np.asarray(indices if isinstance(indices, np.ndarray) else indices.listed, dtype=np.int32)
    if indices.stride == 0 or indices.size < 2:
        return np.full(indices.size, indices.start, dtype=np.int32)
    stop = indices.start + indices.stride * (indices.size - 1) + 1
    return np.arange(indices.start, stop, indices.stride, dtype=np.int32)


def different(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> int:
    """At least how many entries are different: as many as their hashes are.

    Few of these meet by chance, and to sort the entries takes ten times as long. Multiplied by 2^64 over the
    golden ratio they spread: Knuth, The Art of Computer Programming 3, section 6.4.
    """
    bits = max(rows.size, 1).bit_length() + 3
    keys = rows.astype(np.uint64) * np.uint64(shape[1]) + columns.astype(np.uint64)
    taken = np.zeros(2**bits, dtype=bool)
    taken[((keys * np.uint64(GOLDEN)) >> np.uint64(64 - bits)).astype(np.intp)] = True
    return int(np.count_nonzero(taken))


def summed(
    rows: np.ndarray,
    columns: np.ndarray,
    uneven: Entries | None,
    constant: Constant,
    shape: tuple[int, int],
) -> Assembly:
    """One value an entry, in order of appearance: then most numbers go to one place after the other."""
    each = [(rows, columns), constant[:2], *([(uneven.rows, uneven.columns)] if uneven else [])]
    all_rows, all_columns = (np.concatenate(arrays) for arrays in zip(*each, strict=True))
    keys, entry_of = distinct_keys(all_rows.astype(np.int64) * shape[1] + all_columns)
    ends = np.cumsum([array.size for array, _ in each])
    places, still, moving = entry_of[: ends[0]], entry_of[ends[0] : ends[1]], entry_of[ends[1] :]
    base = np.bincount(still, weights=np.asarray(constant[2], float), minlength=keys.size)
    matrix = None
    if uneven:
        triplets = (uneven.factors, (moving, uneven.sources))
        matrix = sp.coo_array(triplets, shape=(keys.size, uneven.count)).tocsr()
    return Assembly(narrow(keys // shape[1]), narrow(keys % shape[1]), base, places, matrix)


def distinct_keys(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Different keys in the order in which they first appear, and which of them each key is.

    >>> distinct_keys(np.array([7, 3, 7, 5]))
    (array([7, 3, 5]), array([0, 1, 0, 2]))
    """
    found, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    return found[order], rank[inverse]


def joined(parts: Sequence[Entries]) -> Entries:
    """All entries, the numbers of one part after those of the other."""
    starts = np.cumsum([0, *(part.count for part in parts)])
    rows, columns, factors = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("rows", "columns", "factors")
    )
    sources = np.concatenate([part.sources + start for part, start in zip(parts, starts, strict=False)])
    return Entries(rows, columns, sources, factors, int(starts[-1]))
