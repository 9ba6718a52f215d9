"""Multiply with a matrix of triplets as they come, which SciPy is slow to set up for where it is small."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp


@dataclass(frozen=True, eq=False)
class Entries:
    """A sparse matrix; entries at the same place are summed.

    Args:
        rows: of each entry, shape (k,).
        columns: likewise.
        values: likewise.
        shape: of the matrix, (m, n).

    >>> matrix = Entries.of([[1.0, -2.0], [0.0, 3.0]])
    >>> matrix.transposed_times(np.array([1.0, 1.0])), matrix.row_maxima()
    (array([1., 1.]), array([2., 3.]))
    """

    rows: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    shape: tuple[int, int]

    @classmethod
    def of(cls, matrix: Any) -> Entries:
        """The entries of a SciPy or dense matrix."""
        found: Any = sp.coo_array(matrix)
        return cls(found.row, found.col, found.data, found.shape)

    def transposed_times(self, vector: np.ndarray) -> np.ndarray:
        """matrix.T @ vector, shape (n,)."""
        # Indexed by other integers than its own, NumPy takes more than twice as long.
        return np.bincount(self.columns, self.values * vector.take(self.rows), self.shape[1])

    def row_maxima(self) -> np.ndarray:
        """Largest magnitude of an entry in each row, 0 where there is none, shape (m,)."""
        found = np.zeros(self.shape[0])
        np.maximum.at(found, self.rows, np.abs(self.values))
        return found
