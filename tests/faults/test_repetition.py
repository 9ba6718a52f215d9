"""Codes, claims, solving again, solving inside, threads and processes: the same answer each time."""

from __future__ import annotations

import math
import re
import threading
import warnings
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import jax
import numpy as np
import pytest

import lagrad
from lagrad.solution.status import Status
from lagrad.solvers.ipopt import direct
from lagrad.solvers.ipopt.backend import End
from tests.faults.cases import METHODS, banana, compiled, hs71, hyperbola, run_script

both = pytest.mark.parametrize("method", METHODS)


# What Ipopt's codes mean, from its header IpReturnCodes_inc.h; every other is an error.
MEANINGS = {2: "infeasible", 4: "unbounded", 5: "interrupted", -1: "iteration_limit", -13: "invalid_number"}
MEANINGS |= dict.fromkeys((-4, -5), "time_limit")
CLAIMS = (0, 1, 3, 6)
NAMED = (*CLAIMS, *MEANINGS, -2, -3, -10, -11, -12, -100, -101, -102, -199)


def ending_with(code, x):
    """What takes the place of Ipopt and ends with a code, at x."""
    return lambda *_: End(code, np.array(x), (np.zeros(0), np.zeros(2), np.zeros(2)))


def solve_with_code(monkeypatch, code, x):
    """The Solution when Ipopt ends with a code, at x."""
    monkeypatch.setattr(direct, "solve", ending_with(code, x))
    return lagrad.solve(compiled(banana))


def test_46_every_code_of_ipopt(monkeypatch, record):
    """Known or not: a status, never a KeyError; an unknown number is in the message."""
    for code in sorted({*range(7, -16, -1), *NAMED, -50, -99, -103, -198} - set(CLAIMS), reverse=True):
        solution = solve_with_code(monkeypatch, code, [-1.2, 1.0])
        assert solution.status == MEANINGS.get(code, "error") and not solution.success
        assert solution.solver_status == code
        if code in NAMED:
            record(f"Ipopt ends with code {code}", solution)
        else:
            assert f"code {code} is not known" in solution.message
    record("Ipopt ends with code -42, unknown today", solve_with_code(monkeypatch, -42, [-1.2, 1.0]))


@pytest.mark.parametrize("code", CLAIMS)
def test_46_claims_of_ipopt_are_checked(code, monkeypatch, record):
    """Success is what passes lagrad's own check, whatever the code says."""
    good = solve_with_code(monkeypatch, code, [1.0, 1.0])
    bad = solve_with_code(monkeypatch, code, [-1.2, 1.0])
    record(f"Ipopt ends with code {code}, at the solution", good)
    record(f"Ipopt ends with code {code}, far from the solution", bad)
    assert good.success and good.status.is_converged
    assert not bad.success and bad.status is not Status.OPTIMAL


LOOSE = {
    "ipopt": {"acceptable_tol": 1e3, "acceptable_iter": 1},
    "trust-constr": {"gtol": 1.0, "barrier_tol": 1.0},
}
TIGHT = {"ipopt": {"tol": 1e-30, "acceptable_tol": 1e-8, "acceptable_iter": 1}, "trust-constr": {"gtol": 0.0}}


@both
def test_47_acceptable_level(method, record):
    """Status tells what the solver claims; success is the same own check for both."""
    loose = lagrad.solve(compiled(hs71), method, options=LOOSE[method])
    tight = lagrad.solve(compiled(hs71), method, options=TIGHT[method])
    record(f"stopped early by its own loose tolerance, {method}", loose)
    record(f"asked for more than rounding allows, {method}", tight)
    assert loose.status is Status.ACCEPTABLE and not loose.success
    assert tight.success
    for solution in (loose, tight):
        check = solution.certificate
        assert solution.success == (check.error <= check.tolerance) and check.tolerance == 1e-6


COMPILED: deque[str] = deque(maxlen=10_000)
jax.monitoring.register_event_duration_secs_listener(lambda event, *_, **__: COMPILED.append(event))


def compilations(work) -> list[str]:
    """What JAX compiled, lowered or traced for a call."""
    COMPILED.clear()
    work()
    return [event for event in COMPILED if "compile" in event]


class Mine(Exception):
    """An exception of the user's."""


def failing(iterate):
    """Fail in iteration 2."""
    if iterate.iteration == 2:
        raise Mine


@both
def test_48_solved_again(method, record):
    """After success, failure, an exception, other params: the same bits, nothing compiled."""
    problem = hyperbola()
    assert compilations(lambda: lagrad.solve(problem, method))
    derivatives = lagrad.differentiate(problem)
    first = lagrad.solve(derivatives, method)

    def much():
        lagrad.solve(derivatives, method, max_iterations=1)
        with pytest.raises(Mine):
            lagrad.solve(derivatives, method, callback=failing)
        assert lagrad.solve(derivatives, method, params=3.0).objective != first.objective
        lagrad.solve(derivatives, method, x0=[0.5, 2.0], bounds=(0.2, 9.0))

    found = compilations(much)
    again = lagrad.solve(derivatives, method)
    record(f"five solves of one object, {method}", f"equal bits, {len(found)} compilations")
    assert not found and np.array_equal(first.x, again.x) and first.objective == again.objective
    assert np.array_equal(first.history.objective, again.history.objective)


@both
@pytest.mark.parametrize("inner", METHODS)
def test_49_solve_inside_a_callback(method, inner, record):
    """Another problem, and the same object: both right, and the outer solve as without."""
    alone, found = lagrad.solve(compiled(banana), method), []

    def callback(iterate):
        found.append(lagrad.solve(compiled(hs71), inner).objective)
        found.append(lagrad.solve(compiled(banana), inner, max_iterations=2).iterations)

    outer = lagrad.solve(compiled(banana), method, callback=lambda it: it.iteration == 4 and callback(it))
    record(f"{inner} in a callback of {method}", f"inner optimum {found[0]:.7g}, outer as without")
    assert math.isclose(found[0], 17.0140173, rel_tol=1e-6) and found[1] == 2
    assert np.array_equal(outer.x, alone.x) and outer.iterations == alone.iterations


@both
@pytest.mark.parametrize("shared", [True, False], ids=["one shared object", "own problems"])
def test_50_eight_threads(method, shared, record):
    """Eight solves at once equal the same eight one after the other, bit for bit."""
    params = np.linspace(1.0, 3.0, 8)
    given = [compiled(hyperbola) if shared else lagrad.differentiate(hyperbola()) for _ in params]

    def run(number):
        return lagrad.solve(given[number], method, params=params[number])

    sequential = [run(number) for number in range(8)]
    # SciPy adds a filter of its own when it is imported, which the first solve may do.
    before = list(warnings.filters)
    gate = threading.Barrier(8)

    def run_with_others(number):
        gate.wait()
        return run(number)

    with ThreadPoolExecutor(8) as pool:
        concurrent = list(pool.map(run_with_others, range(8)))
    pairs = list(zip(sequential, concurrent, strict=True))
    assert all(np.array_equal(one.x, two.x) and one.success and two.success for one, two in pairs)
    assert all(np.array_equal(one.history.objective, two.history.objective) for one, two in pairs)
    assert list(warnings.filters) == before
    name = "one shared object" if shared else "own problems"
    record(f"eight threads, {name}, {method}", "the same bits as one after the other; warning filters kept")


def test_50_threads_that_are_the_first_to_solve(record, tmp_path):
    """Four threads begin the first solves of a process at the same time: right answers, and no crash."""
    found = run_script(FIRST_TO_SOLVE, tmp_path)
    assert found.split() == ["optimal"] * 4
    record("four threads begin the first solves of a process", "right answers")


FIRST_TO_SOLVE = """
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import lagrad

gate = Barrier(4)
ready = lagrad.differentiate(lagrad.Problem(lambda x: (x[0] - 1) ** 2 + x[1] ** 4, [3.0, 2.0]))

def solve(number):
    gate.wait()
    return lagrad.solve(ready, "ipopt").status

with ThreadPoolExecutor(4) as pool:
    print(*pool.map(solve, range(4)))
"""


def test_50_threads_that_set_up_at_once(record):
    """Four threads declare, compile and solve: the right answers."""
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: lagrad.solve(hs71()), range(4)))
    record("four threads that declare, compile and solve", "right answers")
    assert all(math.isclose(solution.objective, 17.0140173, rel_tol=1e-6) for solution in found)


PROCESSES = """
import multiprocessing, os, warnings
from concurrent.futures import ProcessPoolExecutor
import numpy as np, lagrad
from tests.faults.cases import compiled, hs71, hyperbola
warnings.simplefilter("ignore")

def work(kind):
    try:
        return repr(lagrad.solve(compiled(hyperbola) if kind == "built" else hs71()))
    except RuntimeError as error:
        return f"RuntimeError: {error}"

if __name__ == "__main__":
    params = np.linspace(1.0, 3.0, 6)
    sequential = lagrad.solve_many(compiled(hyperbola), params)
    fork, spawn = (multiprocessing.get_context(kind) for kind in ("fork", "spawn"))
    with ProcessPoolExecutor(1, fork) as pool:
        print(*pool.map(work, ["built", "own"]), sep="\\n")
    with ProcessPoolExecutor(4, spawn) as pool:
        parallel = lagrad.solve_many(hyperbola(), params, executor=pool)
    distances = [np.abs(one.x - two.x).max() for one, two in zip(sequential, parallel)]
    print(max(distances), [solution.success for solution in parallel])
"""


def test_51_worker_processes(tmp_path, record):
    """A fork of a process in which JAX runs is refused instead of hanging; four spawned ones are right.

    What runs as machine code, without JAX, is right in a fork, too.
    """
    built, own, spawned = run_script(PROCESSES, tmp_path).splitlines()
    record("a built problem in a forked process", re.sub(r"\d\d+", "...", built))
    record("a new problem in a forked process", re.sub(r"\d\d+", "...", own))
    record("ProcessPoolExecutor of four, spawned", "the same points as in one process")
    refusal = re.compile(r"RuntimeError: lagrad: process .*get_context\('spawn'\)")
    assert refusal.match(own) and (refusal.match(built) or built.startswith("Solution(optimal"))
    assert spawned == f"0.0 {[True] * 6}"
