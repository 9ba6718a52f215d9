"""Write small linear algebra out as arithmetic on the entries of the matrices.

    solve A x = b, 2 x 2     (a, c), (p, q) = the row that starts with the larger number, the other one
                             x1 = (b_q - p / a b_a) / (q - p / a c),  x0 = (b_a - c x1) / a

A factorisation says nothing about which numbers meet; arithmetic does, and each matrix of a batch becomes an
element. Only for matrices of few rows: formulas grow fast. Determinants would be shorter, and lose twice as
many digits. `benchmarks.small_systems` holds the digits against LAPACK's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.extend import core as jex

from lagrad.errors import DerivativeError
from lagrad.primitives.equations import is_floating, shape_of, size_of
from lagrad.sparsity import detect

LARGEST = 4

Written = Callable[..., Sequence[Any]]
# Entry (i, j) of a matrix, for a whole batch at once.
Matrix = Sequence[Sequence[Any]]


def solve(equation: jex.JaxprEqn, *, const_lengths, jaxprs, **params) -> Written | None:
    """A system with a matrix given by its products: blocks are found, their columns computed."""
    right, product, count = equation.invars[sum(const_lengths) :], jaxprs.matvec, const_lengths.matvec
    if len(right) != 1 or not is_floating(right[0]):
        return None
    # Larger than its blocks could be: a dense matrix, whose pattern need not be looked at.
    if any(size_of(atom) > LARGEST * size_of(right[0]) for atom in equation.invars[:count]):
        return None
    lanes = blocks(product, count)
    if lanes is None:
        return None

    def function(*operands):
        constants, b, shape = operands[:count], operands[-1].reshape(-1), shape_of(right[0])
        columns = [
            jex.jaxpr_as_fun(product)(*constants, unit(lanes[:, j], shape))[0].reshape(-1)
            for j in range(lanes.shape[1])
        ]
        matrix = [[column[rows] for column in columns] for rows in lanes.T]
        found = jnp.stack(eliminate(matrix, [b[rows] for rows in lanes.T]), axis=1).reshape(-1)
        return [found[np.argsort(lanes.reshape(-1))].reshape(shape)]

    return function


def blocks(product: jex.ClosedJaxpr, count: int) -> np.ndarray | None:
    """Places of the unknowns of each block of a matrix.

    Args:
        product: (constants, x) -> A x.
        count: number of constants.

    Returns:
        array of shape (blocks, unknowns of each); None if they differ, or are more than `LARGEST`.
    """
    from scipy.sparse.csgraph import connected_components

    try:
        pattern = detect(product, count, second_order=False).jacobian.to_scipy()
    except DerivativeError:
        return None
    number, labels = connected_components(pattern, directed=False)
    sizes = np.bincount(labels)
    if not 0 < sizes.max(initial=0) <= LARGEST or sizes.min() < sizes.max():
        return None
    return np.argsort(labels, kind="stable").reshape(number, -1)


def unit(places: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Ones at some places, zeros elsewhere."""
    found = np.zeros(int(np.prod(shape)))
    found[places] = 1.0
    return found.reshape(shape)


def eliminate(matrix: Matrix, right: Sequence[Any]) -> list:
    """x with A x = b by Gaussian elimination: rows are exchanged by selects, so that no factor exceeds one.

    The largest row is brought to a moderate size first, rows that are smaller by far towards it, and each
    column by its pivot: derivatives divide by the cube of pivots. Other rows keep their sizes to each other,
    or pivots would be chosen by the factors of rows.

    Source: Golub, Van Loan, Matrix Computations (2013), algorithm 3.4.1.
    """
    count = len(right)
    rows = [[*row, b] for row, b in zip(matrix, right, strict=True)]
    if count > 1:
        sizes = [reduce(jnp.maximum, map(jnp.abs, row)) for row in matrix]
        largest = reduce(jnp.maximum, sizes)
        factors = [moderating(largest) * lifting(size, largest) for size in sizes]
        rows = [[factor * entry for entry in row] for factor, row in zip(factors, rows, strict=True)]
    widths: list[Any] = []
    for k in range(count):
        for i in range(k + 1, count):
            is_larger = jnp.abs(rows[i][k]) > jnp.abs(rows[k][k])
            pairs = list(zip(rows[k][k:], rows[i][k:], strict=True))
            rows[k][k:] = [jnp.where(is_larger, below, above) for above, below in pairs]
            rows[i][k:] = [jnp.where(is_larger, above, below) for above, below in pairs]
        widths.append(moderating(jnp.abs(rows[k][k])))
        for row in rows[k:]:
            row[k] = widths[k] * row[k]
        for i in range(k + 1, count):
            share = rows[i][k] / rows[k][k]
            rows[i][k + 1 :] = [
                below - share * above for above, below in zip(rows[k][k + 1 :], rows[i][k + 1 :], strict=True)
            ]
    found: dict[int, Any] = {}
    for k in reversed(range(count)):
        rest = rows[k][count] - sum(rows[k][j] * found[j] for j in found)
        found[k] = widths[k] * (rest / rows[k][k])
    return [found[k] for k in range(count)]


def moderating(size: Any) -> Any:
    """The power of two that brings a size to between 2^-50 and 2^50; products with it are exact."""
    factor = 1.0
    for exponent in range(50, 500, 100):
        factor = jnp.where(size > 2.0**exponent, 2.0 ** -(exponent + 50), factor)
        factor = jnp.where(size < 2.0**-exponent, 2.0 ** (exponent + 50), factor)
    return factor


def lifting(size: Any, largest: Any) -> Any:
    """The power of two that brings a size to between 2^-100 and 1 times the largest one."""
    factor = 1.0
    for exponent in range(100, 1100, 100):
        factor = jnp.where(size < largest * 2.0**-exponent, 2.0**exponent, factor)
    return factor


def cholesky(equation: jex.JaxprEqn, **params) -> Written | None:
    """L with A = L L', L lower triangular."""
    size = shape_of(equation.invars[0])[-1]
    if not is_small(equation, size):
        return None

    def function(a):
        found: list[list[Any]] = [[None] * size for _ in range(size)]
        for i in range(size):
            for j in range(i + 1):
                rest = a[..., i, j] - sum(found[i][k] * found[j][k] for k in range(j))
                found[i][j] = jnp.sqrt(rest) if i == j else rest / found[j][j]
        zero = jnp.zeros_like(a[..., 0, 0])
        rows = [jnp.stack([zero if each is None else each for each in row], axis=-1) for row in found]
        return [jnp.stack(rows, axis=-2)]

    return function


def triangular_solve(
    equation: jex.JaxprEqn, *, left_side, lower, transpose_a, unit_diagonal, **params
) -> Written | None:
    """X with op(A) X = B, or X op(A) = B, by substitution."""
    size = shape_of(equation.invars[0])[-1]
    if not is_small(equation, size):
        return None
    # X op(A) = B is op(A)' X' = B'.
    is_transposed = bool(transpose_a) != (not left_side)
    order = range(size) if bool(lower) != is_transposed else range(size)[::-1]

    def function(a, b):
        found: dict[int, Any] = {}
        for i in order:
            entries = {j: a[..., j, i, None] if is_transposed else a[..., i, j, None] for j in (*found, i)}
            rest = (b[..., i, :] if left_side else b[..., :, i]) - sum(entries[j] * found[j] for j in found)
            found[i] = rest if unit_diagonal else rest / entries[i]
        return [jnp.stack([found[i] for i in range(size)], axis=-2 if left_side else -1)]

    return function


def is_small(equation: jex.JaxprEqn, size: int) -> bool:
    """Whether matrices are real, not empty, and small enough for formulas."""
    return 0 < size <= LARGEST and size_of(equation.outvars[0]) > 0 and all(map(is_floating, equation.invars))


FORMULAS: dict[str, Callable[..., Written | None]] = {
    "custom_linear_solve": solve,
    "cholesky": cholesky,
    "triangular_solve": triangular_solve,
}
