"""Laws of formulas: small systems and factorisations as arithmetic, with JAX's values and derivatives."""

from __future__ import annotations

from itertools import permutations, product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

import lagrad
from benchmarks import small_systems
from lagrad.elements.classification import read
from lagrad.elements.expand import expanded
from lagrad.elements.formulas import FORMULAS
from lagrad.precision import float64
from lagrad.primitives.small_solve import eliminate
from tests.sparsity.tracing import program_of

RANDOM = np.random.default_rng(0)
A = RANDOM.normal(size=(4, 3, 3)) + 3 * np.eye(3)


def written(program):
    """A program whose loops and formulas are written out, by what is known of it."""
    return expanded(program, read(program).values)


def matrices(x, size: int):
    """Two matrices that depend on x."""
    return A[:2, :size, :size] + 0.1 * x[0] + jnp.sin(x[: size * size].reshape(size, size))


def positive(x, size: int):
    """Two positive definite ones."""
    half = matrices(x, size)
    return half @ half.swapaxes(1, 2) + jnp.eye(size)


def sides(x, size: int):
    """A right-hand side for each matrix."""
    return x[: 2 * size].reshape(2, size, 1)


def triangular(size: int, **options):
    """A triangular system with two right-hand sides."""
    shape = (2, size, 2) if options["left_side"] else (2, 2, size)
    right = lambda x: jnp.cos(x[0] * np.arange(1.0, 1 + 4 * size)).reshape(shape)  # noqa: E731
    return lambda x: lax.linalg.triangular_solve(matrices(x, size), right(x), **options)


SIDES = product((True, False), repeat=4)
CASES = {
    **{
        f"solve {k}": lambda x, k=k: jnp.linalg.solve(matrices(x, k), x[: 2 * k].reshape(2, k, 1))
        for k in (1, 2, 3)
    },
    "solve, many sides": lambda x: jnp.linalg.solve(matrices(x, 2), x[:8].reshape(2, 2, 2)),
    "inverse": lambda x: jnp.linalg.inv(matrices(x, 3)),
    "one matrix": lambda x: jnp.linalg.solve(matrices(x, 3)[0], x[:3]),
    "diagonal operator": lambda x: lax.custom_linear_solve(
        lambda v: (2 + x**2) * v, x, lambda _, b: b / (2 + x**2), symmetric=True
    ),
    **{f"cholesky {k}": lambda x, k=k: jnp.linalg.cholesky(positive(x, k)) for k in (1, 2, 3)},
    **{
        f"triangular {left} {lower} {transposed} {unit}": triangular(
            3, left_side=left, lower=lower, transpose_a=transposed, unit_diagonal=unit
        )
        for left, lower, transposed, unit in SIDES
    },
}
LARGE = {
    "solve": lambda x: jnp.linalg.solve(jnp.diag(x), x),
    "coupled operator": lambda x: jax.scipy.sparse.linalg.cg(
        lambda v: 4 * v + jnp.roll(v, 1) + jnp.roll(v, -1), x
    )[0],
    "cholesky": lambda x: jnp.linalg.cholesky(jnp.diag(x)),
    "triangular": lambda x: lax.linalg.triangular_solve(jnp.diag(x), x[:, None], left_side=True),
}
X = np.linspace(0.3, 1.1, 9)


@pytest.mark.parametrize("function", CASES.values(), ids=CASES)
def test_formulas_have_the_values_and_derivatives_of_the_factorisation(function):
    """Every entry of the result by every variable."""
    wider = written(program_of(lambda x: function(x).ravel(), 9))
    assert wider is not None
    assert not {equation.name for equation in wider.equations} & FORMULAS.keys()
    with float64():
        mine, expected = wider.function(), lambda x: function(x).ravel()
        np.testing.assert_allclose(mine(X)[1], expected(jnp.asarray(X)), rtol=1e-12, atol=1e-14)
        slopes = jax.jacfwd(lambda x: mine(x)[1])(X), jax.jacfwd(expected)(X)
        np.testing.assert_allclose(*slopes, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("function", LARGE.values(), ids=LARGE)
def test_larger_systems_are_left_alone(function):
    """Formulas would grow beyond use."""
    wider = written(program_of(lambda x: function(x).ravel(), 9))
    assert wider is None or {equation.name for equation in wider.equations} & FORMULAS.keys()


@pytest.mark.parametrize("order", permutations(range(3)))
def test_elimination_finds_its_pivots(order):
    """Rows in any order, zeros where the first pivot would be: beside NumPy."""
    matrix, right = (
        np.array([[2.0, 1.0, 0.5], [0.0, 3.0, -1.0], [0.0, 0.0, 1e-3]])[list(order)],
        np.arange(1.0, 4.0),
    )
    with float64():
        found = eliminate(matrix.tolist(), right.tolist())
    np.testing.assert_allclose(found, np.linalg.solve(matrix, right), rtol=1e-14)


@pytest.mark.parametrize("size", [2, 3, 4])
def test_small_systems_lose_no_more_digits_than_lapack(size):
    """Values, Jacobians and Hessians at condition 1 to 1e14 and scales 1e-150 to 1e150, beside exact ones."""
    rows = small_systems.compare(size, draws=3)
    assert max(row["worst ratio"] for row in rows) <= 10.0
    assert not any(row["nan here only"] for row in rows)


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 4), st.sampled_from(range(-450, 451, 50)), st.integers(0, 10**6))
def test_a_systems_unit_changes_no_bit_of_its_solution(count, exponent, seed):
    """Rows of one size stay rows of one size: which of them are pivots does not depend on the unit."""
    random = np.random.default_rng(seed)
    matrix, right, unit = random.normal(size=(count, count)), random.normal(size=count), 2.0**exponent
    with float64():
        found, expected = eliminate((unit * matrix).tolist(), unit * right), eliminate(matrix.tolist(), right)
    np.testing.assert_array_equal(found, expected)


def test_rows_of_very_different_sizes_have_second_derivatives():
    """Rows that are smaller by far are scaled by themselves: 1e-150 beside 1e150 overflows nowhere."""
    sizes = np.array([1e-150, 1.0, 1e150])
    matrix = np.random.default_rng(0).normal(size=(3, 3)) + 3 * np.eye(3)
    function = lambda x: jnp.linalg.solve(sizes[:, None] * (matrix + jnp.diag(x)), sizes * x)  # noqa: E731
    derivatives = lagrad.differentiate(
        lagrad.Problem(lambda x: jnp.sum(x**2), np.ones(3), lagrad.Equality(function))
    )
    expected = lambda x: jnp.sum(jnp.linalg.solve(matrix + jnp.diag(x), x))  # noqa: E731
    with float64():
        H = np.asarray(jax.hessian(expected)(jnp.ones(3)))
    np.testing.assert_allclose(derivatives.hessian(np.ones(3), np.ones(3), 0.0).toarray(), H, rtol=1e-12)


@pytest.mark.parametrize("size", [1e-150, 1e150])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_columns_of_any_size_have_second_derivatives(count, size):
    """Unknowns in other units: what is divided by a pivot's cube overflows nowhere, and vanishes nowhere."""
    width = np.where(np.arange(count) == count - 1, size, 1.0)
    base = 3.0 * np.eye(count) + np.arange(count * count).reshape(count, count) / 10

    def total(x, width):
        return jnp.sum(jnp.linalg.solve((base + jnp.diag(x)) * width, jnp.ones(count)) * width)

    x = np.linspace(0.3, 0.5, count)
    found = lagrad.differentiate(
        lagrad.Problem(lambda x: total(x, width), x), strategy="elements", check=False
    )
    with jax.enable_x64(True):
        expected = jax.hessian(lambda x: total(x, np.ones(count)))(x)
    np.testing.assert_allclose(found.hessian(x).toarray(), expected, rtol=1e-12)
