"""Starts on bounds where functions are not finite: moved as far as IPOPT moves them, else left alone."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad.solvers.inside import finite_start, pushed_inside
from lagrad.solvers.solver import Start

KINDS = {
    "x log x": (lambda x: jnp.sum(x * jnp.log(x)), np.exp(-1.0)),
    "-log x + x": (lambda x: jnp.sum(x - jnp.log(x)), 1.0),
    "x - sqrt x": (lambda x: jnp.sum(x - jnp.sqrt(x)), 0.25),
}


@pytest.mark.parametrize("method", ["ipopt", "trust-constr"])
@pytest.mark.parametrize("kind", KINDS)
def test_singular_bounds_are_fine_to_start_on(kind, method):
    """The optimum of each term is known in closed form."""
    fun, optimum = KINDS[kind]
    solution = lagrad.solve(lagrad.Problem(fun, np.zeros(3), bounds=(0.0, None)), method)
    assert solution.success
    np.testing.assert_allclose(solution.x, np.full(3, optimum), rtol=1e-5)


def test_an_entropy_with_moments():
    """Two of three probabilities start at zero; the right value is that of the dual in one unknown."""
    rows = {
        "sum": lagrad.Equality(lambda x: x.sum(), 1.0),
        "mean": lagrad.Equality(lambda x: x @ np.arange(1.0, 4.0), 2.3),
    }
    problem = lagrad.Problem(lambda x: jnp.sum(x * jnp.log(x)), [1.0, 0.0, 0.0], rows, bounds=(0.0, 1.0))
    solution = lagrad.solve(problem)
    np.testing.assert_allclose(solution.x, [0.19478, 0.31044, 0.49478], atol=1e-5)


def test_finite_starts_stay_where_they_are():
    """A start on a bound is the user's if everything is finite there."""
    problem = lagrad.Problem(lambda x: jnp.sum((x - 2.0) ** 2), np.zeros(2), bounds=(0.0, 1.0))
    start = Start(problem.start)
    assert finite_start(lagrad.differentiate(problem), problem, start) is start


def test_starts_that_are_not_finite_inside_either_are_refused():
    """The message is about the start that the user gave."""
    problem = lagrad.Problem(lambda x: jnp.sum(jnp.log(x - 5.0)), np.zeros(2), bounds=(0.0, None))
    with pytest.raises(lagrad.DerivativeError, match="at the start"):
        lagrad.solve(problem)


def test_the_push_is_ipopts():
    """A hundredth of the bound or of the width, whichever is less; fixed and free variables stay."""
    lower, upper = np.array([0.0, -200.0, 0.0, 1.0, -np.inf]), np.array([np.inf, np.inf, 0.5, 1.0, np.inf])
    x = np.array([0.0, -200.0, 0.5, 1.0, 7.0])
    np.testing.assert_allclose(pushed_inside(x, lower, upper), [0.01, -198.0, 0.495, 1.0, 7.0])


def test_a_start_is_looked_at_anew_for_other_params():
    """What is finite for some params need not be for others, nor the other way round."""
    problem = lagrad.Problem(lambda x, p: jnp.sum(jnp.log(x + p)), [0.0], bounds=(0.0, None), params=1.0)
    derivatives = lagrad.differentiate(problem)
    assert derivatives.is_finite_at_start and not derivatives.bind(0.0).is_finite_at_start
    assert derivatives.bind(0.0).bind(2.0).is_finite_at_start
