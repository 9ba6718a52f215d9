"""diagnose: each fault that is planted is found, named, and nothing is said of a clean problem."""

from __future__ import annotations

import random

import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad import Equality, Inequality, Problem
from lagrad.checks.finding import ERROR, NOTE, WARNING


def names(problem, kind, x=None):
    """Names under one kind of finding."""
    found = lagrad.diagnose(problem, x).of(kind)
    return [name for finding in found for name in finding.names]


def quadratic(x):
    """Smallest at 0; every variable counts."""
    return jnp.sum(x**2)


def test_a_clean_problem_has_no_findings():
    """Nothing to say, and that is said."""
    found = lagrad.diagnose(Problem(quadratic, [0.5, 1.0], Equality(lambda x: x[0] * x[1], 0.5)))
    assert found.ok
    assert found.findings == ()
    assert "nothing found" in str(found)


# Problem, kind, severity and names that are expected.
PLANTED = {
    "nan": (lambda: Problem(lambda x: jnp.log(x[0]), [-1.0]), "nonfinite", ERROR, ["objective"]),
    "infinite slope": (
        lambda: Problem(quadratic, [1.0, 0.0], {"flow": Equality(lambda x: jnp.sqrt(x))}),
        "nonfinite",
        ERROR,
        ["Jacobian of flow[1] by x[1]"],
    ),
    "random": (lambda: Problem(lambda x: x[0] * random.random(), [1.0]), "changing", ERROR, ["objective"]),
    "kink": (lambda: Problem(lambda x: jnp.abs(x[0]), [0.0]), "kink", WARNING, ["objective"]),
    "too many": (
        lambda: Problem(quadratic, [1.0, 1.0], Equality(lambda x: x), (1.0, [1.0, 2.0])),
        "too_many_equalities",
        ERROR,
        [],
    ),
    "constant row": (
        lambda: Problem(quadratic, [1.0], {"none": Inequality(lambda x: 0.0 * x[:1] + 1.0, 0.0)}),
        "redundant_rows",
        NOTE,
        ["none[0]"],
    ),
    "unused": (
        lambda: Problem(lambda x: x["a"] ** 2, {"a": 1.0, "b": np.ones(2)}),
        "unused_variables",
        WARNING,
        ["x['b'][0]", "x['b'][1]"],
    ),
    "fixed": (
        lambda: Problem(quadratic, [1.0, 1.0], bounds=([0.0, 1.0], [2.0, 1.0])),
        "fixed_variables",
        NOTE,
        ["x[1]"],
    ),
    "redundant": (
        lambda: Problem(
            quadratic, [1.0, 1.0], {"row": Inequality(lambda x: x[0] + x[1], upper=9.0)}, (0.0, 2.0)
        ),
        "redundant_rows",
        NOTE,
        ["row"],
    ),
    "impossible": (
        lambda: Problem(quadratic, [1.0, 1.0], {"row": Inequality(lambda x: x[0] + x[1], 9.0)}, (0.0, 2.0)),
        "impossible_rows",
        ERROR,
        ["row"],
    ),
    "bound": (
        lambda: Problem(quadratic, [1.0, 1.0], {"row": Inequality(lambda x: 3.0 * x[1], upper=9.0)}),
        "rows_that_are_bounds",
        NOTE,
        ["row"],
    ),
    "dependent": (
        lambda: Problem(
            quadratic,
            [1.0, 2.0, 0.0],
            {"one": Equality(lambda x: x[0] * x[1]), "two": Equality(lambda x: 2.0 * x[0] * x[1])},
        ),
        "dependent_rows",
        WARNING,
        ["two", "one"],
    ),
    "contradictory": (
        lambda: Problem(
            quadratic,
            [1.0, 2.0, 0.0],
            {"one": Equality(lambda x: x[0] + x[1]), "two": Equality(lambda x: x[0] + x[1], 1.0)},
        ),
        "contradictory_rows",
        ERROR,
        ["two", "one"],
    ),
    "rows": (
        lambda: Problem(quadratic, [1.0, 2.0], {"big": Equality(lambda x: 1e7 * x[0] * x[1], 2e7)}),
        "badly_scaled_rows",
        WARNING,
        ["big"],
    ),
    "columns": (
        lambda: Problem(lambda x: x[0] ** 2 + 1e-7 * x[1] ** 2, [1.0, 2.0]),
        "badly_scaled_columns",
        WARNING,
        ["x[1]"],
    ),
    "violated": (
        lambda: Problem(quadratic, [1.0, 2.0], {"both": Equality(lambda x: x**3)}),
        "violated",
        NOTE,
        ["both[1]", "both[0]"],
    ),
    "converted": (lambda: Problem(quadratic, np.ones(2, np.float32)), "converted", NOTE, []),
}


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_planted_is_found(name):
    """Kind, severity and names."""
    make, kind, severity, expected = PLANTED[name]
    diagnosis = lagrad.diagnose(make())
    found = diagnosis.of(kind)
    assert {finding.severity for finding in found} == {severity}
    assert [each for finding in found for each in finding.names] == expected
    assert diagnosis.ok or any(finding.severity == ERROR for finding in diagnosis.findings)
    assert all(finding.message in str(diagnosis) for finding in found)


def test_curved_rows_on_a_bound_are_not_taken_for_linear():
    """x y >= 1 at x = 0: its gradient is constant along the bound only."""
    problem = Problem(quadratic, [0.0, 1.0], {"row": Inequality(lambda x: x[0] * x[1], 1.0)}, (0.0, 2.0))
    assert lagrad.diagnose(problem).ok
    assert not names(problem, "redundant_rows")


def test_a_row_that_vanishes_at_the_point_only_is_no_bad_scaling():
    """x^2 has the slope 2e-30 at 1e-30, and an honest one everywhere else."""
    rows = {
        "square": Inequality(lambda x: x[0] ** 2, upper=1.0),
        "tiny": Inequality(lambda x: 1e-9 * x[1], 0.0),
    }
    diagnosis = lagrad.diagnose(Problem(quadratic, [1e-30, 1.0], rows))
    assert [finding.names for finding in diagnosis.of("badly_scaled_rows")] == [("tiny",)]


def test_both_ends_of_bad_scaling_are_named():
    """Which variable is small beside which large one."""
    (found,) = lagrad.diagnose(Problem(lambda x: x[0] + 1e-7 * x[1] + 2.0 * x[2], [1.0, 2.0, 3.0])).of(
        "badly_scaled_columns"
    )
    assert "they reach from 1.0e-07 (x[1]) to 2.0e+00 (x[2])" in found.message


def test_dependence_at_one_point_is_called_so():
    """x^2 and y^2 have parallel (zero) gradients at 0 only."""
    rows = {"one": Equality(lambda x: x[0] + x[1] ** 2), "two": Equality(lambda x: x[0] - x[1] ** 2)}
    (found,) = lagrad.diagnose(Problem(quadratic, [1.0, 0.0], rows)).of("dependent_rows")
    assert "at this point only" in found.message


def test_functions_that_changed_since_they_were_compiled_are_noticed():
    """A captured array is not seen by what was compiled before it changed."""
    factor = np.array([1.0])
    problem = Problem(quadratic, [1.0, 2.0], {"row": Equality(lambda x: factor[0] * x[0])})
    derivatives = lagrad.differentiate(problem)
    factor[0] = 3.0
    assert [finding.names for finding in lagrad.diagnose(derivatives).of("stale")] == [("row",)]


def test_the_point_can_be_chosen():
    """Violations are those of the given point."""
    problem = Problem(quadratic, [1.0, 2.0], {"both": Equality(lambda x: x**3)})
    assert names(problem, "violated", [0.0, 1.0]) == ["both[1]"]
