"""Factor many matrices, and solve with their factors, by a library; on a CPU one after the other.

There a batch of calls is no faster at the sizes met here. And it waits, in a thread of XLA's pool, for parts
of itself that other threads of the pool are to do: two batches at a time, in two queues or in one program,
wait for ever where the pool has two threads (jaxlib 0.10.2).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
from jax.lax.linalg import cholesky, triangular_solve


def each(function: Callable[..., jax.Array], *arrays: jax.Array) -> jax.Array:
    """A function of the parts of arrays along their first axis, stacked."""
    return jax.lax.platform_dependent(
        *arrays,
        cpu=lambda *arrays: jax.lax.map(lambda parts: function(*parts), arrays),
        default=jax.vmap(function),
    )


def factors(matrices: jax.Array) -> jax.Array:
    """Cholesky factors L of matrices L L', (B, n, n); nan where there is none."""
    return each(partial(cholesky, symmetrize_input=False), matrices)


def half_solutions(lower: jax.Array, rights: jax.Array) -> jax.Array:
    """L^-1 R for (B, n, n) and (B, n, k)."""
    return each(partial(triangular_solve, left_side=True, lower=True), lower, rights)


def solutions(lower: jax.Array, rights: jax.Array) -> jax.Array:
    """(L L')^-1 R for (B, n, n) and (B, n, k)."""

    def solution(factor, right):
        half = triangular_solve(factor, right, left_side=True, lower=True)
        return triangular_solve(factor, half, left_side=True, lower=True, transpose_a=True)

    return each(solution, lower, rights)
