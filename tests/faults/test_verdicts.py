"""Faults 37 to 41: problems without a clean solution give an honest status and the best point."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import lagrad
import lagrad_problems
from lagrad import Equality, Inequality, Problem, Solution, Status
from lagrad.checks import explain_infeasibility

both = pytest.mark.parametrize("method", ["ipopt", "trust-constr"])


def is_honest(solution: Solution) -> bool:
    """Success is claimed exactly where the residuals of the optimality conditions are small."""
    check = solution.certificate
    return solution.success == (check.error <= check.tolerance <= 1e-6)


@cache
def valley() -> lagrad.Derivatives:
    """x^3 / 3 - x + 2 = 0 holds near -2.36 only; where x > 0 the violation is least at 1, 4/3."""
    rows = {
        "cubic": Equality(lambda x: x[0] ** 3 / 3.0 - x[0] + 2.0),
        "line": Inequality(lambda x: x[1], lower=-1.0),
    }
    return lagrad.differentiate(Problem(lambda x: x[1] ** 2, [2.0, 0.5], rows, (0.0, 9.0)))


@both
def test_37_locally_infeasible(method, record):
    """A local verdict with the worst row; with other bounds and from another start it is solved."""
    solution = lagrad.solve(valley(), method)
    record(f"constraint that cannot hold near x0, {method}", solution)
    assert solution.status is Status.INFEASIBLE and not solution.success
    assert "of cubic" in solution.message and solution.x[0] == pytest.approx(1.0, abs=1e-3)
    assert solution.certificate.feasibility == pytest.approx(4.0 / 3.0, rel=1e-3)
    elsewhere = lagrad.solve(valley(), method, x0=[-2.0, 0.5], bounds=(-9.0, 9.0))
    assert elsewhere.success and elsewhere.x[0] == pytest.approx(-2.3553, abs=1e-3)


@both
def test_37_violations_are_ranked(method, record):
    """Rows that cannot hold together, the worst first, with their amounts."""
    rows = {
        "disk": Inequality(lambda x: x @ x, upper=-1.0),
        "line": Inequality(lambda x: x[0] + x[1], lower=3.0),
        "fine": Inequality(lambda x: x[0], lower=-9.0),
    }
    problem = Problem(lambda x: x @ x, [1.0, 2.0], rows)
    solution = lagrad.solve(problem, method)
    found = explain_infeasibility(problem, solution.x, method=method)
    record(f"x'x <= -1 and x_0 + x_1 >= 3, explained with {method}", str(found))
    assert solution.status is Status.INFEASIBLE
    assert list(found.by_constraint()) == ["line", "disk"] and set(found.conflict) == {"line", "disk"}
    assert [violation.amount for violation in found.violations] == pytest.approx([2.0, 1.5], rel=1e-4)
    named = lagrad.diagnose(problem, solution.x).of("violated")[0]
    assert named.names == ("line", "disk")


UNBOUNDED = {
    "a line": (lambda x: x[0] + (x[1] - 2.0) ** 2, None),
    "a cubic": (lambda x: x[0] ** 3 + x[1] ** 2, None),
    "a product within x_1 <= x_0": (lambda x: -x[0] * x[1], lambda x: x[0] - x[1]),
}


@both
@pytest.mark.parametrize("kind", UNBOUNDED)
def test_38_unbounded(kind, method, record):
    """Unbounded, never success; the point where it was noticed is kept."""
    objective, rows = UNBOUNDED[kind]
    problem = Problem(objective, [-1.0, 2.0], rows and Inequality(rows, lower=0.0))
    solution = lagrad.solve(problem, method)
    record(f"{kind} without end, {method}", solution)
    assert solution.status is Status.UNBOUNDED and not solution.success
    assert np.isfinite(solution.x).all() and solution.objective <= -1e19


def complementary(x):
    """One of the two is zero: no constraint qualification holds anywhere."""
    return x[0] * x[1]


DEGENERATE = {
    "HS13, no multipliers exist": lambda: lagrad_problems.get("hs13").problem,
    "complementarity 0 <= x_0, x_1, x_0 x_1 <= 0": lambda: Problem(
        lambda x: (x[0] - 1.0) ** 2 + (x[1] - 1.0) ** 2,
        [1.0, 2.0],
        Inequality(complementary, upper=0.0),
        (0.0, None),
    ),
    "x_0 squared = 0": lambda: Problem(lambda x: x[0] + x[1] ** 2, [1.0, 2.0], Equality(lambda x: x[0] ** 2)),
}


@both
@pytest.mark.parametrize("kind", DEGENERATE)
def test_39_degenerate(kind, method, record):
    """Success only where the residuals are small; the objective is near the least one all the same."""
    problem = DEGENERATE[kind]()
    solution = lagrad.solve(problem, method)
    error = solution.certificate.error
    record(f"{kind}, {method}: optimality error {error:.0e}, success {solution.success}", solution)
    assert solution.status in (Status.OPTIMAL, Status.ACCEPTABLE) and is_honest(solution)
    least = 0.0 if "squared" in kind else 1.0
    assert solution.objective == pytest.approx(least, abs=1e-2)


def test_39_the_certificate_knows_that_gradients_are_dependent(record):
    """`certify` says that no constraint qualification holds where x_0 squared is zero."""
    problem = DEGENERATE["x_0 squared = 0"]()
    solution = lagrad.solve(problem, "trust-constr", x0=[0.0, 1.0])
    check = lagrad.certify(problem, solution.replace(x=np.zeros(2)))
    record("x_0 squared = 0, `certify` at 0", str(check))
    assert check.is_regular is False and "DEPENDENT" in str(check)


BIG = 1e12


def scaled(objective: float, row: float) -> Problem:
    """(x_0 - 1)^2 + (x_1 - 2)^2 with x_0 + x_1 <= 2, both sides scaled: smallest at (0.5, 1.5)."""
    return Problem(
        lambda x: objective * ((x[0] - 1.0) ** 2 + (x[1] - 2.0) ** 2),
        [3.0, 5.0],
        {"row": Inequality(lambda x: row * (x[0] + x[1]), upper=2.0 * row)},
    )


SCALED = {"objective 1e12": (BIG, 1.0), "row 1e12": (1.0, BIG), "row 1e-12": (1.0, 1.0 / BIG)}


@both
@pytest.mark.parametrize("kind", SCALED)
def test_40_badly_scaled(kind, method, record):
    """A status; residuals are those of the problem as declared, and `diagnose` names what is too large."""
    problem = scaled(*SCALED[kind])
    solution = lagrad.solve(problem, method)
    check = solution.certificate
    residuals = f"stationarity {check.stationarity:.0e}, feasibility {check.feasibility:.0e}"
    record(f"{kind}, {method}: unscaled {residuals}", solution)
    row = SCALED[kind][1] * float(np.sum(solution.x)) - 2.0 * SCALED[kind][1]
    assert solution.status in (Status.OPTIMAL, Status.ACCEPTABLE) and is_honest(solution)
    assert check.feasibility == pytest.approx(max(row, 0.0), rel=1e-3, abs=1e-3 * SCALED[kind][1] / BIG)
    if kind != "row 1e-12":
        np.testing.assert_allclose(solution.x, [0.5, 1.5], atol=1e-4)


@pytest.mark.parametrize(
    ("kind", "finding"),
    [
        ("objective 1e12", "badly_scaled_objective"),
        ("objective 1e-12", "badly_scaled_objective"),
        ("row 1e12", "badly_scaled_rows"),
        ("row 1e-12", "badly_scaled_rows"),
    ],
)
def test_40_bad_scaling_is_named(kind, finding, record):
    """Where a tiny objective or row meets absolute tolerances every point looks optimal: `diagnose` warns."""
    problem = scaled(*(SCALED | {"objective 1e-12": (1.0 / BIG, 1.0)})[kind])
    found = lagrad.diagnose(problem).of(finding)
    record(f"{kind}, `diagnose`", str(found[0]) if found else "nothing")
    assert found and found[0].severity == "warning"


@cache
def hs71() -> lagrad.Derivatives:
    """Hock and Schittkowski 71."""
    return lagrad.differentiate(lagrad_problems.get("hs71").problem)


@both
@pytest.mark.parametrize("limit", [0, 1])
def test_41_no_iterations(limit, method, record):
    """The best point so far with multipliers, history and certificate; a solve goes on from it."""
    solution = lagrad.solve(hs71(), method, max_iterations=limit)
    record(f"max_iterations={limit}, {method}", solution)
    assert solution.status is Status.ITERATION_LIMIT and not solution.success
    assert solution.iterations <= limit and len(solution.history) == limit + 1
    assert np.isfinite(solution.objective) and np.isfinite(solution.certificate.error)
    assert solution.objective == pytest.approx(hs71().objective(solution.x), rel=1e-12)
    assert all(np.isfinite(value).all() for value in solution.multipliers.values())
    assert np.all(solution.bound_multipliers.lower >= 0) and np.all(solution.bound_multipliers.upper >= 0)
    assert lagrad.solve(hs71(), method, warm_start=solution).success
