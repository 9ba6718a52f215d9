"""Solve a sweep as one batched solve, with Solutions like any other."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from lagrad.batched.batched import batched
from lagrad.batched.settings import Settings
from lagrad.batched.statuses import status_of
from lagrad.errors import ProblemError
from lagrad.precision import float64
from lagrad.problem.multipliers import named_rows
from lagrad.problem.problem import Problem
from lagrad.solution.solution import BoundMultipliers, History, Solution
from lagrad.solution.status import Status
from lagrad.solvers.entries import Entries
from lagrad.solvers.evaluation import Point
from lagrad.solvers.finish import settle_multipliers, versions
from lagrad.solvers.optimality import certificate, success_tolerance
from lagrad.solvers.violation import largest_violation

# Arguments of `lagrad.solve` that a batched sweep understands.
KNOWN = {"tol", "max_iterations"}
# Problems that stay compiled.
KEPT = 4


def solve_batch(problem: Problem, pairs: list[tuple[Any, Any]], options: dict[str, Any]) -> list[Solution]:
    """Solve one problem for many params or starts at once.

    Args:
        problem: declared once.
        pairs: params and start of each, None for the problem's own.
        options: `tol` and `max_iterations`, if given.

    Returns:
        Solutions in the order of the pairs.

    Raises:
        ProblemError: another option.
    """
    unknown = sorted(set(options) - KNOWN)
    if unknown:
        raise ProblemError(f"`solve_many`: {unknown[0]!r}, expected tol or max_iterations with 'batched'.")
    began = time.perf_counter()
    tol = float(options.get("tol", 1e-8))
    with float64():
        solver = compiled(problem, tol, options.get("max_iterations") or Settings.max_iterations)
        params = padded([problem.params if given is None else given for given, _ in pairs])
        starts = padded([problem.start if x0 is None else problem.variables.flatten(x0) for _, x0 in pairs])
        answers = solver.solve(params, starts, len(pairs))
        answers, values = jax.tree.map(np.asarray, (answers, solver.values(answers.x, params)))
    seconds = (time.perf_counter() - began) / len(pairs)
    rows = [jax.tree.map(lambda leaf, row=row: leaf[row], (answers, values)) for row in range(len(pairs))]
    return [solution_of(problem, solver.structure, row[0], row[1], (tol, seconds)) for row in rows]


@dataclass(frozen=True, eq=False)
class Batch:
    """Compiled functions of a problem.

    Args:
        solve: (params, starts, count) -> Answer, all stacked.
        values: (x, params) -> objective, rows, gradient and Jacobian entries, all stacked.
        structure: rows and columns of the Jacobian's entries.
    """

    solve: Callable
    values: Callable
    structure: tuple[np.ndarray, np.ndarray]


@lru_cache(maxsize=KEPT)
def compiled(problem: Problem, tol: float, max_iterations: int) -> Batch:
    """The functions of a batched solve, compiled when they are first called."""
    solver = batched(problem, tol=tol, max_iterations=max_iterations)
    derivatives = solver.model.derivatives

    def values(x, params):
        entries = derivatives.jacobian_values(x, params)
        return *derivatives.values(x, params), derivatives.gradient(x, params), entries

    return Batch(jax.jit(solver.flat_many), jax.jit(jax.vmap(values)), derivatives.jacobian_structure)


def padded(parts: list[Any]) -> Any:
    """Pytrees stacked, the last one repeated up to a power of two, so that few shapes are compiled."""
    size = 1 << (len(parts) - 1).bit_length()
    return jax.tree.map(lambda *leaves: np.stack(leaves), *parts, *[parts[-1]] * (size - len(parts)))


def solution_of(problem: Problem, structure: tuple, answer: Any, values: tuple, asked: tuple) -> Solution:
    """The Solution of one answer, judged as every solver's is."""
    (objective, rows, gradient, entries), (tol, seconds) = values, asked
    rows_of, columns_of = structure
    jacobian = Entries(rows_of, columns_of, np.asarray(entries), (problem.m, problem.n))
    told = answer.multipliers, answer.lower, answer.upper
    violation = largest_violation(problem, answer.x, rows)
    point = Point(answer.x, float(objective), rows, violation, int(answer.iterations), told)
    multipliers = settle_multipliers(problem, point, (gradient, rows, jacobian))
    check = certificate(
        problem, answer.x, (gradient, rows, jacobian), multipliers, 0.0, success_tolerance(tol)
    )
    status = status_of(answer.status)
    if status is Status.OPTIMAL and not check.is_satisfied:
        status = Status.ACCEPTABLE
    unflatten = problem.variables.unflatten
    return Solution(
        x=unflatten(answer.x),
        objective=float(objective),
        constraints=named_rows(problem, rows),
        multipliers=named_rows(problem, multipliers[0]),
        bound_multipliers=BoundMultipliers(*(unflatten(part) for part in multipliers[1:])),
        success=status.allows_success and check.is_satisfied,
        status=status,
        message=status.message,
        iterations=int(answer.iterations),
        history=History(),
        evaluations={},
        timings={"total": seconds},
        certificate=check,
        method="batched",
        solver_status=int(answer.status),
        name=problem.name,
        versions=versions(),
        options={"tol": tol},
        bounds=(unflatten(problem.lower), unflatten(problem.upper)),
        sides=problem.sides,
    )
