"""Sort triplets once, and build a SciPy matrix of their values at every point.

rows, cols  ->  Triplets (sorted once)  ->  triplets.matrix(values): csr_array
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp


@dataclass(frozen=True, eq=False)
class Triplets:
    """Where each triplet's value goes in a CSR matrix; repeated positions are summed.

    Args:
        source: which triplet each contribution takes, shape (k,), int, those of one entry side by side.
        starts: first contribution of each stored entry, shape (nnz,).
        indices: column of each stored entry, shape (nnz,), sorted in each row.
        indptr: start of each row, shape (rows + 1,).
        shape: number of rows and columns.

    >>> Triplets.of([0, 1, 1], [0, 0, 0], (2, 2)).matrix(np.array([1.0, 2.0, 3.0])).toarray()
    array([[1., 0.],
           [5., 0.]])
    """

    source: np.ndarray
    starts: np.ndarray
    indices: np.ndarray
    indptr: np.ndarray
    shape: tuple[int, int]

    @classmethod
    def of(
        cls,
        rows: npt.ArrayLike,
        cols: npt.ArrayLike,
        shape: tuple[int, int],
        source: npt.ArrayLike | None = None,
    ) -> Triplets:
        """Triplets at (rows, cols); contribution i takes the value `source[i]`, by default i."""
        places = np.asarray(rows, np.int64) * shape[1] + np.asarray(cols, np.int64)
        source = np.arange(places.size) if source is None else np.asarray(source)
        order = np.argsort(places, kind="stable")
        places = places[order]
        starts = np.flatnonzero(np.diff(places, prepend=-1))
        entries, width = places[starts], max(shape[1], 1)
        indptr = np.concatenate([[0], np.cumsum(np.bincount(entries // width, minlength=shape[0]))])
        index = np.int32 if max(entries.size, *shape) < np.iinfo(np.int32).max else np.int64
        return cls(source[order], starts, (entries % width).astype(index), indptr.astype(index), shape)

    @classmethod
    def symmetric(cls, rows: npt.ArrayLike, cols: npt.ArrayLike, n: int) -> Triplets:
        """Both triangles of a symmetric matrix given by its lower triangle."""
        rows, cols = np.asarray(rows, np.int64), np.asarray(cols, np.int64)
        strict = np.flatnonzero(rows != cols)
        source = np.concatenate([np.arange(rows.size), strict])
        both_rows, both_cols = np.concatenate([rows, cols[strict]]), np.concatenate([cols, rows[strict]])
        return cls.of(both_rows, both_cols, (n, n), source)

    def restricted(self, rows: np.ndarray | None, cols: np.ndarray) -> Triplets:
        """The same triplets in the submatrix of some rows (all if None) and some columns, Boolean masks."""
        repeats = np.diff(self.starts, append=self.source.size)
        all_rows = np.repeat(np.repeat(np.arange(self.shape[0]), np.diff(self.indptr)), repeats)
        all_cols = np.repeat(self.indices, repeats)
        rows = np.ones(self.shape[0], bool) if rows is None else rows
        keep = rows[all_rows] & cols[all_cols]
        new_row, new_col = np.cumsum(rows) - 1, np.cumsum(cols) - 1
        shape = (int(rows.sum()), int(cols.sum()))
        return Triplets.of(new_row[all_rows[keep]], new_col[all_cols[keep]], shape, self.source[keep])

    def widened(self, rows: int, cols: int) -> Triplets:
        """The same triplets in a matrix with more rows below and more columns to the right."""
        indptr = np.append(self.indptr, np.full(rows, self.indptr[-1]))
        shape = (self.shape[0] + rows, self.shape[1] + cols)
        return replace(self, indptr=indptr, shape=shape)

    def entries(self, values: np.ndarray) -> np.ndarray:
        """Stored entries, row by row, of one value a triplet."""
        contributions = values[self.source]
        if self.starts.size == self.source.size:
            return contributions
        return np.add.reduceat(contributions, self.starts)

    def matrix(self, values: np.ndarray) -> sp.csr_array:
        """The matrix of one value a triplet, shape (triplets,); nothing in it is shared with the next."""
        entries = self.entries(values)
        matrix = sp.csr_array((entries, self.indices.copy(), self.indptr.copy()), shape=self.shape)
        matrix.has_canonical_format = True
        return matrix


def rows_and_columns(structure: Any) -> tuple[np.ndarray, np.ndarray]:
    """The two index arrays of a structure given as a pair or as a SparsityPattern."""
    if hasattr(structure, "rows"):
        return np.asarray(structure.rows), np.asarray(structure.cols)
    rows, cols = structure
    return np.asarray(rows), np.asarray(cols)


def never_empty(structure: Any, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """The two index arrays of a Jacobian, or the place of one zero: Ipopt takes no rows without any entry.

    >>> never_empty(([], []), rows=2)
    (array([0]), array([0]))
    """
    places = rows_and_columns(structure)
    return places if len(places[0]) or not rows else (np.zeros(1, int), np.zeros(1, int))
