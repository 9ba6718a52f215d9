"""Triplets with a fixed structure in, SciPy matrices out, without sorting at every point.

rows, cols  ->  Assembly (sorted once)  ->  assembly.matrix(values): csr_array
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp


@dataclass(frozen=True, eq=False)
class Assembly:
    """Where each triplet's value goes in a CSR matrix; repeated positions are summed.

    Args:
        source: which triplet each contribution takes, shape (k,), int.
        slots: which stored entry each contribution adds to, shape (k,), int.
        indices: column of each stored entry, shape (nnz,).
        indptr: start of each row, shape (rows + 1,).
        shape: number of rows and columns.

    >>> Assembly.of([0, 1, 1], [0, 0, 0], (2, 2)).matrix(np.array([1.0, 2.0, 3.0])).toarray()
    array([[1., 0.],
           [5., 0.]])
    """

    source: np.ndarray
    slots: np.ndarray
    indices: np.ndarray
    indptr: np.ndarray
    shape: tuple[int, int]

    @classmethod
    def of(cls, rows, cols, shape: tuple[int, int], source=None) -> Assembly:
        """Assembly of triplets at (rows, cols); contribution i takes triplet `source[i]`, by default i."""
        rows, cols = np.asarray(rows, np.int64), np.asarray(cols, np.int64)
        source = np.arange(rows.size) if source is None else source
        places, slots = np.unique(rows * shape[1] + cols, return_inverse=True)
        counts = np.bincount(places // max(shape[1], 1), minlength=shape[0])
        indptr = np.concatenate([[0], np.cumsum(counts)])
        return cls(source, slots, places % max(shape[1], 1), indptr, shape)

    @classmethod
    def symmetric(cls, rows, cols, n: int) -> Assembly:
        """Assembly of both triangles of a symmetric matrix given by its lower triangle."""
        rows, cols = np.asarray(rows, np.int64), np.asarray(cols, np.int64)
        strict = np.flatnonzero(rows != cols)
        source = np.concatenate([np.arange(rows.size), strict])
        both_rows, both_cols = np.concatenate([rows, cols[strict]]), np.concatenate([cols, rows[strict]])
        return cls.of(both_rows, both_cols, (n, n), source)

    def restricted(self, rows: np.ndarray | None, cols: np.ndarray) -> Assembly:
        """The same triplets in the submatrix of some rows (all if None) and some columns, Boolean masks."""
        all_rows = np.repeat(np.arange(self.shape[0]), np.diff(self.indptr))[self.slots]
        all_cols = self.indices[self.slots]
        rows = np.ones(self.shape[0], bool) if rows is None else rows
        keep = rows[all_rows] & cols[all_cols]
        new_row, new_col = np.cumsum(rows) - 1, np.cumsum(cols) - 1
        shape = (int(rows.sum()), int(cols.sum()))
        return Assembly.of(new_row[all_rows[keep]], new_col[all_cols[keep]], shape, self.source[keep])

    def widened(self, rows: int, cols: int) -> Assembly:
        """The same triplets in a matrix with more rows below and more columns to the right."""
        indptr = np.append(self.indptr, np.full(rows, self.indptr[-1]))
        shape = (self.shape[0] + rows, self.shape[1] + cols)
        return replace(self, indptr=indptr, shape=shape)

    def matrix(self, values: np.ndarray) -> sp.csr_array:
        """The matrix of one value a triplet, shape (triplets,)."""
        entries = np.bincount(self.slots, weights=values[self.source], minlength=self.indices.size)
        return sp.csr_array((entries, self.indices, self.indptr), shape=self.shape)


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
