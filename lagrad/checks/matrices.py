"""Describe what is peculiar about the rows and columns of a Jacobian: dependence, size, implied bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from lagrad.checks.inertia import DENSE, RANK, unit_rows
from lagrad.solvers.entries import Entries

# Coefficients smaller than this do not count as taking part in a combination.
TAKES_PART = 1e-6


@dataclass(frozen=True)
class Dependence:
    """A row that is a combination of others.

    Args:
        row: its index.
        coefficients: index of each other row that takes part -> its factor; nothing if the row is zero.
    """

    row: int
    coefficients: dict[int, float]


def dependences(rows: Any) -> list[Dependence] | None:
    """Rows that follow from others, by QR with pivoting.

    Args:
        rows: sparse, shape (k, n).

    Returns:
        One Dependence a surplus row; None if the matrix is too large for dense algebra.

    >>> dependences(sp.csr_array([[1.0, 0.0], [0.0, 1.0], [2.0, 0.0]]))
    [Dependence(row=2, coefficients={0: 2.0})]
    """
    if sum(rows.shape) > 2 * DENSE:
        return None
    scaled, length = unit_rows(sp.csr_array(rows)).toarray(), row_lengths(rows)
    if 0 in scaled.shape:
        return [Dependence(row, {}) for row in range(scaled.shape[0])]
    # Later rows are shortened, so that among equals the first is kept and the last is called surplus.
    favor = 1.0 - 1e-3 * np.arange(scaled.shape[0]) / scaled.shape[0]
    factorized: Any = scipy.linalg.qr((scaled * favor[:, None]).T, mode="r", pivoting=True)
    triangle, order = factorized
    diagonal = np.abs(np.diag(triangle))
    rank = int((diagonal > RANK * max(diagonal[0], 1e-300)).sum())
    basis, surplus = order[:rank], order[rank:]
    factors = scipy.linalg.solve_triangular(triangle[:rank, :rank], triangle[:rank, rank:]) if rank else None
    found = []
    for column, row in enumerate(surplus):
        if not length[row] or factors is None:
            found.append(Dependence(int(row), {}))
            continue
        ratios = factors[:, column] * favor[basis] / favor[row] * length[row] / length[basis]
        takes_part = np.abs(factors[:, column]) > TAKES_PART
        pairs = zip(basis[takes_part], ratios[takes_part], strict=True)
        found.append(Dependence(int(row), {int(i): round(float(ratio), 12) for i, ratio in pairs}))
    return sorted(found, key=lambda dependence: dependence.row)


def row_lengths(rows: Any) -> np.ndarray:
    """Euclidean length of each row, shape (k,)."""
    return np.sqrt(np.asarray(sp.csr_array(rows).multiply(rows).sum(axis=1)).ravel())


def row_sizes(matrix: Any) -> np.ndarray:
    """Largest magnitude in each row, shape (k,)."""
    return Entries.of(matrix).row_maxima()


def constant_rows(matrices: list[sp.csr_array]) -> np.ndarray:
    """Which rows are equal in all matrices, Booleans: linear rows, if the points were random."""
    first = matrices[0]
    if len(matrices) < 2:
        return np.zeros(first.shape[0], bool)
    scale = np.maximum(row_sizes(first), 1e-300)
    changes = [row_sizes(sp.csr_array(other - first)) for other in matrices[1:]]
    return np.all([change <= 1e-12 * scale for change in changes], axis=0)


def ranges(matrix: Any, lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest value of each row of matrix @ x for lower <= x <= upper, infinite where unbounded.

    >>> ranges(sp.csr_array([[1.0, -2.0]]), np.array([0.0, 0.0]), np.array([1.0, np.inf]))
    (array([-inf]), array([1.]))
    """
    entries = sp.coo_array(matrix)
    keep = entries.data != 0
    rows, columns, data = entries.row[keep], entries.col[keep], entries.data[keep]
    down = data * np.where(data > 0, lower[columns], upper[columns])
    up = data * np.where(data > 0, upper[columns], lower[columns])
    count = matrix.shape[0]
    return np.bincount(rows, down, minlength=count), np.bincount(rows, up, minlength=count)
