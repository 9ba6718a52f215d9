"""Profiles against counting by hand."""

from __future__ import annotations

import pytest

from lagrad_problems.bench.profiles import data, draw, performance

COSTS = {
    ("p", "a"): 1.0,
    ("p", "b"): 3.0,
    ("q", "a"): 4.0,
    ("q", "b"): 2.0,
    ("r", "a"): 5.0,
    ("r", "b"): None,
    ("s", "a"): None,
    ("s", "b"): None,
}
ROWS = [
    {
        "problem": problem,
        "solver": solver,
        "verdict": "solved" if cost else "time limit",
        "setup_seconds": cost,
        "solve_seconds": 0.0,
        "evaluations": 6 * (cost or 0),
        "n": 2,
    }
    for (problem, solver), cost in COSTS.items()
]


@pytest.mark.parametrize("at", [0.9, 1.0, 1.9, 2.0, 3.0, 100.0])
@pytest.mark.parametrize("solver", ["a", "b"])
def test_performance_counts_problems_within_a_factor_of_the_best(solver, at):
    """Problems that nobody solves count in the denominator."""
    within = 0
    for problem in "pqrs":
        costs = [COSTS[problem, other] for other in "ab" if COSTS[problem, other]]
        own = COSTS[problem, solver]
        within += own is not None and own <= at * min(costs)
    assert performance(ROWS).share(solver, at) == within / 4


@pytest.mark.parametrize("at", [1.9, 2.0, 8.0, 50.0])
def test_data_profile_counts_problems_within_a_budget(at):
    """Evaluations for each of three: two variables and one."""
    within = sum(1 for (_, solver), cost in COSTS.items() if solver == "a" and cost and 2 * cost <= at)
    assert data(ROWS).share("a", at) == within / 4


def test_profiles_are_drawn(tmp_path):
    """Also for a solver that solves nothing."""
    pytest.importorskip("matplotlib")
    rows = [*ROWS, *(row | {"solver": "none", "verdict": "crashed"} for row in ROWS[::2])]
    draw([performance(rows), data(rows)], tmp_path / "profiles.png")
    assert (tmp_path / "profiles.png").stat().st_size > 5000
