"""Write small linear algebra out so that each matrix of a batch becomes an element.

    custom_linear_solve      small dense systems, block by block: `small_solve`
    cholesky of A, 2 x 2     l00 = sqrt(a00),  l10 = a10 / l00,  l11 = sqrt(a11 - l10^2)

A factorisation says nothing about which numbers meet. Only for matrices of few rows: derivatives grow fast.
`benchmarks.small_systems` holds the digits of systems against LAPACK's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.extend import core as jex

from lagrad.errors import DerivativeError
from lagrad.primitives.equations import is_floating, shape_of, size_of
from lagrad.primitives.small_solve import eliminated, small_solve
from lagrad.sparsity import detect

# Unknowns of a system, and rows of a matrix that is factored.
MOST_UNKNOWNS, LARGEST = 8, 8

Written = Callable[..., Sequence[Any]]


def solve(equation: jex.JaxprEqn, *, const_lengths, jaxprs, **params) -> Written | None:
    """A system with a matrix given by its products: blocks are found, their columns computed."""
    right, product, count = equation.invars[sum(const_lengths) :], jaxprs.matvec, const_lengths.matvec
    if len(right) != 1 or not is_floating(right[0]):
        return None
    # Larger than its blocks could be: a dense matrix, whose pattern need not be looked at.
    if any(size_of(atom) > MOST_UNKNOWNS * size_of(right[0]) for atom in equation.invars[:count]):
        return None
    lanes = blocks(product, count)
    if lanes is None:
        return None

    def function(*operands):
        columns, shape = lanes.T, shape_of(right[0])
        apply = lambda unit: jex.jaxpr_as_fun(product)(*operands[:count], unit.reshape(shape))[0]  # noqa: E731
        found = jax.vmap(apply)(np.stack([unit(places, shape) for places in columns]))
        matrix = jnp.moveaxis(chosen(found.reshape(len(columns), -1), lanes), 0, 2)
        solved = solutions(matrix, chosen(operands[-1].reshape(-1), lanes))
        return [chosen(solved.reshape(-1), np.argsort(lanes, axis=None)).reshape(shape)]

    return function


def solutions(matrix: Any, right: Any) -> Any:
    """Solutions of a batch of systems; linear in the right sides where the matrices are known."""
    if isinstance(matrix, Tracer):
        return small_solve(matrix, right)
    return eliminated(matrix, right)


def chosen(array: Any, places: np.ndarray) -> Any:
    """Entries along the last axis, which is replaced by those of `places`."""
    if np.array_equal(places.reshape(-1), np.arange(array.shape[-1])):
        return array.reshape(*array.shape[:-1], *places.shape)
    return array.at[..., places].get(mode="promise_in_bounds")


def blocks(product: jex.ClosedJaxpr, count: int) -> np.ndarray | None:
    """Places of the unknowns of each block of a matrix.

    Args:
        product: (constants, x) -> A x.
        count: number of constants.

    Returns:
        array of shape (blocks, unknowns of each); None if they differ, or are more than `MOST_UNKNOWNS`.
    """
    try:
        pattern = detect(product, count, second_order=False).jacobian
    except DerivativeError:
        return None
    # Each unknown learns the first one of its block from those it meets, those at the other end in as many
    # rounds as the block has unknowns.
    labels = np.arange(pattern.shape[0])
    for _ in range(MOST_UNKNOWNS):
        np.minimum.at(labels, pattern.rows, labels[pattern.cols])
        np.minimum.at(labels, pattern.cols, labels[pattern.rows])
    if (labels[pattern.rows] != labels[pattern.cols]).any():
        return None
    _, sizes = np.unique(labels, return_counts=True)
    if not 0 < sizes.max(initial=0) <= MOST_UNKNOWNS or sizes.min() < sizes.max():
        return None
    return np.argsort(labels, kind="stable").reshape(sizes.size, -1)


def unit(places: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Ones at some places, zeros elsewhere."""
    found = np.zeros(int(np.prod(shape)))
    found[places] = 1.0
    return found.reshape(shape)


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


def products(equation: jex.JaxprEqn) -> int:
    """About how many products an equation is written out as, at most; a system is one primitive."""
    if equation.primitive.name not in ("cholesky", "triangular_solve"):
        return 0
    size = shape_of(equation.invars[0])[-1]
    return size**3 if size <= LARGEST else 0


FORMULAS: dict[str, Callable[..., Written | None]] = {
    "custom_linear_solve": solve,
    "cholesky": cholesky,
    "triangular_solve": triangular_solve,
}
