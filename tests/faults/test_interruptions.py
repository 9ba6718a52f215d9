"""Time limits, Ctrl-C, SIGTERM and callbacks that end a solve: nothing is lost."""

from __future__ import annotations

import contextlib
import importlib
import math
import os
import re
import signal
import subprocess
import time

import numpy as np
import pytest

import lagrad
from lagrad.compile import deferred
from lagrad.solution.status import Status
from lagrad.solvers import checkpoint, finish
from tests.faults.cases import (
    METHODS,
    Watched,
    banana,
    compiled,
    hs71,
    rosenbrock,
    start_script,
)

both = pytest.mark.parametrize("method", METHODS)


def interrupt(*_) -> None:
    """Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)


def is_best_of_history(solution: lagrad.Solution) -> bool:
    """Whether an unconstrained solve brought back the best objective it saw, or that of a later point."""
    return solution.objective <= solution.history.objective.min()


def told(solution: lagrad.Solution) -> str:
    """A solution in a few words that are the same in each run."""
    return f"status `{solution.status}`, iteration {solution.iterations}, objective {solution.objective:.6g}"


def without_seconds(solution: lagrad.Solution) -> lagrad.Solution:
    """The same Solution, its message without measured times."""
    return solution.replace(message=re.sub(r"by [\d.e-]+ s", "by ... s", solution.message))


@both
@pytest.mark.parametrize("limit", [0, 1e-9, 1e-4])
def test_42_time_limit_over_before_the_solve(method, limit, record):
    """Nothing, next to nothing, and over while compiling: the start comes back with its objective."""
    solution = lagrad.solve(banana(), method, time_limit=limit)
    record(f"`time_limit={limit:g}`, {method}: over before the solve", without_seconds(solution))
    assert solution.status is Status.TIME_LIMIT and not solution.success
    assert np.array_equal(solution.x, [-1.2, 1.0]) and math.isclose(solution.objective, 24.2)
    assert "no time was left" in solution.message and "exceeded by" in solution.message


@both
def test_42_time_limit_hit_in_a_long_evaluation(method, record):
    """The evaluation is waited for, how late that made it is told, the best point so far comes back."""
    slow = Watched(compiled(banana), lambda call: time.sleep(0.3 if call > 5 else 0.0))
    solution = lagrad.solve(slow, method, time_limit=0.2)
    record(f"a time limit hit while a function runs, {method}", without_seconds(solution))
    assert solution.status is Status.TIME_LIMIT and solution.iterations >= 1
    assert is_best_of_history(solution)
    late = float(solution.message.rpartition("exceeded by ")[2].split()[0])
    assert 0.0 < late < solution.timings["total"]


def interrupted_objective(x):
    """Interrupts whoever traces it."""
    interrupt()
    return x @ x


def test_43_ctrl_c_while_tracing(record):
    """Not taken for a fault of the function; the next problem is fine."""
    with pytest.raises(KeyboardInterrupt) as caught:
        lagrad.Problem(interrupted_objective, [1.0, 2.0])
    record("Ctrl-C while a function is traced", caught.value)
    assert lagrad.solve(compiled(banana)).success


def test_43_ctrl_c_while_compiling(monkeypatch, record):
    """Raised as it is; built again, the problem solves."""
    problem, original = banana(), deferred.machines

    def compile_slowly(*arguments):
        interrupt()
        return original(*arguments)

    monkeypatch.setattr(deferred, "machines", compile_slowly)
    with pytest.raises(KeyboardInterrupt) as caught:
        lagrad.solve(problem)
    record("Ctrl-C while compiling", caught.value)
    monkeypatch.undo()
    assert lagrad.solve(problem).success


@both
def test_43_ctrl_c_in_an_evaluation(method, record):
    """The solve ends, the best point is kept, and Ctrl-C means what it meant before."""
    before = signal.getsignal(signal.SIGINT)
    solution = lagrad.solve(
        Watched(compiled(banana), lambda call: interrupt() if call == 6 else None), method
    )
    record(f"Ctrl-C while a function is evaluated, {method}", solution)
    assert solution.status is Status.INTERRUPTED and is_best_of_history(solution)
    assert signal.getsignal(signal.SIGINT) is before


def test_43_ctrl_c_in_a_factorization(record):
    """A signal from outside, which comes while IPOPT works on a dense Hessian of 300 variables."""
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(300, 300)))[0]
    problem = lagrad.Problem(lambda x: rosenbrock(rotation @ x), np.full(300, 0.5))
    killer = subprocess.Popen(["sh", "-c", f"read line; kill -INT {os.getpid()}"], stdin=subprocess.PIPE)
    assert killer.stdin is not None
    pipe = killer.stdin

    def callback(iterate):
        if iterate.iteration == 3:
            pipe.close()

    derivatives = lagrad.differentiate(problem, strategy="dense")
    solution = None
    with contextlib.suppress(KeyboardInterrupt):
        solution = lagrad.solve(derivatives, callback=callback)
        killer.wait(10)
    assert solution is not None and solution.status is Status.INTERRUPTED
    record("Ctrl-C while IPOPT factorizes", solution)
    assert solution.iterations >= 3 and is_best_of_history(solution)


@both
def test_43_ctrl_c_in_the_callback(method, record):
    """The callback runs to its end, the solve goes no further."""
    solution = lagrad.solve(
        compiled(banana), method, callback=lambda it: interrupt() if it.iteration == 3 else None
    )
    record(f"Ctrl-C in the user's callback, {method}", solution)
    assert solution.status is Status.INTERRUPTED and solution.iterations == 3
    assert is_best_of_history(solution)


@both
def test_43_second_ctrl_c_raises_with_the_solution(method, record):
    """Who presses twice wants out: KeyboardInterrupt, with the best point attached."""

    def callback(iterate):
        if iterate.iteration == 3:
            interrupt()
            time.sleep(0.01)
            interrupt()
            time.sleep(0.01)

    with pytest.raises(KeyboardInterrupt) as caught:
        lagrad.solve(compiled(banana), method, callback=callback)
    solution = caught.value.solution  # type: ignore[attr-defined]
    record(f"a second Ctrl-C, {method}", f"`KeyboardInterrupt`, its `solution` has {told(solution)}")
    assert is_best_of_history(solution)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@both
def test_43_ctrl_c_when_it_was_nearly_over(method, monkeypatch, record):
    """While the end is looked at, the solution is complete and stays so."""
    original = finish.certificate
    monkeypatch.setattr(finish, "certificate", lambda *given, **more: interrupt() or original(*given, **more))
    solution = lagrad.solve(compiled(hs71), method)
    record(f"Ctrl-C after the last iteration, {method}", solution)
    assert solution.status is Status.INTERRUPTED and solution.success
    assert math.isclose(solution.objective, 17.0140173, rel_tol=1e-6)


def test_43_ctrl_c_at_the_last_look(monkeypatch):
    """The comparison of the derivatives after a solve is no reason to lose it."""
    monkeypatch.setattr(importlib.import_module("lagrad.solvers.solve"), "doubts_at", interrupt)
    with pytest.raises(KeyboardInterrupt) as caught:
        lagrad.solve(lagrad.differentiate(hs71()))
    assert caught.value.solution.success  # type: ignore[attr-defined]


JOB = """
import time, lagrad
from lagrad.solvers import checkpoint
from tests.faults.cases import hs71
checkpoint.PAUSE = checkpoint.LEISURE = 0.0
def callback(iterate):
    print(iterate.iteration, flush=True)
    time.sleep(1.0 if iterate.iteration == int(sys.argv[2]) else 0.0)
lagrad.solve(hs71(), sys.argv[1], callback=callback, checkpoint="state.npz")
print("never reached")
"""


@pytest.mark.parametrize(
    ("method", "last", "number"),
    [("ipopt", 5, signal.SIGTERM), ("trust-constr", 20, signal.SIGKILL)],
    ids=str,
)
def test_44_a_killed_job_goes_on_from_its_checkpoint(method, last, number, tmp_path, record):
    """Point, multipliers and history of the iteration before are in the file, and save iterations later."""
    process = start_script(JOB, tmp_path, method, str(last))
    assert process.stdout is not None
    seen = [process.stdout.readline().strip() for _ in range(last + 1)]
    process.send_signal(number)
    rest = process.communicate(timeout=60)[0]
    assert seen[-1] == str(last) and rest == "" and process.returncode == -number
    state = lagrad.Solution.load(tmp_path / "state.npz")
    name = f"{signal.Signals(number).name} in a batch job with `checkpoint`, {method}"
    record(name, f"the process ends by it; the file holds {told(state)}")
    assert state.status is Status.INTERRUPTED and len(state.history) >= last
    assert state.objective in state.history.objective and np.any(state.multipliers["norm"])
    cold, warm = (lagrad.solve(compiled(hs71), method, warm_start=start) for start in (None, state))
    assert warm.success and warm.iterations < cold.iterations


@both
def test_44_own_sigterm_handler_is_called_after_saving(method, tmp_path, record):
    """The solve then returns what it has, and the handler is in place as before."""
    file, called = tmp_path / "state.npz", []

    def handler(number, frame):
        called.append(file.exists())

    before = signal.signal(signal.SIGTERM, handler)
    try:
        solution = lagrad.solve(
            compiled(hs71),
            method,
            checkpoint=file,
            callback=lambda it: os.kill(os.getpid(), signal.SIGTERM) if it.iteration == 3 else None,
        )
        assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGTERM, before)
    record(f"SIGTERM with `checkpoint` and a handler of one's own, {method}", solution)
    assert called == [True] and solution.status is Status.INTERRUPTED and solution.iterations == 3
    assert lagrad.Solution.load(file).objective == solution.objective


def test_44_a_job_can_be_run_again_and_again(tmp_path, record):
    """The file is replaced by who goes on from it, by nobody else."""
    file = tmp_path / "state.npz"
    lagrad.solve(compiled(hs71), checkpoint=file, max_iterations=4)
    with pytest.raises(FileExistsError) as caught:
        lagrad.solve(compiled(hs71), checkpoint=file)
    record("a `checkpoint` that exists already", caught.value)
    assert "state.npz exists" in str(caught.value) and "warm_start" in str(caught.value)
    again = lagrad.solve(compiled(hs71), checkpoint=file, warm_start=lagrad.Solution.load(file))
    assert again.success and lagrad.Solution.load(file).success


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [(5, lagrad.ProblemError, "a int"), ("missing/state.npz", FileNotFoundError, "there is no folder")],
)
def test_44_checkpoint_that_cannot_be(given, kind, words, record):
    """Refused before anything is compiled."""
    with pytest.raises(kind) as caught:
        lagrad.solve(banana(), checkpoint=given)
    record(f"`checkpoint={given!r}`", caught.value)
    assert "`checkpoint`" in str(caught.value) and words in str(caught.value)


def test_44_checkpoint_that_fails_on_the_way_warns_once(tmp_path, monkeypatch, record):
    """The folder vanishes: the solve goes on to its end."""
    monkeypatch.setattr(checkpoint, "PAUSE", 0.0)
    folder = tmp_path / "gone"
    folder.mkdir()
    with pytest.warns(lagrad.LagradWarning, match="`checkpoint`: .*state.npz was not written") as caught:
        solution = lagrad.solve(
            compiled(hs71),
            checkpoint=folder / "state.npz",
            callback=lambda it: it.iteration == 1 and folder.rename(tmp_path / "elsewhere") and None,
        )
    record("the folder of `checkpoint` vanishes", f"one warning: {caught[0].message}")
    assert solution.success and len(caught) == 1


class Mine(Exception):
    """An exception of the user's."""


def raising(iterate):
    """Fail in iteration 2."""
    if iterate.iteration == 2:
        raise Mine("no more")


def stopping(iterate):
    """SciPy's way to say that it is enough."""
    if iterate.iteration == 2:
        raise StopIteration


@both
def test_45_callback_raises(method, record):
    """Its own exception surfaces, with the Solution so far."""
    with pytest.raises(Mine) as caught:
        lagrad.solve(compiled(banana), method, callback=raising)
    record(f"the callback raises, {method}", caught.value)
    assert caught.value.solution.iterations == 2 and is_best_of_history(caught.value.solution)  # type: ignore[attr-defined]


@both
@pytest.mark.parametrize("callback", [stopping, lambda it: it.iteration == 2], ids=["StopIteration", "True"])
def test_45_callback_stops(method, callback, record):
    """StopIteration and True, as in SciPy."""
    solution = lagrad.solve(compiled(banana), method, callback=callback)
    record(f"the callback raises StopIteration or returns True, {method}", solution)
    assert solution.status is Status.INTERRUPTED and solution.iterations == 2


@both
def test_45_callback_returns_something_else(method, record):
    """False and None go on, as in SciPy; anything else too, after one warning."""
    assert lagrad.solve(compiled(banana), method, callback=lambda it: False).success
    with pytest.warns(lagrad.LagradWarning) as caught:
        solution = lagrad.solve(compiled(banana), method, callback=lambda it: "stop")
    record(f"the callback returns text, {method}", f"goes on, one warning: {caught[0].message}")
    assert solution.success and len(caught) == 1 and "returned str" in str(caught[0].message)
