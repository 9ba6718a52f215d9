"""Multiply matrices in triplets, and evaluate f and c together."""

from __future__ import annotations

import numpy as np

from lagrad.compile.native.products import triplets_times
from lagrad.derivatives.verification.doubts import Derivatives

# XLA flushes to zero what is too small to be a normal number: nothing is said of what little came of that.
UNDERFLOW = 1e-290
# What may be off where a rule of somebody's own holds a loop that ends at a tolerance: its ways of
# differentiation agree up to that only. A share of an entry, and one of the largest entry.
LOOSE_SHARE, LOOSE_SHARE_OF_LARGEST = 1e-3, 1e-6


def dot(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The product of two vectors, shape (1,), by one thread: BLAS wakes others, for milliseconds."""
    return np.einsum("i,i", left, right).reshape(1)


def symmetric_times(
    lower: tuple[np.ndarray, np.ndarray], values: np.ndarray, factor: np.ndarray, size: int
) -> np.ndarray:
    """Product of a symmetric matrix with a vector, from the triplets of its lower triangle."""
    rows, columns = lower
    above = np.where(rows == columns, 0.0, values)
    return triplets_times(lower, values, factor, size) + triplets_times((columns, rows), above, factor, size)


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


def loosely(scale: np.ndarray) -> np.ndarray:
    """How far rows may be apart that go through loops which end at a tolerance."""
    return LOOSE_SHARE * scale + at_least(scale)


def at_least(scale: np.ndarray) -> float:
    """How far even the smallest of such rows may be off: a share of the largest."""
    return LOOSE_SHARE_OF_LARGEST * float(np.max(scale, initial=0.0, where=np.isfinite(scale)))
