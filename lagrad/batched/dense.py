"""Multiply with, and factor, the matrices of a Newton step as dense arrays.

The names are those of `staged`: m, hessian, jacobian, variables, rows, flat_variables, flat_rows,
times_hessian, times, times_transposed, factor, is_definite, solve. Vectors have the batch as their last axis,
B in shapes, matrices as their first, as the library wants it.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.batched.library import factors, solutions


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
    def m(self) -> int:
        """Number of rows."""
        return self.jacobian_places.shape[0]

    def hessian(self, values: jax.Array) -> jax.Array:
        """H of its entries, (nnz, B) to (B, n, n)."""
        return jnp.moveaxis(placed(values, self.hessian_places), -1, 0)

    def jacobian(self, values: jax.Array) -> jax.Array:
        """J of its entries, (nnz, B) to (B, m, n)."""
        return jnp.moveaxis(placed(values, self.jacobian_places), -1, 0)

    def variables(self, x, padding=0.0):
        """A vector by variables as products and factors want it: as it is."""
        return x

    def rows(self, y):
        """A vector by rows, likewise."""
        return y

    def flat_variables(self, x):
        """The inverse of `variables`."""
        return x

    def flat_rows(self, y):
        """The inverse of `rows`."""
        return y

    def times_hessian(self, hessian, x):
        """H x."""
        return jnp.einsum("bij,jb->ib", hessian, x)

    def times(self, jacobian, x):
        """J x."""
        return jnp.einsum("bij,jb->ib", jacobian, x)

    def times_transposed(self, jacobian, y):
        """J' y."""
        return jnp.einsum("bij,ib->jb", jacobian, y)

    def factor(self, hessian, diagonal, jacobian, weights) -> jax.Array:
        """Cholesky factors of H + diag(diagonal) + J' diag(weights) J; nan where there is none."""
        weighted = weights.T[:, :, None] * jacobian
        matrix = hessian + jnp.einsum("bki,bkj->bij", jacobian, weighted)
        matrix += diagonal.T[:, :, None] * np.eye(hessian.shape[1])
        return factors(matrix)

    def is_definite(self, factor: jax.Array) -> jax.Array:
        """Which matrices have a factor, (B,)."""
        return jnp.isfinite(jnp.diagonal(factor, axis1=1, axis2=2)).all(axis=1)

    def solve(self, factor: jax.Array, right: jax.Array) -> jax.Array:
        """Solve with a factor."""
        return solutions(factor, right.T[:, :, None])[:, :, 0].T


def placed(values: jax.Array, places: np.ndarray) -> jax.Array:
    """Entries where they belong, zeros elsewhere, by a gather: scatters are slow on every device."""
    none = jnp.zeros((1, *values.shape[1:]), values.dtype)
    return jnp.concatenate([values, none]).at[places].get(mode="promise_in_bounds")
