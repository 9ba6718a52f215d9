"""Multiply with, and factor, the matrices of a Newton step as dense arrays.

The verbs are those of `staged`: hessian, jacobian, times_hessian, times, times_transposed, factor, solve.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular


@dataclass(frozen=True, eq=False)
class Dense:
    """Matrices as plain arrays.

    Args:
        hessian_places: for each place of H, both triangles, which entry stands there, (n, n); the number of
            entries for a zero.
        jacobian_places: the same for J, (m, n).
    """

    hessian_places: np.ndarray
    jacobian_places: np.ndarray

    @classmethod
    def of(cls, jacobian: tuple, hessian: tuple, shape: tuple[int, int]) -> Dense:
        """From the triplets of J, (m, n), and of the lower triangle of H."""
        (m, n), (rows, columns), (low, high) = shape, jacobian, hessian
        hessian_places = np.full((n, n), low.size, np.int32)
        hessian_places[low, high] = hessian_places[high, low] = np.arange(low.size)
        jacobian_places = np.full((m, n), rows.size, np.int32)
        jacobian_places[rows, columns] = np.arange(rows.size)
        return cls(hessian_places, jacobian_places)

    @property
    def n(self) -> int:
        """Number of variables."""
        return self.hessian_places.shape[0]

    def hessian(self, values: jax.Array) -> jax.Array:
        """H of its entries."""
        return placed(values, self.hessian_places)

    def jacobian(self, values: jax.Array) -> jax.Array:
        """J of its entries."""
        return placed(values, self.jacobian_places)

    def times_hessian(self, hessian, x):
        """H x."""
        return hessian @ x

    def times(self, jacobian, x):
        """J x."""
        return jacobian @ x

    def times_transposed(self, jacobian, w):
        """J' w."""
        return jacobian.T @ w

    def factor(self, hessian, diagonal, jacobian, weights) -> jax.Array:
        """Cholesky factor of H + diag(diagonal) + J' diag(weights) J; nan if it is not positive definite."""
        matrix = hessian + jnp.diag(diagonal) + jacobian.T @ (weights[:, None] * jacobian)
        return jax.lax.linalg.cholesky(matrix, symmetrize_input=False)

    def is_definite(self, factor: jax.Array) -> jax.Array:
        """Whether the matrix had a factor."""
        return jnp.isfinite(jnp.diagonal(factor)).all()

    def solve(self, factor: jax.Array, right: jax.Array) -> jax.Array:
        """Solve with a factor."""
        half = solve_triangular(factor, right, lower=True)
        return solve_triangular(factor, half, lower=True, trans="T")


def placed(values: jax.Array, places: np.ndarray) -> jax.Array:
    """Entries where they belong, by a gather: scatters are slow on every device."""
    return jnp.append(values, 0.0).at[places].get(mode="promise_in_bounds")
