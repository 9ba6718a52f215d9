"""explain_infeasibility on contradictions worked out by hand, by both solvers."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from lagrad import Equality, Inequality, Problem, differentiate
from lagrad.checks import explain_infeasibility
from lagrad.checks.elastic import elastic

METHODS = ("ipopt", "trust-constr")


def contradiction():
    """x^2 <= 1 and x + y >= 5 with y <= 3: the second lacks 1 at x = 1, or the first exceeds by 3."""
    rows = {
        "disc": Inequality(lambda z: z["x"] ** 2, upper=1.0),
        "sum": Inequality(lambda z: z["x"] + z["y"][1], lower=5.0),
        "free": Equality(lambda z: z["y"][0] - z["x"] ** 2),
    }
    bounds = ({"x": -9.0, "y": -9.0}, {"x": 9.0, "y": 3.0})
    return Problem(lambda z: z["x"], {"x": 0.5, "y": np.zeros(2)}, rows, bounds)


@pytest.mark.parametrize("method", METHODS)
def test_rows_that_give_way_are_named_with_their_amounts(method):
    """The cheapest way out: x at 1, y at 3, the sum lacks 1."""
    found = explain_infeasibility(contradiction(), method=method)
    assert not found.is_feasible
    assert [violation.name for violation in found.violations] == ["sum"]
    assert found.by_constraint() == pytest.approx({"sum": 1.0}, abs=1e-4)
    assert found.violations[0].side == 5.0
    np.testing.assert_allclose(found.x["x"], 1.0, atol=1e-3)
    assert set(found.conflict) == {"sum", "disc"}
    assert found.bounds == ("x['y'][1]",)
    assert "sum is 4" in str(found) and "against    x['y'][1] <= 3" in str(found)


def test_feasible_problems_are_called_so():
    """The point that comes back satisfies the rows."""
    problem = Problem(lambda x: x[0], [0.0, 0.0], {"row": Equality(lambda x: x[0] * x[1], 2.0)}, (0.5, 9.0))
    found = explain_infeasibility(problem, [1.0, 1.0])
    assert found.is_feasible
    assert not found.violations
    np.testing.assert_allclose(found.x[0] * found.x[1], 2.0, atol=1e-5)


def test_the_start_is_looked_at_in_double_precision():
    """What 1/3 lacks of 1, to the last bit; Derivatives will do in place of a Problem."""
    rows = {"third": Inequality(lambda x: jnp.divide(x[0], 3.0), 1.0)}
    problem = Problem(lambda x: x @ x, [1.0], rows, (0.0, 1.0))
    assert elastic(problem).x0["raise"] == [1.0 - 1.0 / 3.0]
    found = explain_infeasibility(differentiate(problem))
    assert [violation.name for violation in found.violations] == ["third"]


def test_params_take_part():
    """Feasible or not by the value of a parameter."""
    rows = {"one": Equality(lambda x, p: x[0] - p), "two": Equality(lambda x, p: jnp.sin(x[0]))}
    problem = Problem(lambda x, p: x[0], [0.5], rows, params=0.0)
    assert explain_infeasibility(problem).is_feasible
    found = explain_infeasibility(problem, params=0.7)
    assert set(found.conflict) == {"one", "two"}


def test_a_report_sums_up_by_constraint_before_it_lists_rows():
    """Each row lacks 1: one line for the constraint, then some rows, then how many more."""
    rows = {
        "low": Inequality(lambda x: x, lower=np.full(9, 1.0)),
        "cap": Inequality(lambda x: x[0], upper=9.0),
    }
    found = explain_infeasibility(
        Problem(lambda x: x[0], np.zeros(9), rows, (None, 0.0)), method="trust-constr"
    )
    lines = str(found).splitlines()
    assert lines[1].startswith("  gives way  low: 9 of 9 rows, worst 1")
    assert lines[2].startswith("  conflict   low (9 of 9 rows)")
    assert lines[3] == "  against    x <= 0 (9 of 9)"
    assert sum(line.startswith("  row ") for line in lines) == 5 and lines[-1] == "  and        4 rows more"
