"""Equality rows that depend on each other: solved, told of, and left alone where the user chose."""

from __future__ import annotations

from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad import Equality, Problem, Status, solve
from lagrad.solvers import ipopt
from lagrad.solvers.evaluation import Evaluation
from lagrad.solvers.ipopt.dependence import PERTURBED, remedy
from lagrad.solvers.monitor import Monitor
from lagrad.solvers.solver import Outcome, Start, Task

OPTION = PERTURBED.options
# Multipliers of `square` at the origin.
SOLUTION = np.ones(2), np.zeros(2), np.zeros(2)


def dependent(seed: int) -> tuple[Problem, np.ndarray]:
    """A convex quadratic on rows of which some are mixtures of others, straight or bent; and its solution.

    The solution is that of the independent rows: each bent row vanishes where its straight one does.
    """
    random = np.random.default_rng(seed)
    n = int(random.integers(2, 9))
    root, pull, inside = random.normal(size=(n, n)), 3 * random.normal(size=n), random.normal(size=n)
    curvature = root @ root.T + 0.3 * np.eye(n)
    rank = int(random.integers(1, n))
    rows = random.normal(size=(rank, n))
    mixing = np.vstack([np.eye(rank), random.normal(size=(int(random.integers(1, 3)), rank))])

    def values(x):
        straight = rows @ (x - inside)
        return mixing @ (straight + 0.1 * jnp.sin(straight) if seed % 2 else straight)

    basis = np.linalg.svd(rows)[2][rank:].T
    solution = inside - basis @ np.linalg.solve(
        basis.T @ curvature @ basis, basis.T @ (curvature @ inside + pull)
    )
    objective = lambda x: 0.5 * x @ (curvature @ x) + pull @ x  # noqa: E731
    return Problem(objective, inside + random.normal(size=n), Equality(values)), solution


def square() -> Problem:
    """As many rows as variables, of rank one."""
    return Problem(
        lambda x: jnp.sum((x - 1.0) ** 2), [3.0, 0.0], Equality(lambda x: jnp.tile(x[0] + x[1], 2))
    )


def task_of(problem: Problem, options: dict) -> Task:
    """A cold start."""
    evaluation = Evaluation(lagrad.differentiate(problem, check=False), problem)
    return Task(evaluation, Monitor(evaluation), Start(problem.start), 1e-8, None, options)


@pytest.mark.parametrize("seed", range(12))
def test_dependent_rows_are_solved(seed):
    """Beside the null space of the independent ones; a fifth of these end without a solution at first."""
    problem, expected = dependent(seed)
    found = solve(problem, "ipopt")
    assert found.success and found.status is Status.OPTIMAL
    np.testing.assert_allclose(found.x, expected, atol=1e-5)


def test_as_many_dependent_rows_as_variables_are_no_system_of_equations():
    """Ipopt alone would be content with any point on the line."""
    found = solve(square(), "ipopt")
    assert found.success
    np.testing.assert_allclose(found.x, [0.0, 0.0], atol=1e-6)


@pytest.mark.parametrize(
    "size, options, expected",
    [
        (1e14, {}, PERTURBED),
        (np.nan, {}, PERTURBED),
        (1e6, {}, None),
        (1e14, {"perturb_always_cd": "no"}, None),
    ],
)
def test_only_endless_multipliers_want_another_attempt(size, options, expected):
    """Large ones belong to small rows, and what the user says stands."""
    assert remedy(task_of(square(), options), np.array([size, -size])) is expected


def test_inequalities_have_no_such_trouble():
    """Each has a slack of its own."""
    problem = Problem(lambda x: x[0] ** 2, [1.0], lagrad.Inequality(lambda x: x[0], lower=0.0))
    assert remedy(task_of(problem, {}), np.array([1e16])) is None


@pytest.fixture
def attempts(monkeypatch):
    """Options of all runs; the first ends as `ends` says, the others as they do."""
    seen, run = SimpleNamespace(options=[], end=Outcome(Status.ERROR, remedy=PERTURBED)), ipopt.run

    def first_without(task):
        seen.options.append(dict(task.options))
        return seen.end if len(seen.options) == 1 else run(task)

    monkeypatch.setattr(ipopt, "run", first_without)
    return seen


def test_the_second_attempt_is_told_of(attempts):
    """What it found is the Solution, its options and what went wrong before are in it."""
    found = solve(square(), "ipopt", options={"print_level": 0})
    assert attempts.options == [{"print_level": 0}, {"print_level": 0} | OPTION]
    assert found.success and found.options.items() >= OPTION.items()
    assert "second attempt" in found.message and "equality rows depend on each other" in found.message


def test_where_neither_attempt_finds_a_solution_the_first_is_kept(attempts):
    """With a word on the second, which has no iterations to go."""
    problem, _ = dependent(0)
    found = solve(problem, "ipopt", max_iterations=0)
    assert len(attempts.options) == 2 and not found.success
    assert found.status is Status.ERROR and "found no solution either" in found.message
    np.testing.assert_array_equal(found.x, problem.start)


@pytest.mark.parametrize(
    "end",
    [
        Outcome(Status.ERROR),
        Outcome(Status.INFEASIBLE, remedy=PERTURBED),
        Outcome(Status.ITERATION_LIMIT, remedy=PERTURBED),
        Outcome(
            Status.OPTIMAL, x=np.zeros(2), multipliers=(np.full(2, 1.0), *np.zeros((2, 2))), remedy=PERTURBED
        ),
    ],
    ids=["no remedy", "infeasible", "limit", "a solution"],
)
def test_what_is_decided_is_not_tried_again(attempts, end):
    """A verdict, a limit of the user's, or a solution ends the matter."""
    attempts.end = end
    solve(square(), "ipopt")
    assert len(attempts.options) == 1


def test_an_exception_of_the_user_is_raised_at_once(monkeypatch):
    """A second attempt would only raise it again."""
    runs = []

    def failing(task):
        runs.append(task)
        task.evaluation.fail(ValueError("mine"))
        return Outcome(Status.ERROR, remedy=PERTURBED)

    monkeypatch.setattr(ipopt, "run", failing)
    with pytest.raises(ValueError, match="mine"):
        solve(square(), "ipopt")
    assert len(runs) == 1
