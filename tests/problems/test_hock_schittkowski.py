"""The Hock-Schittkowski tables against what the book prints."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from lagrad_problems.hock_schittkowski import FORMULAS, hock_schittkowski
from lagrad_problems.hock_schittkowski.equality import SMALL
from lagrad_problems.hock_schittkowski.equality_applied import APPLIED
from lagrad_problems.hock_schittkowski.inequality import TINY
from lagrad_problems.hock_schittkowski.inequality_large import LARGE
from lagrad_problems.hock_schittkowski.inequality_medium import MEDIUM
from tests.reference.hock_schittkowski import SOLUTIONS, START_OBJECTIVES, WITH_EQUALITIES


def at(function, x) -> np.ndarray:
    """A function's value at a vector, in float64."""
    with jax.enable_x64(True):
        return np.asarray(function(jax.numpy.asarray(x, float)))


@pytest.mark.parametrize("number", START_OBJECTIVES)
def test_objective_at_the_start_is_the_printed_one(number):
    """The book gives f(x0), to six digits or more."""
    formula = FORMULAS[number]
    assert at(formula.objective, formula.x0) == pytest.approx(START_OBJECTIVES[number], rel=5e-6, abs=1e-6)


@pytest.mark.parametrize("number", SOLUTIONS)
def test_printed_solution_has_the_optimal_objective(number):
    """f at the book's solution is the optimum, as far as its digits reach."""
    formula = FORMULAS[number]
    assert at(formula.objective, SOLUTIONS[number]) == pytest.approx(formula.optimum, rel=2e-5, abs=1e-7)


@pytest.mark.parametrize("number", SOLUTIONS)
def test_printed_solution_is_feasible(number):
    """Bounds and constraints hold at the book's solution, as far as its digits reach.

    A row may be off by what a change of every variable in its sixth digit does to it.
    """
    problem, x = hock_schittkowski(number).problem, np.array(SOLUTIONS[number], float)
    rounding = 1e-9 + 1e-6 * abs(x)
    assert (x >= problem.lower - rounding).all() and (x <= problem.upper + rounding).all()
    rows = at(problem.flat_constraints, x)
    changes = [abs(at(problem.flat_constraints, x + step) - rows) for step in np.diag(1e-5 * x)]
    slack = 1e-6 + np.sum(changes, axis=0)
    assert (rows >= problem.constraint_lower - slack).all()
    assert (rows <= problem.constraint_upper + slack).all()


def test_every_problem_with_equalities_is_there():
    """All of the collection's 47 problems with an equality, and at least twenty with inequalities only."""
    with_equality = {number for number, formula in FORMULAS.items() if formula.equal is not None}
    with_inequality = {number for number, formula in FORMULAS.items() if formula.positive is not None}
    assert with_equality == set(WITH_EQUALITIES)
    assert len(with_inequality - with_equality) >= 20


def test_no_number_stands_in_two_tables():
    """The tables have no problem in common, so none hides another."""
    assert sum(map(len, (SMALL, APPLIED, TINY, MEDIUM, LARGE))) == len(FORMULAS)
