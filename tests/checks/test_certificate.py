"""certify against optima worked out by hand: residuals, rank, curvature, and points that are none."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad.solution.solution import BoundMultipliers, Certificate, History, Solution
from lagrad.solution.status import Status


def solution(x, multipliers=None, lower=None, upper=None) -> Solution:
    """A point with multipliers, as if a solver had said it."""
    nothing = np.zeros(np.size(x))
    sides = (nothing if side is None else np.array(side, float) for side in (lower, upper))
    return Solution(
        x=np.array(x, float),
        objective=0.0,
        constraints={},
        multipliers={name: np.array(value, float) for name, value in (multipliers or {}).items()},
        bound_multipliers=BoundMultipliers(*sides),
        success=True,
        status=Status.OPTIMAL,
        message="",
        iterations=0,
        history=History(),
        evaluations={},
        timings={},
        certificate=Certificate(0.0, 0.0, 0.0, 0.0, 1e-6),
        method="by hand",
    )


def circle(objective=lambda x: x[0] + x[1]):
    """Smallest x + y on the circle of radius sqrt(2): (-1, -1), multiplier 1/2; largest at (1, 1)."""
    return lagrad.Problem(objective, [1.0, 0.5], {"circle": lagrad.Equality(lambda x: x @ x, 2.0)})


def test_a_minimum_is_certified():
    """All residuals are zero, the one row is independent, the reduced Hessian positive."""
    found = lagrad.certify(circle(), solution([-1.0, -1.0], {"circle": 0.5}))
    assert found.is_satisfied
    assert found.error < 1e-14
    assert (found.constraint_rank, found.active_rows, found.second_order) == (1, 1, True)


def test_a_maximum_is_no_minimum():
    """It satisfies the first-order conditions; only curvature tells."""
    found = lagrad.certify(circle(), solution([1.0, 1.0], {"circle": -0.5}))
    assert found.is_satisfied
    assert found.second_order is False


def test_each_residual_is_that_of_the_formula():
    """Stationarity, feasibility and complementarity by hand, each with the name of its worst entry."""
    rows = {"low": lagrad.Inequality(lambda x: x[0], 1.0), "sum": lagrad.Equality(lambda x: x[0] + x[1], 4.0)}
    problem = lagrad.Problem(lambda x: x[0] ** 2 + x[1] ** 2, [2.0, 1.0], rows)
    found = lagrad.certify(problem, solution([1.5, 1.0], {"low": -3.0, "sum": -2.0}))
    # grad f = (3, 2); + (-3, 0) + (-2, -2); 4 - 2.5; 3 times the distance 0.5.
    assert (found.stationarity, found.feasibility, found.complementarity) == (2.0, 1.5, 1.5)
    assert found.worst == {"stationarity": "x[0]", "feasibility": "sum", "complementarity": "low"}
    assert not found.is_satisfied


def test_multipliers_of_the_wrong_sign_are_refused():
    """At a corner, x >= 0 with objective -x: stationarity can be had with a negative multiplier only."""
    problem = lagrad.Problem(lambda x: -x[0], [0.0], bounds=(0.0, None))
    assert not lagrad.certify(problem, solution([0.0], lower=[-1.0])).is_satisfied
    rows = lagrad.Problem(lambda x: -x[0], [1.0], {"row": lagrad.Inequality(lambda x: x[0], 0.0)})
    assert lagrad.certify(problem.replace(bounds=(None, 0.0)), solution([0.0], upper=[1.0])).is_satisfied
    assert not lagrad.certify(rows, solution([0.0], {"row": 1.0})).is_satisfied


def test_dependent_active_rows_are_counted():
    """The same row twice, and a bound: three active, rank two."""
    rows = {
        "one": lagrad.Equality(lambda x: x[0] + x[1], 1.0),
        "two": lagrad.Equality(lambda x: 2 * x[0] + 2 * x[1], 2.0),
    }
    problem = lagrad.Problem(lambda x: x @ x + x[2], [0.0, 1.0, 1.0], rows, (None, None))
    problem = problem.replace(bounds=([-np.inf, -np.inf, 0.0], [np.inf, np.inf, np.inf]))
    found = lagrad.certify(problem, solution([0.5, 0.5, 0.0], {"one": -1.0, "two": 0.0}, lower=[0, 0, 1.0]))
    assert found.is_satisfied
    assert (found.constraint_rank, found.active_rows, found.is_regular) == (2, 3, False)
    assert found.second_order is True


@pytest.mark.parametrize(("curvature", "expected"), [(1.0, True), (-1.0, None)])
def test_weakly_active_sides_leave_the_question_open(curvature, expected):
    """c y^2, y >= 0 active without force: strict for c > 0, open for c < 0."""
    problem = lagrad.Problem(lambda x: x[0] ** 2 + curvature * x[1] ** 2, [1.0, 0.0], bounds=(0.0, 1.0))
    assert lagrad.certify(problem, solution([0.0, 0.0])).second_order is expected


def test_flat_directions_are_not_strict():
    """x^2 in two variables: any y will do."""
    problem = lagrad.Problem(lambda x: x[0] ** 2 + 0.0 * x[1], [0.0, 0.0])
    assert lagrad.certify(problem, solution([0.0, 3.0])).second_order is False


def test_certificate_agrees_with_that_of_the_solve():
    """The residuals of `solve` are found again, whichever derivatives are given."""
    problem = circle()
    derivatives = lagrad.differentiate(problem)
    solved = lagrad.solve(derivatives, method="trust-constr")
    for given in (problem, derivatives):
        found = lagrad.certify(given, solved)
        assert found.second_order is True
        assert found.is_satisfied == solved.success
        assert found.feasibility == pytest.approx(solved.certificate.feasibility, abs=1e-12)
        assert found.stationarity == pytest.approx(solved.certificate.stationarity, abs=1e-12)


def test_wrong_derivatives_do_not_deceive_the_certificate():
    """Derivatives of another problem call a point stationary; the functions themselves do not."""
    right, wrong = circle(), circle(lambda x: x[0] + 1.5 * x[1])
    tampered = replace(lagrad.differentiate(right), problem=wrong)
    found = lagrad.certify(tampered, solution([-1.0, -1.0], {"circle": 0.5}))
    assert found.stationarity == pytest.approx(0.5)


def test_points_that_are_not_finite_are_not_certified():
    """Nothing is claimed where the functions have no value."""
    problem = lagrad.Problem(lambda x: jnp.log(x[0]), [1.0])
    found = lagrad.certify(problem, solution([-1.0]))
    assert not found.is_satisfied
    assert found.second_order is None


def test_certificate_prints_what_is_known():
    """Verdict, residuals with names, rank and curvature."""
    text = str(lagrad.certify(circle(), solution([1.0, 1.0], {"circle": -0.5})))
    assert "satisfied" in text
    assert "1 active, rank 1: independent" in text
    assert "does NOT hold" in text
