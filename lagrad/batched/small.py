"""Factors of matrices of a few rows as array arithmetic: under `vmap` each step is one vector operation.

A library call per matrix costs more than a matrix of five rows has work.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp


def cholesky(matrix: jax.Array) -> jax.Array:
    """Lower factor L of a symmetric matrix L L', (b, b); nan if it is not positive definite."""
    index = jnp.arange(matrix.shape[0])

    def column(j, found):
        left, factor = found
        pivot = left[j, j]
        root = jnp.where(pivot > 0, jnp.sqrt(pivot), jnp.nan)
        own = jnp.where(index >= j, left[:, j] / root, 0.0)
        return left - own[:, None] * own, jnp.where(index == j, own[:, None], factor)

    return jax.lax.fori_loop(0, matrix.shape[0], column, (matrix, jnp.zeros_like(matrix)))[1]


def solve_lower(factor: jax.Array, right: jax.Array) -> jax.Array:
    """L^-1 right, for right of shape (b, k)."""
    index = jnp.arange(factor.shape[0])

    def row(j, left):
        found = left[j] / factor[j, j]
        below = jnp.where(index > j, factor[:, j], 0.0)
        return jnp.where((index == j)[:, None], found, left - below[:, None] * found)

    return jax.lax.fori_loop(0, factor.shape[0], row, right)


def solve_lower_transposed(factor: jax.Array, right: jax.Array) -> jax.Array:
    """L^-T right, for right of shape (b, k)."""
    index, last = jnp.arange(factor.shape[0]), factor.shape[0] - 1

    def row(step, left):
        j = last - step
        found = left[j] / factor[j, j]
        above = jnp.where(index < j, factor[j], 0.0)
        return jnp.where((index == j)[:, None], found, left - above[:, None] * found)

    return jax.lax.fori_loop(0, factor.shape[0], row, right)
