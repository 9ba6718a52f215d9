"""Callbacks of machine code do what those of Python do: the same iterations, refusals, errors and counts."""

from __future__ import annotations

import math
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import jax.numpy as jnp
import numpy as np
import pytest

from lagrad.derivatives import differentiate
from lagrad.errors import DerivativeError
from lagrad.problem.constraints import Inequality
from lagrad.problem.problem import Problem
from lagrad.solution.status import Status
from lagrad.solvers import solve
from lagrad.solvers.ipopt import compiled
from lagrad.solvers.ipopt.compiled import is_supported
from tests.solvers import cases

pytestmark = pytest.mark.skipif(not is_supported(), reason="no clock that the machine code knows")


class InPython:
    """Derivatives whose machine code is not handed out."""

    machine_code = None

    def __init__(self, derivatives):
        self._derivatives = derivatives

    def __getattr__(self, name):
        return getattr(self._derivatives, name)


@pytest.mark.parametrize(
    "make",
    [cases.hs71, cases.hs28, cases.lifted, cases.banana, cases.logarithm, cases.impossible, cases.parametric],
    ids=lambda make: make.__name__,
)
def test_both_kinds_of_callbacks_take_the_same_way(make):
    """Every iterate's objective to the last bit, and every count."""
    derivatives = differentiate(make())
    assert derivatives.machine_code() is not None
    one, two = solve(derivatives, "ipopt"), solve(InPython(derivatives), "ipopt")
    np.testing.assert_array_equal(one.history.objective, two.history.objective)
    np.testing.assert_array_equal(one.history.infeasibility, two.history.infeasibility)
    assert one.status is two.status and dict(one.evaluations) == dict(two.evaluations)
    np.testing.assert_array_equal(one.x, two.x)
    assert one.certificate.error == two.certificate.error


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (lambda: Problem(lambda x: jnp.log(x[0]) + x[1] ** 2, [-1.0, 2.0]), "the value is nan at the start"),
        (lambda: Problem(lambda x: jnp.sqrt(x[0]) + x[1], [0.0, 2.0]), "the derivative by x[0] is inf"),
        (
            lambda: Problem(lambda x: x @ x, [1.0, 0.0], {"roots": Inequality(jnp.sqrt, lower=-1.0)}),
            "the derivative of roots[1] by x[1] is inf at the start",
        ),
    ],
)
def test_what_is_undefined_at_the_start_is_named(problem, words):
    """As by Python, though IPOPT only saw numbers that are not finite."""
    derivatives = differentiate(problem(), check=False)
    assert derivatives.machine_code() is not None
    with pytest.raises(DerivativeError) as caught:
        solve(derivatives, "ipopt")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("make", "status"), [(cases.plunging, Status.UNBOUNDED), (cases.falling, Status.UNBOUNDED)]
)
def test_a_fall_without_end_is_named(make, status):
    """The objective goes to minus infinity, or overflows on its way."""
    derivatives = differentiate(make())
    solution = solve(derivatives, "ipopt")
    assert solution.status is status and math.isfinite(solution.objective)


def test_params_are_those_of_the_solve():
    """Bound once: the answer is that of a problem declared with them."""
    derivatives = differentiate(cases.parametric())
    for p in (1.5, 3.0):
        found = solve(derivatives, "ipopt", params=np.float64(p))
        declared = differentiate(cases.parametric().replace(params=np.float64(p)))
        np.testing.assert_array_equal(found.x, solve(declared, "ipopt").x)


def test_solves_in_threads_share_nothing():
    """Eight threads, one Derivatives, each with params of its own: what each gets alone."""
    derivatives = differentiate(cases.parametric())
    params = [np.float64(p) for p in np.linspace(1.0, 3.0, 16)]
    sequential = [solve(derivatives, params=p).x for p in params]
    with ThreadPoolExecutor(8) as pool:
        concurrent = list(pool.map(lambda p: solve(derivatives, params=p).x, params))
    assert all(np.array_equal(one, two) for one, two in zip(sequential, concurrent, strict=True))


def test_timings_are_measured():
    """Callbacks take some time, and less than the whole."""
    timings = solve(differentiate(cases.hs71()), "ipopt").timings
    assert 0 < timings["values"] < timings["total"] and 0 < timings["hessian"] < timings["total"]


def chained(n: int) -> Problem:
    """Rosenbrock's chain: many iterations."""
    return Problem(lambda x: jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2), np.full(n, -1.2))


def test_history_grows_beyond_the_room_for_it(monkeypatch):
    """Two rows fit at first; nothing is lost."""
    monkeypatch.setattr(compiled, "ROOM", 2)
    derivatives = differentiate(cases.banana())
    one, two = solve(derivatives, "ipopt"), solve(InPython(derivatives), "ipopt")
    assert len(one.history) == one.iterations + 1 > 8
    for column in ("iteration", "objective", "mu", "step", "step_size", "trials", "restoration"):
        np.testing.assert_array_equal(getattr(one.history, column), getattr(two.history, column))


def test_a_callback_sees_each_iteration():
    """Objective and multipliers are those of the iterate, and counts grow on the way."""
    derivatives, seen = differentiate(cases.hs71()), []
    solution = solve(derivatives, "ipopt", callback=seen.append)
    assert [each.iteration for each in seen] == solution.history.iteration.tolist()
    for each in seen:
        assert each.objective == derivatives.objective(each.x)
        assert [part.size for part in each.multipliers] == [derivatives.m, derivatives.n, derivatives.n]
    assert np.all(np.diff([each.evaluations["gradient"] for each in seen]) > 0)


def test_solves_that_follow_each_other_share_nothing():
    """What is kept for the next solve has no memory: bounds, options, start and limits are those of each."""
    derivatives, first = differentiate(cases.hs71()), solve(differentiate(cases.hs71()), "ipopt")
    others = (
        {"bounds": (1.0, 4.9)},
        {"options": {"mu_strategy": "adaptive"}},
        {"max_iterations": 2},
        {"x0": [2.0, 2.0, 2.0, 2.0]},
        {"callback": lambda iterate: iterate.iteration == 3},
    )
    for other in others:
        alone = solve(differentiate(cases.hs71()), "ipopt", **other)
        np.testing.assert_array_equal(solve(derivatives, "ipopt", **other).x, alone.x)
        again = solve(derivatives, "ipopt")
        np.testing.assert_array_equal(again.x, first.x)
        np.testing.assert_array_equal(again.history.objective, first.history.objective)
        assert again.evaluations == first.evaluations and again.status is first.status


def press_ctrl_c(is_heeded: threading.Event) -> None:
    """Send the signal as soon as a solve has its own handler in place."""
    while signal.getsignal(signal.SIGINT) is signal.default_int_handler and not is_heeded.wait(0.001):
        pass
    if not is_heeded.is_set():
        os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_ends_a_solve_that_nobody_watches():
    """Python runs now and then, and looks."""
    derivatives, is_heeded = differentiate(chained(1000)), threading.Event()
    thread = threading.Thread(target=press_ctrl_c, args=(is_heeded,))
    thread.start()
    try:
        solution = solve(derivatives, "ipopt", max_iterations=10**6, tol=1e-300)
    finally:
        is_heeded.set()
        thread.join()
    assert solution.status is Status.INTERRUPTED, solution
    assert solution.objective <= solution.history.objective.min()


def test_the_time_limit_holds_without_python():
    """At the first look at the clock."""
    solution = solve(differentiate(chained(1000)), "ipopt", time_limit=0.2)
    assert solution.status is Status.TIME_LIMIT and np.isfinite(solution.objective)
