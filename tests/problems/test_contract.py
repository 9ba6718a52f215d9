"""Every problem of the suite through the battery of tests/contract.py."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

import lagrad
from lagrad_problems import Entry, get, names
from tests.contract import check_conditions, check_derivatives, check_optimum

# A size for each sized problem whose optimum is known and which dense JAX can afford.
SIZES = {
    "ac_opf": {"buses": 5},
    "cart_pole": {"intervals": 20},
    "chained_rosenbrock": {"n": 20},
    "clnlbeam": {"intervals": 50},
    "elliptic_control": {"grid": 8},
    "gather_network": {"nodes": 100},
    "hanging_chain": {"intervals": 20},
    "multiple_shooting": {"intervals": 20},
    "rocket": {"intervals": 20},
    "tanh_network": {"units": 4, "inputs": 3, "samples": 50},
}
# One of each kind: equalities, inequalities, both, bounds alone, rank-deficient, dense; all compile quickly.
FAST = ("hs6", "hs38", "hs43", "hs55", "hs71", "hs112", *(SIZES.keys() - {"multiple_shooting", "rocket"}))
METHODS = ("ipopt", "trust-constr")
# Where a solver does not get there, and why.
FAILURES = {
    ("hard_dependent_rows", "ipopt"): "ends where multipliers are enormous and cancel",
    ("hard_saddle_start", "ipopt"): "stays on the stationary point where it starts",
    ("hard_waechter_biegler", "ipopt"): "ends in a point of least infeasibility",
    ("hs54", "trust-constr"): "stops where the objective is flat: variables of 1e8 beside some of 1e-3",
    ("hs90", "trust-constr"): "creeps along the singular direction until the iteration limit",
}


def each(chosen=None):
    """Run a test for each problem; those that are not chosen are slow."""
    chosen = FAST if chosen is None else chosen
    marks = {True: (), False: (pytest.mark.slow,)}
    parameters = [pytest.param(name, marks=marks[name in chosen]) for name in names()]
    return pytest.mark.parametrize("name", parameters)


@cache
def entry(name: str) -> Entry:
    """The problem in its test size, declared once."""
    return get(name, **SIZES.get(name, {}))


@cache
def derivatives(name: str) -> lagrad.Derivatives:
    """Compiled once for all tests."""
    return lagrad.differentiate(entry(name).problem)


@each()
def test_derivatives_are_those_of_dense_jax(name):
    """To 1e-10, at the start and at random points."""
    check_derivatives(derivatives(name))


@pytest.mark.parametrize("method", METHODS)
@each()
def test_known_optimum_is_found(name, method, request):
    """The objective is the published one, and the multipliers satisfy the conditions."""
    if method == "ipopt":
        pytest.importorskip("cyipopt")
    if method == "trust-constr" and not (name.startswith("hs") or name in SIZES):
        pytest.skip("one method is enough for this collection")
    if (name, method) in FAILURES:
        request.applymarker(pytest.mark.xfail(reason=FAILURES[name, method], strict=True))
    solution = lagrad.solve(derivatives(name), method)
    if entry(name).outcome is not lagrad.Status.OPTIMAL:
        assert solution.status is entry(name).outcome
        return
    check_optimum(entry(name), solution)
    # Where no multipliers exist, or unbounded ones, a point may be good and its conditions not.
    if entry(name).difficulty == "normal":
        check_conditions(entry(name).problem, solution)


LARGER = (
    ("ac_opf", {"buses": 300}),
    ("cart_pole", {"intervals": 100}),
    ("chained_rosenbrock", {"n": 10000}),
    ("clnlbeam", {"intervals": 500}),
    ("elliptic_control", {"grid": 50}),
    ("gather_network", {"nodes": 1000}),
    ("hanging_chain", {"intervals": 200}),
    ("multiple_shooting", {"intervals": 200}),
    ("rocket", {"intervals": 200}),
    ("tanh_network", {}),
)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "sizes"), LARGER)
def test_known_optimum_of_a_larger_size_is_found(name, sizes):
    """IPOPT reaches it with lagrad's sparse derivatives, where dense ones are out of reach."""
    pytest.importorskip("cyipopt")
    larger = get(name, **sizes)
    check_optimum(larger, lagrad.solve(larger.problem))


PGLIB = Path(os.environ.get("LAGRAD_PGLIB", ""))
COSTS = {
    "case3_lmbd": 5812.6,
    "case5_pjm": 17552.0,
    "case14_ieee": 2178.1,
    "case30_ieee": 8208.5,
    "case57_ieee": 37589.0,
    "case118_ieee": 97214.0,
    "case300_ieee": 565220.0,
    "case500_goc": 454950.0,
    "case1354_pegase": 1258800.0,
    "case2869_pegase": 2462800.0,
    "case10000_goc": 1354000.0,
}


@pytest.mark.slow
@pytest.mark.skipif(
    "LAGRAD_PGLIB" not in os.environ, reason="LAGRAD_PGLIB names no folder with PGLib's cases"
)
@pytest.mark.parametrize("case", COSTS)
def test_published_costs_of_power_flow_are_found(case):
    """PGLib v23.07 prints five digits of the cost."""
    pytest.importorskip("cyipopt")
    solution = lagrad.solve(get("ac_opf", path=PGLIB / f"pglib_opf_{case}.m").problem)
    assert solution.success
    assert solution.objective == pytest.approx(COSTS[case], rel=1e-4)
