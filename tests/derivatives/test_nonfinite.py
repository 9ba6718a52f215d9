"""Laws of derivatives that are not finite: they stay in the entries that truly have them."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad

N = 8


def at_zero(k: int = 3) -> np.ndarray:
    """A point where one variable is zero."""
    x = np.linspace(0.5, 1.2, N)
    x[k] = 0.0
    return x


def roots(x):
    """Rows sqrt(x_i) + x_{i+1}^2: one infinite slope at x_3 = 0, its column colored together with others."""
    return jnp.sqrt(x[:-1]) + x[1:] ** 2


def looped(x):
    """The same through a loop, so that it has no elements."""
    return jax.lax.fori_loop(0, 1, lambda k, y: roots(x) + 0 * y, jnp.zeros(N - 1))


def expected_jacobian(x: np.ndarray) -> np.ndarray:
    """By hand."""
    found = np.zeros((N - 1, N))
    rows = np.arange(N - 1)
    with np.errstate(divide="ignore"):
        found[rows, rows] = 0.5 / np.sqrt(x[:-1])
    found[rows, rows + 1] = 2 * x[1:]
    return found


@pytest.mark.parametrize("function", [roots, looped])
@pytest.mark.parametrize("strategy", ["elements", "colored"])
def test_an_infinite_slope_stays_in_its_row(function, strategy):
    """All other rows and columns are finite and right, whatever shares a color with it."""
    problem = lagrad.Problem(lambda x: x @ x, np.ones(N), lagrad.Equality(function))
    derivatives = lagrad.differentiate(problem, strategy=strategy)
    x = at_zero()
    found, expected = derivatives.jacobian(x).toarray(), expected_jacobian(x)
    others = np.arange(N - 1) != 3
    np.testing.assert_allclose(found[others], expected[others], rtol=1e-12)
    assert not np.isfinite(found[3, 3])
    # The rest of this row is what dense forward mode gives: 0 * inf where a seed does not touch x_3.
    with jax.enable_x64(True):
        dense = np.asarray(jax.jacfwd(function)(x))
    assert (np.isfinite(found) | ~np.isfinite(dense)).all()


@pytest.mark.parametrize("strategy", ["elements", "colored"])
def test_an_infinite_curvature_stays_in_its_row_and_column(strategy):
    """H has one infinite entry; what does not touch x_3 is finite and right."""
    problem = lagrad.Problem(lambda x: jnp.sum(x[1:] * x[:-1] ** 2), np.ones(N), lagrad.Equality(roots))
    derivatives, x, multipliers = lagrad.differentiate(problem, strategy=strategy), at_zero(), np.ones(N - 1)
    found = derivatives.hessian(x, multipliers).toarray()
    with jax.enable_x64(True):
        part = jax.hessian(lambda x: jnp.sum(x[1:] * x[:-1] ** 2) + jnp.sum(x[1:] ** 2))(x)
        smooth = np.array(part)
    with np.errstate(divide="ignore"):
        smooth += np.diag(np.append(-0.25 * x[:-1] ** -1.5, 0.0))
    away = np.arange(N) != 3
    np.testing.assert_allclose(found[np.ix_(away, away)], smooth[np.ix_(away, away)], rtol=1e-12)
    assert not np.isfinite(found[3, 3])


def test_elements_keep_infinities_to_their_own_entry():
    """An element's slot is infinite; its other slots are not, even in the same row."""
    problem = lagrad.Problem(lambda x: x @ x, np.ones(N), lagrad.Equality(roots))
    found = lagrad.differentiate(problem, strategy="elements").jacobian(at_zero()).toarray()
    expected = expected_jacobian(at_zero())
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(expected))


def products(x):
    """Rows log(x_{i+1}) x_i."""
    return jnp.log(x[1:]) * x[:-1]


@pytest.mark.parametrize("strategy", ["elements", "colored"])
def test_what_is_not_a_number_spreads_no_further_than_in_dense_jax(strategy):
    """One variable is NaN: rows without it are finite, and a color spoils nothing that JAX would not."""
    problem = lagrad.Problem(lambda x: x @ x, np.ones(N), lagrad.Equality(products))
    derivatives, x = lagrad.differentiate(problem, strategy=strategy), at_zero()
    x[3] = np.nan
    finite = np.isfinite(derivatives.jacobian(x).toarray())
    assert finite.all(axis=1).tolist() == [True, True, False, False, True, True, True]
    with jax.enable_x64(True):
        dense = np.isfinite(jax.hessian(lambda x: jnp.sum(products(x)))(x))
    hessian = np.isfinite(derivatives.hessian(x, np.ones(N - 1), 0.0).toarray())
    assert (hessian | ~(dense & dense.T)).all()
    assert hessian[5:, 5:].all()
    assert hessian[:2, :2].all()
