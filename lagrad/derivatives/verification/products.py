"""Multiply matrices in triplets, and evaluate f and c together."""

from __future__ import annotations

import numpy as np

from lagrad.derivatives.verification.doubts import Derivatives


def times(
    entries: tuple[np.ndarray, np.ndarray], values: np.ndarray, factor: np.ndarray, size: int
) -> np.ndarray:
    """Product of the matrix of some triplets with a vector; what the vector leaves out is no nan."""
    rows, columns = entries
    factors = factor[columns]
    return np.bincount(rows, weights=np.where(factors != 0.0, values * factors, 0.0), minlength=size)


def both_triangles(structure: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Triplets of a symmetric matrix from those of its lower triangle; see `mirrored`."""
    rows, columns = structure
    return np.concatenate([rows, columns]), np.concatenate([columns, rows])


def mirrored(derivatives: Derivatives, x: np.ndarray, multipliers: np.ndarray) -> np.ndarray:
    """Values of both triangles of the Hessian, the diagonal once."""
    rows, columns = derivatives.hessian_structure
    values = derivatives.hessian_values(x, multipliers, 1.0)
    return np.concatenate([values, np.where(rows == columns, 0.0, values)])


def values_of(derivatives: Derivatives, x: np.ndarray) -> np.ndarray:
    """F = [f, c], shape (m + 1,)."""
    f, c = derivatives.values(x)
    return np.concatenate([[f], c])
