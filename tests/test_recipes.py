"""The recipes of CONTRIBUTING.md, followed: a solver and a problem are added by what they say, no more."""

from __future__ import annotations

from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np

import lagrad
import lagrad_problems
from lagrad.solution.status import Status
from lagrad.solvers.methods import METHODS
from lagrad.solvers.options import check_options
from lagrad.solvers.solver import Outcome, Solver, Task
from lagrad_problems import registry
from lagrad_problems.entry import CLOSED_FORM, Entry
from tests.contract import check_derivatives, check_optimum


def descend(task: Task) -> Outcome:
    """Newton's method for convex problems without rows: the smallest solver there can be."""
    evaluation, x = task.evaluation, task.start.x
    rows, cols = evaluation.derivatives.hessian_structure
    for iteration in range(task.max_iterations or 20):
        point = evaluation.point(x, iteration, None)
        evaluation.keep(point, task.tol)
        if not task.monitor.report(point) or np.abs(gradient := evaluation.gradient(x)).max() <= task.tol:
            break
        lower = np.zeros((x.size, x.size))
        np.add.at(lower, (rows, cols), evaluation.hessian(x, np.zeros(0), 1.0))
        x = x - np.linalg.solve(lower + np.tril(lower, -1).T, gradient)
    zeros = np.zeros(x.size)
    return Outcome(Status.OPTIMAL, 0, "done", x, (np.zeros(0), zeros, zeros))


def test_a_new_solver_is_four_functions_and_a_row(monkeypatch):
    """`load`, `check`, `run`, `about`; everything else (history, callback, certificate) is common."""
    newton: Solver = SimpleNamespace(
        load=lambda: None,
        check=lambda options: check_options(options, {}, {}),
        run=descend,
        about=lambda: {"newton": "1"},
    )
    monkeypatch.setitem(METHODS, "newton", newton)
    problem = lagrad.Problem(lambda x: jnp.sum(jnp.cosh(x - 1.0)) + x[0] * x[1] / 9, [0.0, 0.5])
    seen = []
    found = lagrad.solve(problem, "newton", callback=lambda iterate: seen.append(iterate.iteration))
    assert found.success and found.method == "newton" and seen == list(range(len(seen)))
    np.testing.assert_allclose(found.x, lagrad.solve(problem, "trust-constr").x, atol=1e-6)


def bowl(n: int = 3) -> Entry:
    """A problem as the recipe has it: formula, source and optimum side by side."""
    problem = lagrad.Problem(
        lambda x: jnp.sum((x - 1.0) ** 2), np.zeros(n), {"half": lagrad.Equality(jnp.sum, n / 2)}
    )
    return Entry("bowl", problem, "least squares", n / 4, "Ours", evidence=CLOSED_FORM)


def test_a_new_problem_is_a_function_and_a_line(monkeypatch):
    """It is found by name and size, and goes through the battery that all go through."""
    monkeypatch.setitem(registry.PROBLEMS, "bowl", bowl)
    entry = lagrad_problems.get("bowl", n=4)
    derivatives = lagrad.differentiate(entry.problem)
    check_derivatives(derivatives, count=1)
    check_optimum(entry, lagrad.solve(derivatives, "trust-constr"))
