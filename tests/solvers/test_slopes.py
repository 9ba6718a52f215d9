"""Laws of supplied derivatives that are wrong: where a solve fails, they are named."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.optimize as so

from lagrad.errors import LagradWarning
from lagrad.solvers.minimize import ipopt, trust_constr
from lagrad.solvers.slopes import wrong_slope


def banana(x):
    """Rosenbrock's function, flatter, in NumPy."""
    return float((x[0] - 1) ** 2 + 10 * (x[1] - x[0] ** 2) ** 2)


def slope(x):
    """Its gradient."""
    return np.array([2 * (x[0] - 1) - 40 * x[0] * (x[1] - x[0] ** 2), 20 * (x[1] - x[0] ** 2)])


@pytest.mark.parametrize("method", [ipopt, trust_constr])
def test_a_wrong_jac_is_named_where_a_solve_fails(method):
    """Of the objective, with the slope that differences give; right ones are left alone."""
    with pytest.warns(LagradWarning, match="`objective`: `jac` is not the derivative of `fun`"):
        found = so.minimize(banana, [-1.0, 2.0], jac=lambda x: -slope(x), method=method)
    assert not found.success
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = so.minimize(banana, [-1.0, 2.0], jac=slope, method=method, options={"maxiter": 2})
    assert not found.success


def test_noise_is_not_taken_for_a_wrong_slope():
    """Differences that do not agree with one another prove nothing; nor do functions that end there."""
    random = np.random.default_rng(0)
    noisy = lambda x: x**2 + 1e-3 * random.normal(size=x.shape)  # noqa: E731
    assert wrong_slope(noisy, lambda x: np.diag(3 * x), np.array([1.0])) is None
    assert wrong_slope(lambda x: np.where(x > 2, x, np.nan), lambda x: np.diag(x), np.array([1.0])) is None
