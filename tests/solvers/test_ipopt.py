"""The adapter of IPOPT: every code has a Status, warm starts help, missing cyipopt is explained."""

from __future__ import annotations

import gc
import subprocess
import sys
import tracemalloc
from types import SimpleNamespace
from typing import cast

import jax.numpy as jnp
import numpy as np
import pytest

from lagrad.errors import DerivativeError
from lagrad.problem.constraints import Equality, Inequality
from lagrad.problem.limits import Limits
from lagrad.problem.problem import Problem
from lagrad.solution.solution import Solution
from lagrad.solution.status import Status
from lagrad.solvers import solve, trust_constr
from lagrad.solvers.ipopt import settings
from lagrad.solvers.ipopt.dependence import PERTURBED
from lagrad.solvers.ipopt.library import VARIABLE
from lagrad.solvers.ipopt.sides import row_sides
from lagrad.solvers.ipopt.statuses import CODES, translate
from lagrad.solvers.solver import Task
from lagrad.solvers.warm import ROUGH_MU, warm
from tests.solvers import cases
from tests.solvers.cases import derivatives
from tests.solvers.dense import DenseDerivatives


def test_every_code_of_cyipopt_has_a_status():
    """None is forgotten, and each has its own name."""
    cyipopt = pytest.importorskip("cyipopt")
    assert set(cyipopt.STATUS_MESSAGES) <= set(CODES)
    assert len({name for name, _ in CODES.values()}) == len(CODES)


@pytest.mark.parametrize("code", [7, -42, 1000])
def test_a_future_code_is_an_error_that_keeps_its_number(code):
    """No KeyError."""
    name, status = translate(code)
    assert status is Status.ERROR and str(code) in name
    assert trust_constr.translate(code) is Status.ERROR


def test_a_warm_start_needs_fewer_iterations():
    """From the solution itself: at most two; from nearby params: fewer than from the start."""
    compiled = derivatives(cases.hs71)
    cold = solve(compiled)
    warm = solve(compiled, warm_start=cold)
    assert warm.success and warm.iterations <= 2 < cold.iterations
    compiled = derivatives(cases.parametric)
    before = solve(compiled)
    cold = solve(compiled, params=np.float64(2.01))
    warm = solve(compiled, params=np.float64(2.01), warm_start=before)
    assert warm.success and warm.iterations < cold.iterations
    np.testing.assert_allclose(warm.x, cold.x, rtol=1e-6)


def test_an_interrupted_solve_goes_on_from_where_it_was(tmp_path):
    """Stopped after 5 iterations, saved, loaded, finished: fewer iterations than from the start."""
    compiled = derivatives(cases.hs71)
    part = solve(compiled, max_iterations=5)
    loaded = Solution.load(part.save(tmp_path / "part.npz"))
    rest = solve(compiled, warm_start=loaded)
    assert rest.success and rest.iterations < solve(compiled).iterations


def test_a_missing_ipopt_is_explained(monkeypatch):
    """How to get it, and what works without."""
    monkeypatch.setitem(sys.modules, "cyipopt", None)
    monkeypatch.setenv(VARIABLE, "cyipopt")
    with pytest.raises(ImportError, match=r"pip install 'lagrad\[ipopt\]'.*method='trust-constr'"):
        solve(derivatives(cases.banana), "ipopt")
    assert solve(derivatives(cases.banana)).success


def test_bounds_hold_exactly_in_the_result():
    """IPOPT's relaxed bounds do not leak out."""
    solution = solve(derivatives(cases.pushed))
    assert solution.x[0] >= 0.0 and solution.x[1] <= 1.0


def test_limited_memory_is_allowed():
    """The user may do without the exact Hessian; no Hessian is evaluated then."""
    solution = solve(derivatives(cases.hs71), options={"hessian_approximation": "limited-memory"})
    assert solution.success and solution.evaluations["hessian"] == 0
    np.testing.assert_allclose(solution.objective, 17.0140173, rtol=1e-6)


def test_versions_are_recorded():
    """Ipopt and what it stands on."""
    versions = solve(derivatives(cases.hs71)).versions
    assert set(versions) >= {"ipopt", "jax", "numpy", "scipy", "lagrad"}


def test_repeated_solves_do_not_grow():
    """Thirty more solves leave Python's own memory where it was.

    A leak grows in every round; caches below us fill up in the first ones. The least growth counts.
    """
    compiled = derivatives(cases.banana)
    grown = []
    tracemalloc.start()
    for _ in range(4):
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(30):
            solve(compiled)
        gc.collect()
        grown.append(tracemalloc.get_traced_memory()[0] - before)
    tracemalloc.stop()
    assert min(grown) < 3000, grown


NAN_JACOBIAN = """
import jax.numpy as jnp
from lagrad.problem.constraints import Equality, Inequality
from lagrad.errors import DerivativeError
from lagrad.problem.problem import Problem
from lagrad.solvers import solve
from tests.solvers.dense import DenseDerivatives
problem = Problem(lambda x: x @ x, [0.0, 2.0], {"roots": Inequality(jnp.sqrt, lower=0.0)})
try:
    solve(DenseDerivatives(problem))
except DerivativeError as error:
    print("survived:", error)
"""


def test_a_nan_jacobian_does_not_crash_the_process(request):
    """With IPOPT's own defaults this is a segmentation fault; hence in a process of its own."""
    run = subprocess.run(
        [sys.executable, "-c", NAN_JACOBIAN],
        cwd=request.config.rootpath,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert "survived: `constraints`: the derivative of roots[0] by x[0] is inf" in run.stdout


def test_a_jacobian_that_becomes_nan_later_is_a_status():
    """sqrt(x)^2 at 0 has a value and no derivative: pulled there, the solve ends with the best point."""
    problem = Problem(
        lambda x: x[0] + x[1] ** 2,
        [1.0, 1.0],
        {"root": Inequality(lambda x: jnp.sqrt(jnp.maximum(x[0], 0.0)), lower=-1.0)},
    )
    try:
        solution = solve(DenseDerivatives(problem))
    except DerivativeError:
        pytest.fail("the start is fine")
    assert not solution.success and np.isfinite(solution.x).all()


def test_a_stopped_solve_goes_on_with_a_barrier_of_middle_size():
    """Its own may be far too small for where it stopped; a converged solve keeps nearer to its bounds."""
    compiled = derivatives(cases.hs71)
    whole, part = solve(compiled), solve(compiled, max_iterations=4)
    start, rough = warm(whole, compiled.problem), warm(part, compiled.problem)
    own = np.flatnonzero(part.history.objective == part.objective)[-1]
    assert rough.is_rough and rough.mu == np.clip(part.history.mu[own], *ROUGH_MU)
    assert not start.is_rough and settings.warm_options(start)["warm_start_bound_push"] == 1e-9
    assert settings.warm_options(rough)["warm_start_bound_push"] == 1e-3


def linear_rows(value: np.ndarray) -> Problem:
    """Eight equality rows of rank three for three variables."""
    matrix = np.random.default_rng(0).normal(size=(8, 3))
    return Problem(
        lambda x: jnp.sum(x**2),
        np.zeros(3),
        Equality(lambda x: matrix @ x, matrix @ np.arange(1.0, 4.0) + value),
    )


def test_more_equality_rows_than_variables_are_solved_where_they_can_be():
    """Rows that repeat each other have a solution, Ipopt's count of degrees of freedom or not."""
    solution = solve(linear_rows(np.zeros(8)), "ipopt")
    assert solution.status is Status.OPTIMAL
    np.testing.assert_allclose(solution.x, [1.0, 2.0, 3.0], atol=1e-6)


def test_more_equality_rows_than_variables_that_contradict_are_infeasible():
    """Not an error: nothing is wrong with the declaration."""
    assert solve(linear_rows(np.arange(8.0)), "ipopt").status is Status.INFEASIBLE


def test_fixed_variables_are_no_degrees_of_freedom():
    """Two rows, one variable that is free."""
    rows = Equality(lambda x: jnp.stack([x[0] + x[1] * x[2], x[0]]), np.array([2.0, 1.0]))
    problem = Problem(lambda x: jnp.sum((x - 2) ** 2), np.ones(3), rows, ([-5.0, 1.0, 1.0], [5.0, 1.0, 1.0]))
    solution = solve(problem, "ipopt")
    assert solution.status is Status.OPTIMAL and solution.x[0] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    "rows, options, is_loose", [(2, {}, False), (3, {}, True), (2, PERTURBED.options, True)]
)
def test_only_too_many_equality_rows_get_room(rows, options, is_loose):
    """As many as variables are only if they are taken to depend on each other; inequalities never."""
    sides = np.arange(rows + 1.0), np.append(np.arange(float(rows)), np.inf)
    problem = SimpleNamespace(
        constraint_lower=sides[0],
        constraint_upper=sides[1],
        limits=Limits.of(sides, (np.zeros(2), np.ones(2))),
    )
    low, high = row_sides(cast(Task, SimpleNamespace(problem=problem, options=options)))
    assert ((high - low)[:rows] > 0).all() == is_loose and (low[rows], high[rows]) == (rows, np.inf)
