"""Solve many small dense systems: one primitive that says which numbers meet, as factorisations do not.

    x = solve(A, b),  dx = solve(A, db - dA x)          A (..., n, n), b and x (..., n)

How a system is solved is never differentiated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

SMALL_SOLVE = "small_solve"
# Rows that XLA is given to eliminate one by one.
MOST_ELIMINATED = 3
small_solve_p = Primitive(SMALL_SOLVE)


def small_solve(matrix: Any, right: Any) -> jax.Array:
    """x with A x = b.

    Args:
        matrix: A, shape (..., n, n).
        right: b, shape (..., n).

    >>> small_solve(jnp.array([[0.0, 2.0], [4.0, 0.0]]), jnp.array([2.0, 2.0])).tolist()
    [0.5, 1.0]
    """
    return small_solve_p.bind(matrix, right)


def eliminate(matrix: Sequence[Sequence[Any]], right: Sequence[Any]) -> list:
    """x with A x = b by Gaussian elimination: rows are exchanged by selects, so that no factor exceeds one.

    Args:
        matrix: entries of A, each of one number, or an array for a whole batch.
        right: entries of b.

    Source: Golub, Van Loan, Matrix Computations (2013), algorithm 3.4.1.

    >>> [float(each) for each in eliminate([[0.0, 2.0], [4.0, 0.0]], [2.0, 2.0])]
    [0.5, 1.0]
    """
    count = len(right)
    rows = [[*row, b] for row, b in zip(matrix, right, strict=True)]
    for k in range(count):
        for i in range(k + 1, count):
            is_larger = jnp.abs(rows[i][k]) > jnp.abs(rows[k][k])
            pairs = list(zip(rows[k][k:], rows[i][k:], strict=True))
            rows[k][k:] = [jnp.where(is_larger, below, above) for above, below in pairs]
            rows[i][k:] = [jnp.where(is_larger, above, below) for above, below in pairs]
        for i in range(k + 1, count):
            share = rows[i][k] / rows[k][k]
            rows[i][k + 1 :] = [
                below - share * above for above, below in zip(rows[k][k + 1 :], rows[i][k + 1 :], strict=True)
            ]
    found: dict[int, Any] = {}
    for k in reversed(range(count)):
        rest = rows[k][count] - sum(rows[k][j] * found[j] for j in found)
        found[k] = rest / rows[k][k]
    return [found[k] for k in range(count)]


def eliminated(matrix: jax.Array, right: jax.Array) -> jax.Array:
    """The same of whole arrays."""
    count = range(right.shape[-1])
    entries = [[matrix[..., i, j] for j in count] for i in count]
    return jnp.stack(eliminate(entries, [right[..., i] for i in count]), axis=-1)


def compiled(matrix: jax.Array, right: jax.Array) -> jax.Array:
    """The same for XLA, which takes seconds to compile long eliminations, and has LAPACK for those."""
    if right.shape[-1] <= MOST_ELIMINATED:
        return eliminated(matrix, right)
    return jnp.linalg.solve(matrix, right[..., None])[..., 0]


def differentiated(primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """Values and tangents."""
    (matrix, right), (matrix_tangent, right_tangent) = primals, tangents
    found, moved = small_solve(matrix, right), []
    if type(right_tangent) is not ad.Zero:
        moved.append(right_tangent)
    if type(matrix_tangent) is not ad.Zero:
        moved.append(-(matrix_tangent @ found[..., None])[..., 0])
    return found, small_solve(matrix, sum(moved[1:], moved[0]))


def transposed(cotangent: Any, matrix: Any, right: Any) -> list[Any]:
    """Cotangent of b, of which x is a linear function."""
    return [None, small_solve(jnp.swapaxes(matrix, -1, -2), cotangent)]


def batched(operands: Sequence[Any], axes: Sequence[int | None]) -> tuple[Any, int]:
    """Systems of a batch are more systems."""
    size = next(each.shape[axis] for each, axis in zip(operands, axes, strict=True) if axis is not None)
    fronted = [
        jnp.broadcast_to(each, (size, *each.shape)) if axis is None else jnp.moveaxis(each, axis, 0)
        for each, axis in zip(operands, axes, strict=True)
    ]
    return small_solve(*fronted), 0


small_solve_p.def_impl(jax.jit(compiled))
small_solve_p.def_abstract_eval(lambda matrix, right: right)
ad.primitive_jvps[small_solve_p] = differentiated
ad.primitive_transposes[small_solve_p] = transposed
batching.primitive_batchers[small_solve_p] = batched
mlir.register_lowering(small_solve_p, mlir.lower_fun(compiled, multiple_results=False))
