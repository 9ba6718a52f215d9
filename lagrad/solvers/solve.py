"""Solve a problem: check the arguments, run a solver, judge the outcome.

solve  ->  Task  ->  a solver's run, or fixed.run  ->  Outcome  ->  judge  ->  Solution
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lagrad.annotations import Pytree
from lagrad.derivatives import Derivatives, differentiate
from lagrad.derivatives.verify import look
from lagrad.errors import ProblemError
from lagrad.problem.multipliers import flat_multipliers
from lagrad.problem.problem import Problem, problem_of
from lagrad.solution.solution import Solution
from lagrad.solution.status import Status
from lagrad.solvers.arguments import check_limits, takes_objectives
from lagrad.solvers.attempts import STOPPED, Attempt, better
from lagrad.solvers.checkpoint import Checkpoint, checked_path, keeping
from lagrad.solvers.evaluation import Evaluation
from lagrad.solvers.finish import finish, note_solution
from lagrad.solvers.fixed import run as run_fixed
from lagrad.solvers.inside import finite_start
from lagrad.solvers.methods import AUTO, Method, find_method
from lagrad.solvers.model import Model, as_model
from lagrad.solvers.monitor import Iterate, Monitor
from lagrad.solvers.progress import ending, ready, show_progress, starting, teller
from lagrad.solvers.signals import interruptible
from lagrad.solvers.solver import Options, Outcome, Task
from lagrad.solvers.warm import warm
from lagrad.source_location import warn_user


@takes_objectives
def solve(
    problem: Problem | Model,
    method: str | None = "auto",
    *,
    x0: Pytree = None,
    params: Pytree = None,
    bounds: Any = None,
    warm_start: Solution | None = None,
    tol: float = 1e-8,
    max_iterations: int | None = None,
    time_limit: float | None = None,
    callback: Callable[[Iterate], Any] | None = None,
    progress: bool = False,
    options: Mapping[str, Any] | None = None,
    checkpoint: str | Path | None = None,
    rules: Mapping[str, Any] | None = None,
) -> Solution:
    """Find a local minimum.

        solve(problem, method="auto", *, ...)
        solve(objective, x0, method="auto", *, constraints=None, bounds=None, params=None, ...)

    Args:
        problem: a Problem; the Derivatives that `differentiate` made of one, to use them again; or an
            objective, which with x0, constraints, bounds and params is declared as `lagrad.Problem` does.
        method: "auto", as is None, for IPOPT if there is one, else the next best; or the name of one, in any
            case: "ipopt", "pounce", "uno", or "trust-constr", which needs nothing but SciPy.
        x0: start in place of the problem's, a pytree like it or a flat vector.
        params: in place of the problem's; nothing is compiled again.
        bounds: in place of the problem's.
        warm_start: Solution of the same or a similar problem: its point and multipliers are where to begin;
            x0, if given, replaces its point.
        tol: tolerance on the solver's own measure of optimality.
        max_iterations: None for the solver's default, 3000; 0 evaluates the start only.
        time_limit: seconds for everything, compilation included. It is looked at between evaluations.
        callback: called with an Iterate each iteration; True or StopIteration ends the solve.
        progress: whether to tell on stderr how long set-up took, stage by stage, to show a line that follows
            the solve, and to tell the outcome.
        options: the solver's own options; they go before the arguments above.
        checkpoint: file for the best point so far with its multipliers and history, written each half minute,
            at SIGTERM and at the end; `Solution.load` reads it. After SIGTERM the process then ends, or does
            what else your own handler wants. An existing file is replaced only if `warm_start` is what it
            holds, so that a job can be run again and again:
            `solve(..., warm_start=Solution.load(file) if file.exists() else None, checkpoint=file)`.
        rules: sparsity rules of primitives of your own, for a Problem; see `differentiate`.

    Returns:
        Solution. Whatever ends the solve, it holds the best point so far.

    Raises:
        ProblemError: an argument or option is wrong, or a word of SciPy's that belongs elsewhere.
        DerivativeError: a function cannot be differentiated, or is not finite at the start.
        ImportError: the solver asked for is not installed.
        FileExistsError: `checkpoint` exists and holds something else than `warm_start`.
        KeyboardInterrupt: at the second Ctrl-C; its attribute `solution` is the Solution so far.
        Exception: whatever the callback or the user's functions raise, unchanged; the Solution so far is its
            attribute `solution`.

    >>> round(lagrad.solve(lambda x: (x[0] - 2.0) ** 2, [0.0], bounds=(0.0, 1.0)).objective, 6)
    1.0
    """
    # The first solve of a process loads the solver's library, which is not on its clock.
    chosen = find_method(AUTO if method is None else method)
    began = time.perf_counter()
    checked = chosen.solver.check(options)
    check_limits(tol, max_iterations, time_limit, callback)
    file = checked_path(checkpoint, warm_start)
    deadline = math.inf if time_limit is None else began + time_limit
    tell = teller(progress)
    tell(starting(problem))
    derivatives, setup = prepare(problem, rules)
    tell(ready(derivatives.problem, setup))
    model = derivatives if params is None else derivatives.bind(params)
    declared = with_changes(model.problem, x0, bounds)
    start = warm(warm_start, declared, None if x0 is None else declared.start)
    start = finite_start(model, declared, start) if warm_start is None else start

    def attempt(options: Options) -> Attempt:
        evaluation = Evaluation(model, declared, deadline)
        with show_progress(progress, declared.name) as show:
            monitor = Monitor(evaluation, callback, show, began)
            task = Task(evaluation, monitor, start, tol, max_iterations, options)
            with interruptible(evaluation), keeping(file, task, chosen.name) as write:
                entered = time.perf_counter()
                outcome = run(chosen, task)
                timings = setup | {"inside": time.perf_counter() - entered, "began": began}
                solution = finish(task, outcome, chosen.name, timings)
                write(solution)
        return Attempt(solution, outcome.remedy, evaluation.start_gradient, evaluation.failure)

    found = attempt(checked)
    remedy = found.remedy if found.wants_another else None
    if remedy is not None:
        found = better(found, attempt({**remedy.options, **checked}), remedy)
        if file is not None:
            Checkpoint(file).write(found.solution)
    solution = found.solution
    if progress:
        tell(ending(solution))
    if found.failure is not None:
        raise note_solution(found.failure, solution)
    if isinstance(model, Derivatives) and solution.status not in STOPPED and model.looks.is_due(model.leaves):
        return with_doubts(model, solution)
    return solution


def with_doubts(derivatives: Derivatives, solution: Solution) -> Solution:
    """The Solution, its certificate and one warning told if the matrices were not the derivatives at its end.

    Nothing that is found here takes a solution away, nor changes its status.

    Raises:
        BaseException: what came in between, such as Ctrl-C; the Solution is its attribute `solution`.
    """
    try:
        doubts = doubts_at(derivatives, solution)
    except Exception:
        return solution
    except BaseException as error:
        raise note_solution(error, solution)  # noqa: B904
    if not doubts:
        return solution
    warn_user(" ".join(doubts))
    check = solution.certificate
    return solution.replace(certificate=replace(check, doubts=(*check.doubts, *doubts)))


def doubts_at(derivatives: Derivatives, solution: Solution) -> tuple[str, ...]:
    """What speaks against the derivatives where a solve ended, in sentences."""
    x = derivatives.problem.variables.flatten(solution.x)
    multipliers = flat_multipliers(derivatives.problem, solution.multipliers)
    return tuple(map(str, look(derivatives, x, multipliers, thorough=False)))


def prepare(
    problem: Problem | Model, rules: Mapping[str, Any] | None = None
) -> tuple[Model, dict[str, float]]:
    """Derivatives of a problem, and the seconds that each stage of making them took; none if they were there.

    Raises:
        ProblemError: neither a Problem nor Derivatives, or rules for what is differentiated already.
    """
    problem_of(problem)
    if not isinstance(problem, Problem):
        if rules is not None:
            raise ProblemError("`rules`: found Derivatives, made already. Give rules to `differentiate`.")
        return problem, {}
    derivatives = differentiate(problem, rules=rules)
    return as_model(derivatives), dict(derivatives.timings)


def with_changes(problem: Problem, x0: Pytree, bounds: Any) -> Problem:
    """The problem with what was given to solve in place of its own."""
    given = {"x0": x0, "bounds": bounds}
    changes = {name: value for name, value in given.items() if value is not None}
    return problem.replace(**changes) if changes else problem


def run(method: Method, task: Task) -> Outcome:
    """Let the solver work, unless there is no time or nothing to solve."""
    if time.perf_counter() > task.evaluation.deadline:
        return Outcome(Status.TIME_LIMIT, note="The functions were compiled, but no time was left to solve.")
    if not task.problem.limits.free:
        return run_fixed(task)
    outcome = method.solver.run(task)
    if not method.note:
        return outcome
    return replace(outcome, note=" ".join(filter(None, [outcome.note, method.note])))
