"""Factor and solve small systems by LAPACK, as NumPy and SciPy call it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy

from lagrad.derivatives.verification.numpy_loops import Visit, body_of, results
from lagrad.derivatives.verification.numpy_rows import NoRow
from lagrad.program.equation import Equation
from lagrad.program.program import Program
from lagrad.program.rebuild import solver_of

# Matrices that are factored one after the other, each in some microseconds.
MOST_FACTORED = 5_000
# Unknowns of triangles that are solved as any other matrix.
MOST_UNKNOWNS = 500


def lu(matrices: np.ndarray, **params: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """L and U in one, the row that each step swaps with its own, and which row comes where."""
    *batch, rows, columns = matrices.shape
    if matrices.dtype != np.float64 or not 0 < matrices.size <= MOST_FACTORED * rows * columns:
        raise NoRow
    (factor_by,) = scipy.linalg.get_lapack_funcs(("getrf",), (matrices,))
    factors, pivots, orders = [], [], []
    for matrix in matrices.reshape(-1, rows, columns):
        factor, swaps, _ = factor_by(matrix)
        order = np.arange(rows)
        for step, swap in enumerate(swaps):
            order[[step, swap]] = order[[swap, step]]
        factors.append(factor)
        pivots.append(swaps)
        orders.append(order)
    return (
        np.reshape(factors, matrices.shape),
        np.reshape(pivots, (*batch, -1)).astype(np.int32),
        np.reshape(orders, (*batch, rows)).astype(np.int32),
    )


def cholesky(matrices: np.ndarray, **params: Any) -> np.ndarray:
    """L with A = L L', of the lower triangle of A."""
    try:
        return np.linalg.cholesky(matrices)
    except np.linalg.LinAlgError as error:
        # XLA says so by nan.
        raise NoRow from error


def triangular_solve(
    a: np.ndarray,
    b: np.ndarray,
    *,
    left_side: bool,
    lower: bool,
    transpose_a: Any,
    unit_diagonal: bool,
    **params: Any,
) -> np.ndarray:
    """X with op(A) X = B, or X op(A) = B, A a triangle."""
    if a.shape[-1] > MOST_UNKNOWNS:
        raise NoRow
    triangle = np.tril(a) if lower else np.triu(a)
    if unit_diagonal:
        places = np.arange(a.shape[-1])
        triangle[..., places, places] = 1.0
    if bool(transpose_a) == bool(left_side):
        triangle = triangle.swapaxes(-1, -2)
    try:
        if left_side:
            return np.linalg.solve(triangle, b)
        return np.linalg.solve(triangle, b.swapaxes(-1, -2)).swapaxes(-1, -2)
    except np.linalg.LinAlgError as error:
        raise NoRow from error


def solved(
    equation: Equation, operands: Sequence[Any], visitor: Callable[[Program], Visit]
) -> tuple[Any, ...]:
    """Results of a `lax.custom_linear_solve`, by the program that it runs for its values.

    Args:
        equation: a `custom_linear_solve`.
        operands: their values.
        visitor: program -> what gives the results of its equations.
    """
    closed, given = solver_of(equation.source, list(operands))
    program = body_of(closed)
    return tuple(results(program, given, visitor(program)))


SYSTEMS: dict[str, Callable[..., Any]] = {
    "lu": lu,
    "cholesky": cholesky,
    "triangular_solve": triangular_solve,
}
