"""Faults 21 to 27: numbers that are not finite, or not float64, give an error or a status."""

from __future__ import annotations

import subprocess
import sys
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad import DerivativeError, Equality, Inequality, Problem, Status

both = pytest.mark.parametrize("method", ["ipopt", "trust-constr"])


def roots(x):
    """Undefined slope where x_0 is zero."""
    return jnp.stack([x[1], jnp.sqrt(x[0])])


UNDEFINED = {
    "f": (lambda x: jnp.log(x[0] - 2.0) + x[1], None, "`objective`: the value is nan at the start"),
    "f infinite": (lambda x: 1.0 / x[0] + x[1], None, "`objective`: the value is inf at the start"),
    "c": (lambda x: x @ x, lambda x: jnp.log(x - 1.0), r"`constraints`: flow[0] is nan at the start"),
    "g": (lambda x: jnp.sqrt(x[0]) + x[1], None, "`objective`: the derivative by x[0] is inf at the start"),
    "J": (lambda x: x @ x, roots, "`constraints`: the derivative of flow[1] by x[0] is inf at the start"),
    "H": (lambda x: jnp.abs(x[0]) ** 1.5 + x[1], None, "second derivative by x[0] and x[0] is inf"),
}


@cache
def undefined(kind: str) -> lagrad.Derivatives:
    """Derivatives of a problem that is undefined at its start, (0, 1)."""
    objective, rows, _ = UNDEFINED[kind]
    return lagrad.differentiate(Problem(objective, [0.0, 1.0], rows and {"flow": Equality(rows)}))


@both
@pytest.mark.parametrize("kind", UNDEFINED)
def test_21_not_finite_at_the_start(kind, method, record):
    """An error names function and entry, and what to do; also where Ipopt itself would crash."""
    with pytest.raises(DerivativeError) as caught:
        lagrad.solve(undefined(kind), method)
    record(f"{kind} not finite at x0, {method}", caught.value)
    assert UNDEFINED[kind][2] in str(caught.value)
    assert "lagrad.diagnose" in str(caught.value) or "jnp.where(ok" in str(caught.value)


LATER = {
    "f undefined": (lambda x: x[0] - jnp.log(x[0]) + x[1] ** 2, None),
    "c undefined": (
        lambda x: (x[0] - 1.0) ** 4 + (x[1] + 1.0) ** 2,
        lambda x: jnp.log(x[1]) + 3.0 + x[0],
    ),
}


@both
@pytest.mark.parametrize("kind", LATER)
def test_22_not_finite_at_a_later_point(kind, method, record):
    """The step is cut, the run goes on, the points refused are counted."""
    objective, rows = LATER[kind]
    solution = lagrad.solve(Problem(objective, [3.0, 2.0], rows and Inequality(rows, 0.0)), method)
    refused = solution.evaluations["nonfinite"]
    record(f"{kind} at a trial point, {method}: {refused} refused", solution)
    assert solution.success and refused > 0
    assert f"{refused} evaluation" in solution.message


@jax.custom_jvp
def cracked(x):
    """A parabola whose slope is unknown below 1."""
    return x**2


@cracked.defjvp
def _cracked_jvp(primals, tangents):
    return cracked(*primals), jnp.where(primals[0] < 1.0, jnp.nan, 2.0 * primals[0]) * tangents[0]


@both
def test_22_derivatives_not_finite_at_a_later_point(method, record):
    """The value is finite, so the step is taken; then the slope is not: the point before is kept."""
    problem = Problem(lambda x: cracked(x[0]) + x[1] ** 2, [5.0, 2.0])
    solution = lagrad.solve(problem, method)
    record(f"gradient undefined at a point whose value is finite, {method}", solution)
    assert solution.status is Status.INVALID_NUMBER and not solution.success
    assert solution.x[0] >= 1.0 and solution.objective <= 29.0
    assert solution.certificate.stationarity < np.inf


@both
def test_23_not_finite_on_one_side_for_ever(method, record):
    """The way down ends at an edge: invalid_number, and the best finite iterate."""
    edge = Problem(lambda x: jnp.where(x[0] < 0.5, jnp.nan, x[0]) + x[1] ** 2, [3.0, 2.0])
    solution = lagrad.solve(edge, method)
    record(f"f undefined from where the minimum should be, {method}", solution)
    assert solution.status is Status.INVALID_NUMBER and not solution.success
    assert np.isfinite(solution.objective) and solution.x[0] >= 0.5
    assert solution.objective == pytest.approx(np.nanmin(solution.history.objective), rel=1e-6)


SURVIVAL = """
import itertools, sys
import jax, numpy as np
import lagrad
from tests.faults.spoiled import Spoiled
from tests.solvers import cases

kinds, ways, calls = ("values", "first_order", "hessian_values"), (np.nan, np.inf, None), (1, 2, 3, 5)
count = kept = 0
for make in (cases.hs71, cases.lifted, cases.banana):
    derivatives = lagrad.differentiate(make(), check=False)
    for kind, way, call, ever in itertools.product(kinds, ways, calls, (False, True)):
        for method in ("ipopt", "trust-constr"):
            try:
                spoiled = Spoiled(derivatives, kind, way, call, ever)
                solution = lagrad.solve(spoiled, method, max_iterations=50)
            except (lagrad.DerivativeError, ZeroDivisionError) as error:
                solution = error.solution
            count += 1
            kept += all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(solution.x))
            kept -= solution.success and not np.isfinite(solution.objective)
print(count, "solves,", kept, "kept a finite point")
"""


def test_23_no_failing_call_crashes_the_process(request, record):
    """NaN, infinity or an exception from call k on, or once, in any function: a Solution every time."""
    command = [sys.executable, "-W", "error::RuntimeWarning", "-c", SURVIVAL]
    run = subprocess.run(
        command, cwd=request.config.rootpath, capture_output=True, text=True, timeout=120, check=False
    )
    record("values, first or second derivatives not finite or raising at call 1, 2, 3 or 5", run.stdout)
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout == "432 solves, 432 kept a finite point\n"


ENDLESS = {
    "overflow to -inf": (lambda x: -jnp.exp(x[0]) + x[1] ** 2, None, Status.UNBOUNDED),
    "-inf below 2.5": (
        lambda x: jnp.where(x[0] < 2.5, -jnp.inf, x[0] ** 2) + x[1] ** 2,
        None,
        Status.UNBOUNDED,
    ),
    "log towards its bound 0": (lambda x: jnp.log(x[0]) + x[1] ** 2, ([0.0, -5.0], None), Status.ERROR),
}


@both
@pytest.mark.parametrize("kind", ENDLESS)
def test_24_an_objective_without_end(kind, method, record):
    """Never success; objective and point that come back are finite."""
    objective, bounds, status = ENDLESS[kind]
    solution = lagrad.solve(Problem(objective, [3.0, 2.0], bounds=bounds), method)
    record(f"objective with {kind}, {method}", solution)
    assert not solution.success and solution.status is status
    assert np.isfinite(solution.objective) and np.isfinite(solution.x).all()


MASKED = {
    "norm": lambda x: jnp.linalg.norm(x),
    "power 0.5": lambda x: x[0] ** 0.5 + x[1] ** 0.5,
}


@both
@pytest.mark.parametrize("kind", MASKED)
def test_25_undefined_slopes_of_defined_values(kind, method, record):
    """The error at the start tells of the double where; the same function written so has a derivative."""
    with pytest.raises(DerivativeError) as caught:
        lagrad.solve(Problem(MASKED[kind], [0.0, 0.0 if kind == "norm" else 1.0]), method)
    record(f"{kind} at 0, {method}", caught.value)
    assert "derivative by x[0]" in str(caught.value)
    assert "jnp.where(ok, f(jnp.where(ok, x, 1.0)), 0.0)" in str(caught.value)


def test_25_the_double_where_is_a_cure(record):
    """What the error recommends works, and `diagnose` finds the operation."""

    def cured(x):
        ok = x[0] > 0
        return jnp.where(ok, jnp.sqrt(jnp.where(ok, x[0], 1.0)), 0.0) + x[1] ** 2

    assert lagrad.differentiate(Problem(cured, [0.0, 2.0])).gradient([0.0, 2.0]).tolist() == [0.0, 4.0]
    found = lagrad.diagnose(Problem(MASKED["norm"], [0.0, 0.0])).of("nonfinite")[0].message
    record("`diagnose` of a norm at 0", found)
    assert "`sqrt`" in found and "test_numbers.py" in found


def test_25_elements_leave_masked_slopes_out(record):
    """Where `jnp.where` takes the other case, the slope of the first one counts nothing, infinite or not."""

    def masked(x):
        return jnp.where(x[0] > 0, jnp.sqrt(x[0]), 0.0) + x[1] ** 2

    derivatives = lagrad.differentiate(Problem(masked, [0.0, 2.0]))
    assert derivatives.gradient([0.0, 2.0]).tolist() == [0.0, 4.0]
    assert derivatives.hessian([0.0, 2.0]).toarray().tolist() == [[0.0, 0.0], [0.0, 2.0]]
    record("jnp.where over sqrt at 0", "derivatives of the case that is taken")


@pytest.mark.parametrize("strategy", ["elements", "colored"])
def test_26_an_infinite_derivative_stays_where_it_is(strategy, record):
    """Whatever both modes of dense JAX find finite is finite and equal, though the columns share a color."""

    def rows(x):
        return jnp.sqrt(x[:-1]) + x[1:] ** 2

    problem = Problem(lambda x: x @ x, np.ones(8), Equality(rows))
    derivatives = lagrad.differentiate(problem, strategy=strategy)
    x = np.linspace(0.5, 1.2, 8)
    x[3] = 0.0
    found = derivatives.jacobian(x).toarray()
    with jax.enable_x64(True):
        dense = [np.asarray(mode(rows)(x)) for mode in (jax.jacfwd, jax.jacrev)]
    finite = np.isfinite(dense[0]) & np.isfinite(dense[1])
    spoilt = int((~np.isfinite(found)).sum())
    record(f"slope of sqrt at 0, {strategy}", f"{spoilt} of {found.size} entries not finite")
    np.testing.assert_allclose(found[finite], dense[1][finite], rtol=1e-12)
    assert not np.isfinite(found[3, 3]) and (~np.isfinite(found)).any(axis=1).sum() == 1


TABLE = np.linspace(0.0, 1.0, 5)


def mixed(kind):
    """A function with a constant of another precision in it."""
    return lambda x: jnp.sum(jnp.exp(x * jnp.asarray(TABLE, kind)) * jnp.asarray(0.5, kind))


def test_27_float32_constants_do_not_cost_digits(record):
    """0, 1/4, ..., 1 and 1/2 are exact in float32: all results equal those of float64."""
    x = np.linspace(0.1, 0.7, 5)
    first, second = (lagrad.differentiate(Problem(mixed(kind), x)) for kind in (jnp.float32, jnp.float64))
    record("float32 constants among float64 variables", "equal to all-float64")
    assert first.objective(x) == second.objective(x)
    np.testing.assert_array_equal(first.gradient(x), second.gradient(x))
    np.testing.assert_allclose(first.hessian(x, []).toarray(), second.hessian(x, []).toarray(), rtol=1e-15)


def test_27_a_cast_to_float32_is_told(record):
    """What the user casts away is gone; a warning says where."""
    with pytest.warns(lagrad.LagradWarning, match="`objective`: returns float32.*Remove the cast") as caught:
        Problem(lambda x: jnp.sum(x**2).astype(jnp.float32), np.ones(3))
    record("objective cast to float32", str(caught[0].message))


@both
def test_27_jax_enable_x64_does_not_matter(method, record):
    """Off when built, on when solved, and the other way round: the same solution, the setting as it was."""
    objectives = []
    for at_build, at_solve in ((False, True), (True, False)):
        before = jax.config.jax_enable_x64
        try:
            jax.config.update("jax_enable_x64", at_build)
            derivatives = lagrad.differentiate(
                Problem(lambda x: jnp.sum((x - 1.0 / 3.0) ** 4 + x), np.ones(3))
            )
            jax.config.update("jax_enable_x64", at_solve)
            objectives.append(lagrad.solve(derivatives, method).objective)
            assert jax.config.jax_enable_x64 is at_solve
        finally:
            jax.config.update("jax_enable_x64", before)
    record(f"jax_enable_x64 toggled between build and solve, {method}", "equal results, setting unchanged")
    assert objectives[0] == objectives[1]
