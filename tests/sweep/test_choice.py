"""The way of a sweep: a batch where that is faster and nothing else is asked for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from lagrad import Problem, Status, solve_many
from lagrad.sweep import choice, many
from lagrad.sweep.choice import FEWER, MANY, SMALL, TINY, pays_as_batch
from tests.sweep.programs import follower


def sized(n: int) -> Problem:
    """A problem of n variables and no rows."""
    return Problem(lambda x, p: x @ x + p, np.zeros(n), params=0.0)


ASKED = {"problem": follower(), "count": MANY, "executor": None, "options": ["tol", "max_iterations"]}


def test_thousands_of_small_problems_are_a_batch():
    """At the limits of both sizes, with the options that a batch understands."""
    assert pays_as_batch(**ASKED)
    for n in (TINY + 1, SMALL):
        assert pays_as_batch(**ASKED | {"problem": sized(n), "count": FEWER})


@pytest.mark.parametrize(
    "change",
    [
        {"count": MANY - 1},
        {"problem": sized(TINY), "count": MANY - 1},
        {"problem": sized(TINY + 1), "count": FEWER - 1},
        {"problem": sized(SMALL + 1)},
        {"executor": 2},
        {"executor": ThreadPoolExecutor(1)},
        {"options": ["tol", "warm_start"]},
    ],
    ids=["few", "few of the tiny", "few of the others", "large", "processes", "threads", "option"],
)
def test_anything_else_is_solved_one_by_one(change):
    """Each condition alone decides against the batch."""
    assert not pays_as_batch(**ASKED | change)


@pytest.mark.slow
def test_what_a_batch_leaves_unsolved_is_solved_again(monkeypatch):
    """`method="auto"` gives a success for each, whoever found it; here the batch gives up at once."""
    monkeypatch.setattr(choice, "MANY", 3)
    found = solve_many(follower(), params=np.array([1.0, 2.0, 3.0]))
    assert {solution.method for solution in found} == {"batched"}
    np.testing.assert_allclose([float(solution.x[0]) for solution in found], [1, 2, 3], atol=1e-6)
    early = many.solve_batch(follower(), [(np.float64(p), None) for p in (1.0, 2.0)], {"max_iterations": 1})
    assert {solution.status for solution in early} == {Status.ITERATION_LIMIT}
    monkeypatch.setattr(many, "solve_batch", lambda problem, pairs, options: [*early, found[2]])
    again = solve_many(follower(), params=np.array([1.0, 2.0, 3.0]))
    assert all(solution.success for solution in again)
    assert again[0].method != "batched"
    assert again[2] is found[2]
