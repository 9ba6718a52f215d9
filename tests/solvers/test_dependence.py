"""Equality rows that depend on each other: solved, told of, and left alone where the user chose."""

from __future__ import annotations

from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad import Equality, Problem, Status, solve
from lagrad.solvers import ipopt
from lagrad.solvers.ipopt.dependence import PERTURBED, remedy
from lagrad.solvers.solver import Outcome, Remedy
from tests.solvers.cases import task_of

OPTION = PERTURBED.options
# Multipliers of `square` at the origin.
SOLUTION = np.ones(2), np.zeros(2), np.zeros(2)


def ended(status: Status, size: float = 1e14, remedy: Remedy | None = PERTURBED) -> Outcome:
    """A run of `square` that ended at its start, with multipliers that cancel."""
    multipliers = np.array([size, -size]), np.zeros(2), np.zeros(2)
    return Outcome(status, x=np.array([3.0, 0.0]), multipliers=multipliers, remedy=remedy)


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


@pytest.mark.parametrize("seed", range(12))
def test_dependent_rows_are_solved(seed):
    """Beside the null space of the independent ones; with such rows a first attempt may find no solution."""
    problem, expected = dependent(seed)
    found = solve(problem, "ipopt")
    assert found.success and found.status is Status.OPTIMAL
    np.testing.assert_allclose(found.x, expected, atol=1e-5)


def test_as_many_dependent_rows_as_variables_are_no_system_of_equations():
    """Ipopt alone would be content with any point on the line."""
    found = solve(square(), "ipopt")
    assert found.success
    np.testing.assert_allclose(found.x, [0.0, 0.0], atol=1e-6)


@pytest.mark.parametrize("options, expected", [({}, PERTURBED), ({"perturb_always_cd": "no"}, None)])
def test_what_the_user_says_stands(options, expected):
    """Somebody who sets the option wants it so."""
    assert remedy(task_of(square(), options)) is expected


def test_without_rows_there_is_nothing_to_perturb():
    """Bounds are no rows."""
    assert remedy(task_of(Problem(lambda x: x[0] ** 2, [1.0], bounds=(0.0, 2.0)), {})) is None


@pytest.fixture
def attempts(monkeypatch):
    """Options of all runs; the first ends as `end` says, the others as they do."""
    seen, run = SimpleNamespace(options=[], end=ended(Status.ERROR)), ipopt.run

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
    assert "second attempt" in found.message and "rows depend on each other" in found.message


def test_where_neither_attempt_finds_a_solution_the_first_is_kept(attempts):
    """With a word on the second, which has no iterations to go."""
    found = solve(square(), "ipopt", max_iterations=0)
    assert len(attempts.options) == 2 and not found.success
    assert found.status is Status.ERROR and "found no solution either" in found.message
    np.testing.assert_array_equal(found.x, [3.0, 0.0])


@pytest.mark.parametrize(
    "status, size", [(Status.ACCEPTABLE, 1e14), (Status.ERROR, 1e8), (Status.ERROR, np.nan)]
)
def test_whoever_is_content_with_less_tries_again(attempts, status, size):
    """Multipliers of which rounding is all that is left, or that are no numbers."""
    attempts.end = ended(status, size)
    assert solve(square(), "ipopt").success
    assert len(attempts.options) == 2


def test_whoever_stops_the_second_attempt_stops_the_solve(attempts, monkeypatch):
    """The first one's point comes back, with the reason of the end."""
    begun = ipopt.run

    def stopping(task):
        if not attempts.options:
            return begun(task)
        attempts.options.append(task.options)
        task.evaluation.stop(Status.INTERRUPTED)
        return ended(Status.INTERRUPTED)

    monkeypatch.setattr(ipopt, "run", stopping)
    found = solve(square(), "ipopt")
    assert len(attempts.options) == 2 and found.status is Status.INTERRUPTED
    assert "was not finished" in found.message
    np.testing.assert_array_equal(found.x, [3.0, 0.0])


@pytest.mark.parametrize("limit", [None, 0])
def test_the_checkpoint_is_what_comes_back(attempts, tmp_path, limit):
    """Whichever attempt counts, one can go on from the file."""
    file = tmp_path / "solve.npz"
    found = solve(square(), "ipopt", max_iterations=limit, checkpoint=file)
    assert len(attempts.options) == 2 and found.success is (limit is None)
    assert lagrad.Solution.load(file).message == found.message
    solve(square(), "ipopt", warm_start=found, checkpoint=file)


@pytest.mark.parametrize(
    "end",
    [
        ended(Status.ERROR, remedy=None),
        ended(Status.ERROR, 1e6),
        ended(Status.INFEASIBLE),
        ended(Status.ITERATION_LIMIT),
        Outcome(Status.OPTIMAL, x=np.zeros(2), multipliers=SOLUTION, remedy=PERTURBED),
    ],
    ids=["no remedy", "large multipliers", "infeasible", "limit", "a solution"],
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
        return ended(Status.ERROR)

    monkeypatch.setattr(ipopt, "run", failing)
    with pytest.raises(ValueError, match="mine"):
        solve(square(), "ipopt")
    assert len(runs) == 1
