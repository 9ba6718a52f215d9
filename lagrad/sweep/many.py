"""Solve a problem for each of many params or starts, results in the same order."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Generator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

from lagrad.display import console
from lagrad.errors import ProblemError
from lagrad.problem.problem import Problem, problem_of
from lagrad.solution.solution import Solution
from lagrad.solution.status import Status
from lagrad.solvers.methods import find_method
from lagrad.solvers.progress import ready, starting, teller
from lagrad.solvers.solve import prepare, solve
from lagrad.sweep.batch import solve_batch
from lagrad.sweep.choice import KNOWN, pays_as_batch
from lagrad.sweep.pools import Call, run_calls, shares_memory
from lagrad.sweep.series import read_series
from lagrad.sweep.work import empty, failure, pack, solve_one, solve_remote

Found = list[Solution | None]
# Arguments of `lagrad.solve` that a sweep gives itself, or that cannot cross to a worker.
NOT_GIVEN = {"problem", "callback", "x0", "params", "progress", "method", "checkpoint"}


def solve_many(
    problem: Any,
    params: Any = None,
    x0: Any = None,
    executor: Executor | int | None = None,
    progress: bool = False,
    method: str = "auto",
    **options: Any,
) -> list[Solution]:
    """Solve one problem for many params, from many starts, or both in pairs.

    Each solve stands for itself: none begins from another's result, so the list does not depend on the
    executor or on timing. One that raises, or whose worker process dies, is a Solution with status "error",
    with the reason as its message; the others go on. Ctrl-C keeps what is there, the rest is "interrupted".

    What crosses to other processes: the problem, pickled once (its functions must stand at the top of a
    module, unless cloudpickle is installed), then params, starts and Solutions. Every process compiles for
    itself, once. To share compiled code between processes and runs, set JAX's own
    `JAX_COMPILATION_CACHE_DIR` to a folder that only you can write to, and
    `JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0`, in the environment.

    Args:
        problem: a Problem, or its Derivatives.
        params: a sequence of params; or a pytree like the problem's whose arrays have one axis more in front.
        x0: a sequence of starts, or likewise a pytree with leading axes; or an array of flat starts, shape
            (k, n). With params, as many as these.
        executor: None for one after the other; any concurrent.futures.Executor, such as ThreadPoolExecutor,
            ProcessPoolExecutor (with the "spawn" context) or Dask's `client.get_executor()`; or a number of
            worker processes to start for this sweep.
        progress: whether to tell on stderr how long set-up took and how many are done.
        method: as in `lagrad.solve`; or "batched" for all at once by `lagrad.batched`, which takes `tol` and
            `max_iterations` and no executor. "auto" is "batched" for 1536 and more of a problem with 21 to
            200 variables and rows, and for 4096 and more of a smaller one, if no executor and no other option
            is given; what does not succeed there is solved again like the others. Fewer are solved one by
            one, as by `lagrad.solve`.
        options: further arguments of `lagrad.solve`, the same for all; not callback.

    Returns:
        Solutions in the order of params or x0.

    Raises:
        ProblemError: an argument does not fit; the message says which entry.
        ImportError: the solver asked for is not installed.

    >>> problem = lagrad.Problem(lambda x, p: (x[0] - p) ** 2, [0.0], params=0.0)
    >>> solutions = solve_many(problem, params=np.array([1.0, 2.0]), method="trust-constr")
    >>> [round(float(solution.x[0]), 6) for solution in solutions]
    [1.0, 2.0]
    """
    if method != "batched":
        find_method(method).solver.check(options.get("options"))
    check_options(options, executor)
    declared = problem_of(problem)
    pairs = read_series(declared, params, x0)
    if not pairs:
        return []
    if method == "batched":
        return solve_batch(declared, pairs, options)
    options = options | {"method": method}
    if method.lower() == "auto" and pays_as_batch(declared, len(pairs), executor, set(options) - {"method"}):
        return solve_batch_first(problem, pairs, options, progress)
    return solve_each(problem, pairs, executor, options, progress)


def solve_batch_first(
    problem: Any, pairs: list[tuple[Any, Any]], options: dict[str, Any], progress: bool
) -> list[Solution]:
    """Solve as a batch, and those that did not succeed there one by one."""
    of_batch = {name: value for name, value in options.items() if name in KNOWN}
    found = solve_batch(problem_of(problem), pairs, of_batch)
    left = [number for number, solution in enumerate(found) if not solution.success]
    again = solve_each(problem, [pairs[number] for number in left], None, options, progress) if left else []
    second = dict(zip(left, again, strict=True))
    return [second.get(number, solution) for number, solution in enumerate(found)]


def solve_each(
    problem: Any, pairs: list[tuple[Any, Any]], executor: Any, options: dict[str, Any], progress: bool
) -> list[Solution]:
    """Solve each by itself, one after the other or on an executor."""
    declared = problem_of(problem)
    calls = make_calls(problem, declared, pairs, executor, options, teller(progress))
    found: list[Solution | None] = [None] * len(pairs)
    with show_progress(progress, len(pairs), declared.name) as show:
        try:
            for number, result in run_calls(calls, executor):
                found[number] = solution = as_solution(result, declared, pairs[number][1])
                show(found)
                if executor is None and solution.status is Status.INTERRUPTED:
                    break
        except KeyboardInterrupt:
            pass
    starts = [x0 for _, x0 in pairs]
    return [unsolved(declared, x0) if one is None else one for one, x0 in zip(found, starts, strict=True)]


def check_options(options: dict[str, Any], executor: object) -> None:
    """Raise ProblemError for what a sweep cannot take."""
    known = set(inspect.signature(solve).parameters) - NOT_GIVEN
    unwelcome = sorted(set(options) - known)
    if unwelcome:
        raise ProblemError(f"`solve_many`: {unwelcome[0]!r}, expected one of {', '.join(sorted(known))}.")
    is_count = isinstance(executor, int) and not isinstance(executor, bool) and executor > 0
    if not (executor is None or is_count or hasattr(executor, "submit")):
        raise ProblemError(
            f"`executor`: {executor!r}, expected a concurrent.futures.Executor or a number of processes. "
            "Give None to solve one after the other."
        )


def make_calls(
    problem: Any,
    declared: Problem,
    pairs: list[tuple[Any, Any]],
    executor: Executor | int | None,
    options: dict[str, Any],
    tell: Callable[[str], None],
) -> list[Call]:
    """The calls of a sweep: with compiled functions in this process, with a packed problem in others."""
    if shares_memory(executor):
        tell(starting(problem))
        derivatives, setup = prepare(problem)
        tell(ready(declared, setup))
        return [(solve_one, (derivatives, *pair, options)) for pair in pairs]
    cargo = pack(declared)
    return [(solve_remote, (cargo, *pair, options)) for pair in pairs]


def as_solution(result: Any, problem: Problem, x0: Any) -> Solution:
    """A call's result as a Solution; an exception of the executor's is one that failed."""
    if isinstance(result, BaseException):
        return failure(problem, result, x0)
    if result.x is None:
        return empty(problem, result.status, result.message, x0)
    return result


def unsolved(problem: Problem, x0: Any) -> Solution:
    """What stands for a solve that was not begun, or not waited for."""
    return empty(problem, Status.INTERRUPTED, "The sweep was interrupted before this was solved.", x0)


@contextmanager
def show_progress(wanted: bool, total: int, name: str | None) -> Generator[Callable[[Found], None]]:
    """A function that shows how many are done: a bar where it can be redrawn, else a line now and then."""
    if not wanted:
        yield lambda found: None
        return
    where = console.redrawable()
    if where is None:
        log = console.in_log()
        yield lambda found: log(line(found, name), time.perf_counter(), None not in found)
        return
    from rich.markup import escape
    from rich.progress import Progress

    with Progress(console=where) as bar:
        task = bar.add_task(escape(name or "sweep"), total=total)

        def show(found: Found) -> None:
            bar.update(task, completed=len(found) - found.count(None), description=escape(line(found, name)))

        yield show


def line(found: Found, name: str | None) -> str:
    """How far a sweep is, as text.

    >>> line([None, None], "flow")
    'flow   0 of 2 done'
    """
    done = [solution for solution in found if solution is not None]
    failed = sum(not solution.success for solution in done)
    tail = f"   {failed} without success" if failed else ""
    return f"{name or 'sweep'}   {len(done)} of {len(found)} done{tail}"
