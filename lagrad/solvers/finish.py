"""Judge how a solve ended: which point counts, why it stopped, whether it is a solution."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from functools import cache
from importlib import metadata
from typing import Any

import jax
import numpy as np
import scipy

from lagrad.derivatives.triplets import rows_and_columns
from lagrad.problem.multipliers import named_rows
from lagrad.problem.problem import Problem
from lagrad.program.steps import changes_in_steps
from lagrad.program.walk import reached
from lagrad.solution.solution import BoundMultipliers, Certificate, Solution
from lagrad.solution.status import Status
from lagrad.solvers.entries import Entries
from lagrad.solvers.evaluation import Evaluation, Multipliers, Point, rank
from lagrad.solvers.model import has_hessian, hessian_structure
from lagrad.solvers.optimality import (
    INFINITE,
    certificate,
    is_step_notable,
    success_tolerance,
    unknown_certificate,
)
from lagrad.solvers.solver import Outcome, Task
from lagrad.solvers.violation import is_stuck_outside
from lagrad.source_location import warn_user

# A solver that merely stalled is not taken at its word beyond this relative error.
LOOSE = 1e-3

# A gradient so many times that of the start, of which so large a part changes with the last digits of x, is
# that of a singularity.
STEEP, UNSTEADY = 1e6, 0.01
NO_SLOPE = "its derivative is zero everywhere, so every feasible point counts as a solution. Smooth it."
FAINT = "x may be far from a solution. Scale the objective so that its gradient is about 1, or lower `tol`."
LOUD = "residuals are small relative to it, but a step still changes much. Scale variables and objective."
SINGULAR = "x lies within rounding of a singularity. Keep x away from it by bounds."
IGNORED = (
    "The objective does not depend on x, so every feasible point counts as a solution. If that is meant, "
    "return 0.0."
)
ENDLESS = (
    "x nears a point where the objective has no derivative, and it may fall there without end, as a "
    "likelihood does whose standard deviation goes to 0. Keep variables away from there by bounds."
)

UNDER_WAY = "Saved while the solve was under way: its best point so far. Go on with `warm_start=`."

Values = tuple[np.ndarray, np.ndarray, Entries]


def finish(task: Task, outcome: Outcome, method: str, timings: dict[str, float]) -> Solution:
    """The Solution of a solve.

    Args:
        task: what was asked.
        outcome: how the solver ended.
        method: its name.
        timings: set-up seconds by stage, `inside` the solver, and when the solve `began`.

    Returns:
        Solution holding the solver's last point if it converged, else the best one.
    """
    evaluation, problem = task.evaluation, task.problem
    reason = evaluation.reason
    seconds = dict(evaluation.seconds)
    evaluation.reopen()
    counts = dict(evaluation.counts)
    point = choose(task, outcome, reason)
    values = evaluate(evaluation, point.x)
    multipliers = settle_multipliers(problem, point, values)
    check = check_point(task, point, values, multipliers)
    status = reason or judge(task, outcome, point, check, values)
    # A Ctrl-C that comes while the end is looked at loses nothing either.
    status = Status.INTERRUPTED if evaluation.reason is Status.INTERRUPTED else status
    return solution_at(
        task,
        point,
        multipliers,
        success=status.allows_success and check.is_satisfied,
        status=status,
        message=" ".join(filter(None, [status.message, outcome.note, *remarks(task, status, check)])),
        evaluations=counts,
        timings=all_timings(timings, seconds),
        certificate=check,
        method=method,
        solver_status=outcome.code,
        solver_message=outcome.message,
        versions={**versions(), **outcome.versions},
    )


def solution_at(task: Task, point: Point, multipliers: Multipliers, **rest: Any) -> Solution:
    """A Solution of what is known at a point, with the history so far, and the rest as given."""
    problem = task.problem
    bounds = (problem.variables.unflatten(part) for part in multipliers[1:])
    return Solution(
        x=problem.variables.unflatten(point.x),
        objective=point.objective,
        constraints=named_rows(problem, point.constraints.copy()),
        multipliers=named_rows(problem, multipliers[0]),
        bound_multipliers=BoundMultipliers(*bounds),
        iterations=task.monitor.iterations,
        history=task.monitor.history(),
        name=problem.name,
        options=asked(task),
        bounds=problem.box,
        sides=problem.sides,
        **rest,
    )


def asked(task: Task) -> dict[str, Any]:
    """The tolerance, the limit and the options of a solve, as they were given."""
    limit = {} if task.max_iterations is None else {"max_iterations": int(task.max_iterations)}
    return {"tol": float(task.tol), **limit, **task.options}


def snapshot(task: Task, point: Point, method: str) -> Solution:
    """A Solution of a solve that is under way; nothing is evaluated for it.

    Args:
        task: what was asked.
        point: the best so far.
        method: the solver's name.
    """
    evaluation = task.evaluation
    return solution_at(
        task,
        point,
        settle_multipliers(task.problem, point, None),
        success=False,
        status=Status.INTERRUPTED,
        message=UNDER_WAY,
        evaluations=dict(evaluation.counts),
        timings=evaluation.seconds | {"total": time.perf_counter() - task.monitor.began},
        certificate=unknown_certificate(success_tolerance(task.tol)),
        method=method,
        versions=versions(),
    )


def choose(task: Task, outcome: Outcome, reason: Status | None) -> Point:
    """The solver's last point if it converged, else the best of all; the start if nothing was evaluated."""
    last = last_point(task, outcome)
    converged = reason is None and outcome.status.is_converged
    if converged and last is not None and is_finite(last):
        return last
    best = task.evaluation.best
    if best is not None:
        best = inside_bounds(task.evaluation, best)
    if last is None or (best is not None and not is_finite(last)):
        return best if best is not None else start_point(task)
    if converged or best is None:
        return last
    is_better = rank(last, task.tol) <= rank(best, task.tol) and has_slopes(task.evaluation, last)
    return last if is_better else best


def last_point(task: Task, outcome: Outcome) -> Point | None:
    """The point at which the solver ended, None if it gave none that can be evaluated."""
    if outcome.x is None or not np.isfinite(outcome.x).all():
        return None
    x = np.minimum(np.maximum(outcome.x, task.problem.lower), task.problem.upper)
    return try_point(task.evaluation, x, task.monitor.iterations, outcome.multipliers)


def is_finite(point: Point) -> bool:
    """Whether objective and constraints are finite at a point."""
    return math.isfinite(point.objective) and math.isfinite(point.violation)


def has_slopes(evaluation: Evaluation, point: Point) -> bool:
    """Whether a solve could go on from a point: its first derivatives are finite."""
    values = evaluate(evaluation, point.x)
    return values is not None and all(np.isfinite(part).all() for part in (values[0], values[2].values))


def inside_bounds(evaluation: Evaluation, point: Point) -> Point:
    """The same point, moved onto the bounds that IPOPT relaxes by a hair."""
    x = np.clip(point.x, evaluation.problem.lower, evaluation.problem.upper)
    if np.array_equal(x, point.x):
        return point
    moved = try_point(evaluation, x, point.iteration, point.multipliers)
    return moved if moved is not None and is_finite(moved) else point


def start_point(task: Task) -> Point:
    """The start, with values unless they cannot be had."""
    point = try_point(task.evaluation, task.start.x, 0, task.start.multipliers)
    if point is not None:
        return point
    return Point(task.start.x.copy(), math.nan, np.full(task.problem.m, math.nan), math.nan)


def try_point(
    evaluation: Evaluation, x: np.ndarray, iteration: int, multipliers: Multipliers | None
) -> Point | None:
    """The point at x, None if the functions raise there: their first exception is on its way to the user."""
    try:
        return evaluation.point(x, iteration, multipliers)
    except Exception:
        return None


def evaluate(evaluation: Evaluation, x: np.ndarray) -> Values | None:
    """Gradient, constraints and Jacobian at x, None if the functions raise there."""
    try:
        gradient, entries = evaluation.first_order(x)
        places = rows_and_columns(evaluation.derivatives.jacobian_structure)
        shape = evaluation.problem.m, evaluation.problem.n
        return gradient, evaluation.constraints(x), Entries(*places, entries, shape)
    except Exception:
        return None


def settle_multipliers(problem: Problem, point: Point, values: Values | None) -> Multipliers:
    """Multipliers of a point, those of missing bounds zero, those of fixed variables from stationarity."""
    limits = problem.limits
    if point.multipliers is None:
        rows, *bounds = np.zeros(problem.m), np.zeros(problem.n), np.zeros(problem.n)
    else:
        rows, *bounds = point.multipliers
        rows = np.array(rows, float)
    lower, upper = (
        np.where(is_bound, np.maximum(part, 0.0), 0.0)
        for is_bound, part in zip(limits.are_bounds, bounds, strict=True)
    )
    if values is not None and limits.fixed:
        fixed, slope = limits.is_equal[limits.m :], values[0] + values[2].transposed_times(rows)
        lower = np.where(fixed, np.maximum(slope, 0.0), lower)
        upper = np.where(fixed, np.maximum(-slope, 0.0), upper)
    return rows, lower, upper


def check_point(task: Task, point: Point, values: Values | None, multipliers: Multipliers) -> Certificate:
    """The certificate of a point."""
    tolerance, slope = success_tolerance(task.tol), task.evaluation.start_gradient
    if values is None:
        return unknown_certificate(tolerance)
    check = certificate(
        task.problem, point.x, values, multipliers, slope, tolerance, objective=point.objective
    )
    doubts = singularity(task, point, values[0]) + flatness(task, point, values[0])
    says_little = check.is_satisfied and (0.0 < slope <= task.tol or slope >= INFINITE)
    if says_little and is_unfinished(task, point, values, multipliers):
        check, doubts = in_doubt(task, check, doubts)
    return replace(check, doubts=doubts) if doubts else check


def in_doubt(task: Task, check: Certificate, doubts: tuple[str, ...]) -> tuple[Certificate, tuple[str, ...]]:
    """Certificate and sentences where a step from a point with small residuals changes much."""
    slope = task.evaluation.start_gradient
    if slope >= INFINITE:
        return replace(check, error=math.inf), (*doubts, f"The gradient at the start is {slope:.1e}: {LOUD}")
    return check, (*doubts, f"The gradient at the start, {slope:.1e}, is below `tol` already: {FAINT}")


def flatness(task: Task, point: Point, gradient: np.ndarray) -> tuple[str, ...]:
    """A sentence if the objective has no slope anywhere: it changes in steps, or ignores x."""
    program = None if gradient.any() else getattr(task.evaluation.derivatives, "program", None)
    if program is None:
        return ()
    if program.outputs[0] not in reached(program.equations, program.inputs[:1]):
        # An objective of 0 or 1 is how one asks for a feasible point.
        if point.objective in (0.0, 1.0):
            return ()
        warn_user(f"`objective`: {IGNORED}")
        return (IGNORED,)
    operation = changes_in_steps(program)
    return (f"The objective changes in steps only (`{operation}`): {NO_SLOPE}",) if operation else ()


def is_unfinished(task: Task, point: Point, values: Values, multipliers: Multipliers) -> bool:
    """Whether a step from the point changes much; True where there are no second derivatives to tell.

    A start that is a solution has a small gradient as well, but a step from it changes next to nothing.
    """
    if not has_hessian(task.evaluation.derivatives):
        return True
    (gradient, _, jacobian), rows = values, multipliers[0]
    first, second = rows_and_columns(hessian_structure(task.evaluation.derivatives))
    entries = np.where(first == second, task.evaluation.hessian(point.x, rows, 1.0), 0.0)
    bends = np.bincount(first, entries, task.problem.n)
    slopes = gradient, gradient + jacobian.transposed_times(rows)
    return is_step_notable(task.problem, point.x, point.objective, slopes, bends)


def singularity(task: Task, point: Point, gradient: np.ndarray) -> tuple[str, ...]:
    """A sentence if the gradient is huge, and changes with the last digits of x."""
    size = float(np.abs(gradient).max(initial=0.0))
    if not STEEP * max(1.0, task.evaluation.start_gradient) <= size < math.inf:
        return ()
    # Away from the side that x is next to: inside, where the functions are defined.
    inward = np.where(point.x - task.problem.lower <= task.problem.upper - point.x, 1.0, -1.0)
    beside = evaluate(task.evaluation, point.x + inward * 2 * np.spacing(np.abs(point.x)))
    change = np.inf if beside is None else np.abs(beside[0] - gradient).max()
    if change <= UNSTEADY * size:
        return ()
    return (f"The gradient, {size:.1e}, changes by {change:.1e} with the last digits of x: {SINGULAR}",)


def judge(task: Task, outcome: Outcome, point: Point, check: Certificate, values: Values | None) -> Status:
    """The solver's claim in the light of lagrad's own check, the same rule for every solver."""
    status = outcome.status
    if status is Status.OPTIMAL and not check.is_satisfied:
        status = Status.ACCEPTABLE
    if status is Status.ACCEPTABLE and outcome.stalled and not check.error <= LOOSE:
        status = Status.ERROR
    return explain(task, point, check, values) if status is Status.ERROR else status


def explain(task: Task, point: Point, check: Certificate, values: Values | None) -> Status:
    """Why a solver gave up, if that can be seen from where it ended."""
    evaluation = task.evaluation
    if evaluation.failure is not None or values is None:
        return Status.ERROR
    if evaluation.was_hopeless:
        return Status.UNBOUNDED if evaluation.fell_without_end else Status.INVALID_NUMBER
    stuck = is_stuck_outside(task.problem, point.x, values[1], values[2], check.tolerance)
    return Status.INFEASIBLE if stuck else Status.ERROR


def remarks(task: Task, status: Status, check: Certificate) -> list[str]:
    """What the numbers add to the status, in sentences."""
    parts, refused, problem = [], task.evaluation.counts["nonfinite"], task.problem
    if not status.is_converged and check.is_satisfied and status.allows_success:
        parts.append("The point satisfies the optimality conditions all the same.")
    if status is Status.INFEASIBLE and "feasibility" in check.worst:
        parts.append(f"The largest violation is {check.feasibility:.2e}, of {check.worst['feasibility']}.")
    if status is Status.INFEASIBLE and problem.has_params:
        parts.append("Give what looks for the cause the `params` of this solve, `params=...`.")
    if refused:
        were = "evaluation was" if refused == 1 else "evaluations were"
        parts.append(f"{refused} {were} not finite and refused.")
    if status is Status.ERROR and STEEP * max(1.0, task.evaluation.start_gradient) <= check.stationarity:
        parts.append(f"The gradient is {check.stationarity:.1e} at the end: {ENDLESS}")
    late = time.perf_counter() - task.evaluation.deadline
    if status is Status.TIME_LIMIT and late > 0:
        parts.append(f"It was exceeded by {late:.2g} s.")
    if status in (Status.ERROR, Status.INFEASIBLE):
        equalities, free = problem.limits.equalities, problem.limits.free
        if equalities > free > 0:
            found = f"There are {equalities} equality rows but only {free} free variables: drop rows that"
            parts.append(f"{found} follow from others; `lagrad.diagnose(problem)` names them.")
    return parts


def all_timings(timings: dict[str, float], seconds: dict[str, float]) -> dict[str, float]:
    """Seconds by stage, callbacks by kind, the solver's own, and the total."""
    callbacks = seconds["values"] + seconds["first_order"] + seconds["hessian"]
    setup = {stage: timings.get(stage, 0.0) for stage in ("trace", "structure", "coloring", "compile")}
    inside = timings["inside"]
    own = max(inside - callbacks - seconds["callback"], 0.0)
    total = time.perf_counter() - timings["began"]
    return setup | seconds | {"callbacks": callbacks, "solver": own, "total": total}


@cache
def versions() -> dict[str, str]:
    """Versions of lagrad and of what every solve stands on."""
    libraries = {"jax": jax.__version__, "numpy": np.__version__, "scipy": scipy.__version__}
    return {"lagrad": lagrad_version()} | libraries


def lagrad_version() -> str:
    """lagrad's installed version, or that it runs from a folder."""
    try:
        return metadata.version("lagrad")
    except metadata.PackageNotFoundError:
        return "not installed"


def note_solution(error: BaseException, solution: Solution) -> BaseException:
    """The user's own exception, with the Solution so far as its attribute `solution`."""
    try:
        error.solution = solution  # type: ignore[attr-defined]
        error.add_note("lagrad: the best point so far is this exception's attribute `solution`.")
    except AttributeError:
        error.add_note(f"lagrad: the best point so far was {solution!r}.")
    return error
