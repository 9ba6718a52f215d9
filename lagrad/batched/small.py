"""Multiply and factor many small matrices at once; their last axis counts them, and all is vector arithmetic.

A library call per matrix costs more than a matrix of five rows has work. Written out, with the batch as the
innermost axis, each line below is one loop over contiguous numbers. `B` is the batch in shapes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import jax
import jax.numpy as jnp

from lagrad.batched.library import factors, half_solutions

# Longest sum of products that is written out; longer ones are loops of XLA's.
WRITTEN_OUT = 16
# Largest matrix whose factor is written out, of about b^3 / 3 operations; larger ones are the library's.
LARGEST = 8


def summed(term: Callable[[int], jax.Array], count: int) -> jax.Array:
    """term(0) + term(1) + ..."""
    if count <= WRITTEN_OUT:
        return reduce(jnp.add, map(term, range(count)))
    return jax.lax.fori_loop(1, count, lambda k, total: total + term(k), term(0))


def times(matrix: jax.Array, x: jax.Array) -> jax.Array:
    """A x: (..., i, j, B) by (..., j, B) to (..., i, B)."""
    return summed(lambda j: matrix[..., :, j, :] * x[..., None, j, :], x.shape[-2])


def times_transposed(matrix: jax.Array, x: jax.Array) -> jax.Array:
    """A' x: (..., i, j, B) by (..., i, B) to (..., j, B)."""
    return summed(lambda i: matrix[..., i, :, :] * x[..., i, None, :], x.shape[-2])


def product(left: jax.Array, right: jax.Array) -> jax.Array:
    """A C: (..., i, j, B) by (..., j, k, B) to (..., i, k, B)."""
    return summed(lambda j: left[..., :, j, None, :] * right[..., None, j, :, :], right.shape[-3])


def transposed(matrix: jax.Array) -> jax.Array:
    """A': (..., i, j, B) to (..., j, i, B)."""
    return jnp.swapaxes(matrix, -3, -2)


def inverse_factor(matrix: jax.Array) -> jax.Array:
    """L^-1 of a symmetric matrix L L', (b, b, B); nan where it is not positive definite."""
    return written_out(matrix) if matrix.shape[0] <= LARGEST else by_library(matrix)


def written_out(matrix: jax.Array) -> jax.Array:
    """The same for a few rows, number by number."""
    size = matrix.shape[0]
    lower: list[list] = [[None] * size for _ in range(size)]
    inverse: list[list] = [[jnp.zeros_like(matrix[0, 0])] * size for _ in range(size)]
    for j in range(size):
        pivot = matrix[j, j] - sum(lower[j][k] * lower[j][k] for k in range(j))
        inverse[j][j] = 1.0 / jnp.sqrt(jnp.where(pivot > 0, pivot, jnp.nan))
        for i in range(j + 1, size):
            left = matrix[i, j] - sum(lower[i][k] * lower[j][k] for k in range(j))
            lower[i][j] = left * inverse[j][j]
    for j in range(size):
        for i in range(j + 1, size):
            inverse[i][j] = -inverse[i][i] * sum(lower[i][k] * inverse[k][j] for k in range(j, i))
    return jnp.stack([jnp.stack(row) for row in inverse])


def by_library(matrix: jax.Array) -> jax.Array:
    """The same by a factorisation of each matrix."""
    factor = factors(jnp.moveaxis(matrix, -1, 0))
    unit = jnp.broadcast_to(jnp.eye(matrix.shape[0]), factor.shape)
    return jnp.moveaxis(half_solutions(factor, unit), 0, -1)
