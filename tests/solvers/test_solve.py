"""The contract that every solver keeps, against answers by hand: points, signs, statuses, limits, stops.

`method` is each solver in turn, see conftest.py.
"""

from __future__ import annotations

import math
import os
import signal
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from lagrad.errors import DerivativeError, LagradWarning
from lagrad.problem.constraints import Equality, Inequality
from lagrad.problem.problem import Problem
from lagrad.solution.status import Status
from lagrad.solvers import solve
from tests.solvers import cases
from tests.solvers.cases import derivatives
from tests.solvers.dense import DenseDerivatives

# trust-constr ends with a barrier parameter of up to 1e-8, which is the error in products and multipliers.
CLOSE = {"rtol": 1e-5, "atol": 2e-6}


def test_hs71_is_solved_to_its_known_optimum(method):
    """Objective, point, values and multipliers are those of the literature."""
    solution = solve(derivatives(cases.hs71), method)
    assert solution.status is Status.OPTIMAL and solution.success
    np.testing.assert_allclose(solution.objective, 17.0140173, rtol=1e-7)
    np.testing.assert_allclose(solution.x, [1.0, 4.7429994, 3.8211503, 1.3794082], rtol=1e-5)
    np.testing.assert_allclose(solution.constraints["product"], 25.0, rtol=1e-7)
    np.testing.assert_allclose(solution.multipliers["product"], -0.5522937, **CLOSE)
    np.testing.assert_allclose(solution.multipliers["norm"], 0.1614686, **CLOSE)


@pytest.mark.parametrize(
    ("make", "x", "rows", "lower", "upper"),
    [
        (cases.lifted, [1, 1], [-2], [0, 0], [0, 0]),
        (cases.pushed, [0, 1], [], [2, 0], [0, 2]),
        (cases.hs28, [0.5, -0.5, 0.5], [0], [0, 0, 0], [0, 0, 0]),
    ],
)
def test_multipliers_have_the_documented_signs(method, make, x, rows, lower, upper):
    """grad f + J' multipliers + upper - lower = 0, lower and upper nonnegative, solved by hand."""
    solution = solve(derivatives(make), method)
    flat = np.concatenate([np.zeros(0), *map(np.ravel, solution.multipliers.values())])
    np.testing.assert_allclose(solution.x, x, **CLOSE)
    np.testing.assert_allclose(flat, rows, **CLOSE)
    np.testing.assert_allclose(solution.bound_multipliers.lower, lower, **CLOSE)
    np.testing.assert_allclose(solution.bound_multipliers.upper, upper, **CLOSE)


def test_results_have_the_structure_of_x0(method):
    """x, bound multipliers and constraints are pytrees as declared; the hand solution is (0.5, 2.5)."""
    solution = solve(derivatives(cases.corner), method)
    np.testing.assert_allclose([solution.x["x"], solution.x["y"]], [0.5, 2.5], **CLOSE)
    np.testing.assert_allclose(solution.multipliers["sum"], 3.0, **CLOSE)
    assert np.shape(solution.constraints["sum"]) == () and set(solution.bound_multipliers.lower) == {"x", "y"}
    np.testing.assert_allclose(solution.bound_multipliers.lower["y"], 2.0, **CLOSE)


@pytest.mark.parametrize(
    ("make", "status"),
    [
        (cases.contradiction, Status.INFEASIBLE),
        (cases.impossible, Status.INFEASIBLE),
        (cases.falling, Status.UNBOUNDED),
        (cases.plunging, Status.UNBOUNDED),
        (cases.cliff, Status.INVALID_NUMBER),
    ],
)
def test_failures_are_named_alike_by_all_solvers(method, make, status):
    """No success, the right reason, a finite point and a finite objective."""
    solution = solve(derivatives(make), method)
    assert solution.status is status and not solution.success
    assert np.isfinite(solution.x).all() and math.isfinite(solution.objective)


def test_infeasibility_names_the_worst_row(method):
    """The message holds the largest violation and its constraint."""
    solution = solve(derivatives(cases.impossible), method)
    assert "The largest violation is 1.00e+00, of disk" in solution.message


def test_points_refused_on_the_way_are_counted_and_do_no_harm(method):
    """Steps to negative x are cut; the minimum of x - log(x) is found."""
    solution = solve(derivatives(cases.logarithm), method)
    assert solution.success and solution.evaluations["nonfinite"] > 0
    np.testing.assert_allclose(solution.x, [1.0, 0.0], atol=1e-6)


def test_fixed_variables_are_exact(method):
    """lower == upper fixes a variable; its multipliers make the stationarity complete."""
    solution = solve(derivatives(cases.partly_fixed), method)
    assert solution.success and solution.x[1] == 1.0
    np.testing.assert_allclose(np.abs(solution.x), 1.0, rtol=1e-5)
    assert solution.certificate.stationarity < 1e-5


@pytest.mark.parametrize(("total", "status"), [(2.0, Status.OPTIMAL), (1.0, Status.INFEASIBLE)])
def test_all_variables_fixed_is_a_verdict_without_a_solver(method, total, status):
    """The one point there is satisfies the constraint or does not."""
    problem = Problem(cases.rosenbrock, [1.0, 1.0], Equality(lambda x: x[0] + x[1], total), ([1, 1], [1, 1]))
    solution = solve(DenseDerivatives(problem), method)
    assert solution.status is status and solution.success == (status is Status.OPTIMAL)
    assert solution.iterations == 0 and np.array_equal(solution.x, [1.0, 1.0])


def test_overdetermined_rows_are_counted_in_the_message(method):
    """Three rows, two variables, no common point."""
    solution = solve(derivatives(cases.overdetermined), method)
    assert not solution.success and solution.status in (Status.ERROR, Status.INFEASIBLE)
    assert "3 equality rows but only 2 free variables" in solution.message


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_iteration_limit_keeps_the_best_point_and_multipliers(method, limit):
    """The count is exact, and nothing seen was better."""
    solution = solve(derivatives(cases.hs71), method, max_iterations=limit)
    assert solution.status is Status.ITERATION_LIMIT and solution.iterations == limit
    assert len(solution.history) == limit + 1 and set(solution.multipliers) == {"product", "norm"}
    assert solution.certificate.feasibility <= solution.history.infeasibility.min() * (1 + 1e-6) + 1e-8


def test_time_limit_of_nothing_returns_the_start(method):
    """Set-up counts; the start comes back with its objective."""
    solution = solve(derivatives(cases.banana), method, time_limit=0)
    assert solution.status is Status.TIME_LIMIT and not solution.success
    np.testing.assert_allclose(solution.objective, 24.2)


def test_time_limit_ends_a_running_solve(method):
    """A callback that sleeps uses up the time after a few iterations."""
    pause = threading.Event()
    solve(derivatives(cases.banana), method)
    solution = solve(
        derivatives(cases.banana), method, time_limit=0.5, callback=lambda it: pause.wait(0.1) and None
    )
    assert solution.status is Status.TIME_LIMIT and solution.iterations <= 6
    assert solution.objective <= 24.2 and solution.timings["total"] >= 0.5


def test_callback_sees_every_iteration_by_name(method):
    """Numbers run from 0, values agree with the history, and x is the user's to keep."""
    seen = []
    solution = solve(derivatives(cases.hs71), method, callback=seen.append)
    assert [iterate.iteration for iterate in seen] == list(range(solution.iterations + 1))
    assert [iterate.objective for iterate in seen] == list(solution.history.objective)
    assert all(iterate.x.shape == (4,) and iterate.x.flags.writeable for iterate in seen)
    np.testing.assert_allclose(seen[-1].x, solution.x, rtol=1e-6)
    assert solution.timings["callback"] > 0


def stop_by_true(iterate):
    return iterate.iteration == 3


def stop_by_exception(iterate):
    if iterate.iteration == 3:
        raise StopIteration


def stop_by_interrupt(iterate):
    if iterate.iteration == 3:
        raise KeyboardInterrupt


def stop_by_signal(iterate):
    if iterate.iteration == 3:
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("stop", [stop_by_true, stop_by_exception, stop_by_interrupt, stop_by_signal])
def test_every_way_to_stop_keeps_the_best_iterate(method, stop):
    """Interrupted after iteration 3, the handler as before, the best objective kept."""
    before = signal.getsignal(signal.SIGINT)
    solution = solve(derivatives(cases.banana), method, callback=stop)
    assert solution.status is Status.INTERRUPTED and solution.iterations == 3
    assert solution.objective == solution.history.objective.min()
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.slow
def test_interrupt_at_a_random_time_keeps_the_best_iterate(method):
    """Fifty Ctrl-C at random times of a running solve: each time interrupted, with the best point seen."""
    random = np.random.default_rng(0)
    for _ in range(50):
        timer = threading.Timer(random.uniform(0, 0.05), os.kill, (os.getpid(), signal.SIGINT))

        def callback(iterate, timer=timer):
            if iterate.iteration == 0:
                timer.start()
            time.sleep(0.005)

        solution = solve(derivatives(cases.banana), method, callback=callback)
        timer.join()
        assert solution.status is Status.INTERRUPTED
        # IPOPT may have taken a further step that it did not report any more.
        assert solution.objective <= solution.history.objective.min()
        assert solution.objective == pytest.approx(scipy.optimize.rosen(solution.x), rel=1e-12)
        assert solution.multipliers == {} and np.isfinite(solution.certificate.error)


def test_an_exception_of_the_callback_surfaces_with_the_solution(method):
    """The very exception, its traceback, a note, the Solution so far; the next solve knows nothing of it."""

    class Mine(Exception):
        pass

    error = Mine("mine")

    def callback(iterate):
        if iterate.iteration == 2:
            raise error

    with pytest.raises(Mine) as caught:
        solve(derivatives(cases.banana), method, callback=callback)
    assert caught.value is error and any("attribute `solution`" in note for note in error.__notes__)
    assert error.solution.iterations == 2 and error.solution.objective <= 24.2
    assert any(frame.name == "callback" for frame in caught.traceback)
    assert solve(derivatives(cases.banana), method).success


def test_only_the_first_of_two_exceptions_surfaces(method):
    """What fails after the first failure is not asked again."""
    calls = []

    def callback(iterate):
        calls.append(iterate.iteration)
        raise ValueError(f"number {len(calls)}")

    with pytest.raises(ValueError, match="number 1"):
        solve(derivatives(cases.banana), method, callback=callback)
    assert calls == [0]


def test_an_odd_return_of_the_callback_is_ignored_with_one_warning(method):
    """A number is neither stop nor go on."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        solution = solve(derivatives(cases.banana), method, callback=lambda iterate: 5)
    found = [w for w in caught if issubclass(w.category, LagradWarning)]
    assert solution.success and len(found) == 1 and "`callback`: returned int" in str(found[0].message)


def test_solves_may_be_nested(method):
    """A callback may solve another problem."""
    inner = []
    outer = solve(
        derivatives(cases.banana),
        method,
        callback=lambda it: inner.append(solve(derivatives(cases.hs28), "ipopt").success) or None,
    )
    assert outer.success and all(inner) and len(inner) == outer.iterations + 1


UNDEFINED = {
    "value": (lambda x: jnp.log(x[0]) + x[1] ** 2, [-1.0, 2.0], "`objective`: the value is nan at the start"),
    "gradient": (
        lambda x: jnp.sqrt(x[0]) + x[1],
        [0.0, 2.0],
        "`objective`: the derivative by x[0] is inf at the start",
    ),
    "hessian": (
        lambda x: jnp.sum(jnp.abs(x) ** 1.5),
        [0.0, 2.0],
        "the Lagrangian's second derivative by x[0] and x[0] is inf at the start",
    ),
}


@pytest.mark.parametrize("kind", UNDEFINED)
def test_what_is_undefined_at_the_start_is_named(method, kind):
    """A DerivativeError says which function, which entry and what to do."""
    fun, x0, words = UNDEFINED[kind]
    with pytest.raises(DerivativeError) as caught:
        solve(DenseDerivatives(Problem(fun, x0)), method)
    assert words in str(caught.value) and str(caught.value).endswith((".", "0.0)."))


@pytest.mark.parametrize(
    ("fun", "x0", "words"),
    [
        (jnp.log, [-1.0, 2.0], "`constraints`: logs[0] is nan at the start"),
        (jnp.sqrt, [1.0, 0.0], "`constraints`: the derivative of logs[1] by x[1] is inf at the start"),
    ],
)
def test_an_undefined_row_at_the_start_is_named(method, fun, x0, words):
    """The constraint's own name and index."""
    problem = Problem(lambda x: x @ x, x0, {"logs": Inequality(fun, lower=-1.0)})
    with pytest.raises(DerivativeError) as caught:
        solve(DenseDerivatives(problem), method)
    assert words in str(caught.value)


def test_functions_are_evaluated_once_a_point(method):
    """f and c share calls, so do grad f and J; no point is evaluated twice but the first and the last."""
    compiled = derivatives(cases.hs71)
    calls = {"values": 0, "first_order": 0}

    class Counting:
        machine_code = None  # which would call nothing of this

        def __getattr__(self, name):
            if name in calls:
                calls[name] += 1
            return getattr(compiled, name)

    solution = solve(Counting(), method)
    counts = solution.evaluations
    assert counts["objective"] == counts["constraints"] <= calls["values"] <= counts["objective"] + 2
    assert counts["gradient"] == counts["jacobian"] <= calls["first_order"] <= counts["gradient"] + 2
    assert counts["objective"] <= solution.iterations + 3


def test_a_second_solve_is_not_touched_by_the_first(method):
    """Same answer to the last bit after a failure, with other params and back."""
    compiled = derivatives(cases.parametric)
    first = solve(compiled, method)
    solve(compiled, method, max_iterations=1)
    other = solve(compiled, method, params=np.float64(3.0))
    again = solve(compiled, method)
    assert np.array_equal(first.x, again.x) and not np.allclose(first.x, other.x)


def test_start_params_and_bounds_of_solve_replace_the_problems(method):
    """(x0 - p)^2 + x1^2 on x0 x1 = 1, cut off at x0 <= 1.5: the bound holds the result."""
    solution = solve(
        derivatives(cases.parametric), method, x0=[0.5, 2.0], params=np.float64(3.0), bounds=(0.1, [1.5, 9.0])
    )
    np.testing.assert_allclose(solution.x, [1.5, 1 / 1.5], **CLOSE)
    np.testing.assert_allclose(solution.history.objective[0], (0.5 - 3.0) ** 2 + 4.0, rtol=0.2)
    assert solution.x[0] <= 1.5


@pytest.mark.parametrize(
    "make",
    [cases.hs71, cases.hs28, cases.lifted, cases.pushed, cases.parametric],
    ids=lambda make: make.__name__,
)
def test_all_solvers_agree(method, make):
    """Point and multipliers are those of trust-constr, over all cases that have a solution."""
    one, two = solve(derivatives(make), method), solve(derivatives(make), "trust-constr")
    np.testing.assert_allclose(one.x, two.x, **CLOSE)
    for name in one.multipliers:
        np.testing.assert_allclose(one.multipliers[name], two.multipliers[name], rtol=1e-4, atol=1e-5)


def test_concurrent_solves_of_one_object_equal_sequential_ones():
    """Eight threads, one Derivatives, eight params."""
    compiled = derivatives(cases.parametric)
    params = [np.float64(p) for p in np.linspace(1.0, 3.0, 8)]
    sequential = [solve(compiled, params=p).x for p in params]
    with ThreadPoolExecutor(8) as pool:
        concurrent = list(pool.map(lambda p: solve(compiled, params=p).x, params))
    assert all(np.array_equal(one, two) for one, two in zip(sequential, concurrent, strict=True))


def test_timings_add_up(method):
    """Callbacks, the user's callback and the solver's own are within the total."""
    timings = solve(derivatives(cases.hs71), method).timings
    assert timings["callbacks"] == pytest.approx(
        timings["values"] + timings["first_order"] + timings["hessian"]
    )
    assert 0 < timings["callbacks"] + timings["solver"] <= timings["total"]
