"""Solve a sweep as one batched solve, with Solutions like any other."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from lagrad.annotations import Pytree, Structure
from lagrad.batched.batched import batched
from lagrad.batched.queue import SLOTS
from lagrad.batched.settings import Settings
from lagrad.batched.statuses import status_of
from lagrad.errors import ProblemError
from lagrad.precision import float64
from lagrad.problem.multipliers import named_rows
from lagrad.problem.problem import Problem
from lagrad.program.turns import ALONE, calls_back, has_lapack, mapped_in_turn
from lagrad.solution.solution import BoundMultipliers, History, Solution
from lagrad.solution.status import Status
from lagrad.solvers.entries import Entries
from lagrad.solvers.evaluation import Point
from lagrad.solvers.finish import settle_multipliers, versions
from lagrad.solvers.optimality import certificate, success_tolerance
from lagrad.solvers.violation import largest_violation
from lagrad.sweep.choice import KNOWN

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
    most = options.get("max_iterations") or Settings.max_iterations
    size = -(-len(pairs) // queues(len(pairs)))
    shares = [pairs[i : i + size] for i in range(0, len(pairs), size)]
    solver = compiled(problem, tol, most, capacity(size))
    found = side_by_side(lambda share: solver.answers(problem, share), shares)
    seconds = (time.perf_counter() - began) / len(pairs)
    rows = [
        jax.tree.map(lambda leaf, row=row: leaf[row], each)
        for share, each in zip(shares, found, strict=True)
        for row in range(len(share))
    ]
    return [solution_of(problem, solver.structure, row[0], row[1], (tol, seconds)) for row in rows]


@dataclass(frozen=True, eq=False)
class Batch:
    """Compiled functions of a problem.

    Args:
        queue: (params, starts, count) -> Answer, and at its x the objective, rows, gradient and Jacobian
            entries, all stacked.
        structure: rows and columns of the Jacobian's entries.
        size: problems that a queue takes at most.
        alone: whether nothing else with batches of LAPACK may run meanwhile.
    """

    queue: Callable[..., Any]
    structure: Structure
    size: int
    alone: bool

    def answers(self, problem: Problem, pairs: list[tuple[Any, Any]]) -> Any:
        """What the queue gives, as NumPy arrays."""
        with float64(), ALONE if self.alone else nullcontext():
            count = np.int32(len(pairs))
            return jax.tree.map(np.asarray, self.queue(*stacked(problem, pairs, self.size), count))


@lru_cache(maxsize=KEPT)
def compiled(problem: Problem, tol: float, max_iterations: int, size: int) -> Batch:
    """The compiled functions of a batched solve of this many problems."""
    with float64():
        return compile_batch(problem, tol, max_iterations, size)


def compile_batch(problem: Problem, tol: float, max_iterations: int, size: int) -> Batch:
    """The same, without memory, in the precision that JAX is set to."""
    solver = batched(problem, tol=tol, max_iterations=max_iterations)
    derivatives = solver.model.derivatives

    def values(x: jax.Array, params: Pytree) -> tuple[Any, ...]:
        entries = derivatives.jacobian_values(x, params)
        return *derivatives.values(x, params), derivatives.gradient(x, params), entries

    def queue(params: Pytree, starts: jax.Array, count: int) -> tuple[Any, ...]:
        answers = solver.flat_many(params, starts, count)
        return answers, jax.vmap(values)(answers.x, params)

    params, starts = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct((size, *np.shape(leaf)), leaf.dtype),
        (problem.params, problem.start),
    )
    # Ahead of the first call, since two threads that make it would both compile.
    program = derivatives.program.closed
    ready = jax.jit(mapped_in_turn(queue, program)).lower(params, starts, np.int32(0)).compile()
    alone = has_lapack(program) and not calls_back(program)
    return Batch(ready, derivatives.jacobian_structure, size, alone)


def side_by_side(call: Callable[..., Any], shares: list[Any]) -> list[Any]:
    """Results of calls, each in a thread of its own: what one thread asks of JAX, a CPU does in turn."""
    with ThreadPoolExecutor(len(shares)) as pool:
        return list(pool.map(call, shares))


def queues(count: int) -> int:
    """How many queues share the problems: one a processor, if each fills its slots twice."""
    processors = (os.cpu_count() or 1) if jax.default_backend() == "cpu" else 1
    return max(1, min(processors, count // (2 * SLOTS)))


def stacked(problem: Problem, pairs: list[tuple[Any, Any]], size: int) -> tuple[Any, Any]:
    """Params and starts as arrays with an axis of this size in front."""
    params = padded([problem.params if given is None else given for given, _ in pairs], size)
    starts = [problem.start if x0 is None else problem.variables.flatten(x0) for _, x0 in pairs]
    return params, padded(starts, size)


def capacity(count: int) -> int:
    """The next power of two, so that few shapes are compiled."""
    return 1 << (count - 1).bit_length()


def padded(parts: list[Any], size: int) -> Any:
    """Pytrees stacked, the last one repeated up to this size."""
    return jax.tree.map(lambda *leaves: np.stack(leaves), *parts, *[parts[-1]] * (size - len(parts)))


def solution_of(
    problem: Problem, structure: Structure, answer: Any, values: tuple[Any, ...], asked: tuple[float, float]
) -> Solution:
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
        bounds=problem.box,
        sides=problem.sides,
    )
