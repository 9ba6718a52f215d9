"""Checks that need no list of faults: two ways to one answer agree, known answers come out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lagrad
import lagrad_problems
from lagrad import Equality, Inequality, Problem
from lagrad_problems import opf
from tests.derivatives.oracle import assert_close, dense
from tests.derivatives.programs import family, problem_of
from tests.faults.planted import N, Planted, disks, line, objective, plant

METHODS = ("ipopt", "trust-constr")
both = pytest.mark.parametrize("method", METHODS)

LOOPS = ("sort", "scan", "branch", "running product")
PROBLEMS = {
    "hs71": lambda: lagrad_problems.get("hs71").problem,
    "rocket": lambda: lagrad_problems.get("rocket", intervals=6).problem,
    "power flow": lambda: opf.opf_problem(opf.synthetic(5, seed=1)),
    "loops and sorts": lambda: problem_of([step for step in family("long") if step.name in LOOPS]),
}
several = pytest.mark.parametrize("name", PROBLEMS)


@cache
def derivatives_of(name: str) -> lagrad.Derivatives:
    """Compiled once for all checks."""
    return lagrad.differentiate(PROBLEMS[name]())


def points(problem: Problem, count: int):
    """Random points near the start, with multipliers and an objective weight; zeros among the latter."""
    random = np.random.default_rng(0)
    for number in range(count):
        x = problem.start * random.uniform(0.8, 1.2, problem.n) + random.uniform(-0.05, 0.05, problem.n)
        multipliers = np.zeros(problem.m) if number % 5 == 0 else random.normal(size=problem.m)
        yield x, multipliers, 0.0 if number % 7 == 0 else random.normal(), random.normal(size=problem.n)


@several
def test_sparse_dense_and_products_agree_at_twenty_points(name):
    """J, J v, H, H v and the symmetry of H; multipliers and objective weight zero now and then."""
    derivatives = derivatives_of(name)
    at = dense(derivatives.problem)
    for x, multipliers, weight, v in points(derivatives.problem, 21):
        expected = at(x, multipliers, weight)
        jacobian, hessian = derivatives.jacobian(x), derivatives.hessian(x, multipliers, weight)
        scale = np.abs(expected.hessian).max(initial=1.0)
        assert_close("jacobian", jacobian.toarray(), expected.jacobian)
        assert_close("jvp", derivatives.jvp(x, v), jacobian @ v, np.abs(expected.jacobian).max(initial=1.0))
        assert_close("hessian", hessian.toarray(), expected.hessian, scale)
        assert_close("hvp", derivatives.hvp(x, multipliers, v, weight), hessian @ v, scale * np.abs(v).sum())
        assert abs(hessian - hessian.T).max() == 0.0
    nothing = derivatives.hessian(x, np.zeros(derivatives.m), 0.0)
    assert np.all(nothing.data == 0.0)


@several
def test_remainders_of_taylors_formula_are_of_second_order(name):
    """Halving a step quarters what c and the Lagrangian's gradient differ from their linear models."""
    derivatives = derivatives_of(name)
    random = np.random.default_rng(1)
    # Far enough from ties that no sort and no branch changes within the step.
    x = derivatives.problem.start * np.linspace(0.9, 1.1, derivatives.n)
    v, multipliers = random.normal(size=derivatives.n), random.normal(size=derivatives.m)
    v *= 0.1 * np.maximum(np.abs(x), 0.1)

    def slope(x):
        return derivatives.gradient(x) + derivatives.jacobian(x).T @ multipliers

    first, second = derivatives.jacobian(x), derivatives.hessian(x, multipliers)
    for function, matrix in ((derivatives.constraints, first), (slope, second)):
        remainders = [
            np.abs(function(x + h * v) - function(x) - h * (matrix @ v)).max() for h in (2e-2, 1e-2, 5e-3)
        ]
        orders = np.log2(np.array(remainders[:-1]) / remainders[1:])
        assert np.all(orders > 1.8), (remainders, orders)


@dataclass(frozen=True)
class Form:
    """Another way to write a problem in x.

    Args:
        into: x, shape (N,), to the variables of this form; must take arrays of bounds, too.
        back: these variables to x.
        factors: of the objective, and of the rows.
        names: order of the constraints.
    """

    into: Callable[[np.ndarray], Any] = lambda x: x
    back: Callable[[Any], Any] = lambda y: y
    factors: tuple[float, float] = (1.0, 1.0)
    names: tuple[str, str] = ("line", "disks")


ORDER = np.array([3, 0, 5, 1, 4, 2])
UNITS = np.array([0.1, 10.0, 1.0, 5.0, 0.2, 2.0])
FORMS = {
    "as it is": Form(),
    "variables permuted": Form(lambda x: x[ORDER], lambda y: y[np.argsort(ORDER)]),
    "constraints reordered": Form(names=("disks", "line")),
    "all scaled": Form(lambda x: x / UNITS, lambda y: y * UNITS, factors=(3.0, 0.1)),
    "a pytree": Form(
        lambda x: {"b": x[:2].reshape(2, 1), "a": (x[2], x[3:])},
        lambda y: jnp.concatenate([jnp.ravel(y["b"]), jnp.ravel(y["a"][0]), y["a"][1]]),
    ),
}


@cache
def written(name: str) -> lagrad.Derivatives:
    """The planted problem in a form, compiled once for all data."""
    form, example = FORMS[name], plant(0)
    of_objective, of_rows = form.factors
    rows = {
        "line": Equality(lambda y, data: of_rows * line(form.back(y), data)),
        "disks": Inequality(lambda y, data: of_rows * disks(form.back(y), data), upper=0.0),
    }
    return lagrad.differentiate(
        Problem(
            lambda y, data: of_objective * objective(form.back(y), data),
            form.into(example.start),
            {row: rows[row] for row in form.names},
            params=example.params,
        )
    )


def solved(name: str, planted: Planted, method: str) -> lagrad.Solution:
    """The solution in a form."""
    form = FORMS[name]
    bounds = form.into(planted.lower), form.into(planted.upper)
    start = form.into(planted.start)
    return lagrad.solve(written(name), method, x0=start, params=planted.params, bounds=bounds)


@both
@pytest.mark.parametrize("name", FORMS)
@settings(max_examples=3)
@given(seed=st.integers(0, 10**6))
def test_a_planted_optimum_is_found_however_the_problem_is_written(name, method, seed):
    """Point, objective and multipliers are the planted ones; order, units and containers do not matter."""
    planted, form = plant(seed), FORMS[name]
    solution = solved(name, planted, method)
    factor = form.factors[0] / form.factors[1]
    assert solution.success, solution.message
    np.testing.assert_allclose(np.asarray(form.back(solution.x)), planted.x, atol=1e-4)
    least = float(planted.params.slope @ planted.x)
    assert solution.objective / form.factors[0] == pytest.approx(least, abs=1e-5)
    np.testing.assert_allclose(solution.multipliers["line"], factor * planted.line, atol=1e-3 * factor)
    np.testing.assert_allclose(solution.multipliers["disks"], factor * planted.disks, atol=1e-3 * factor)
    if name == "as it is":
        np.testing.assert_allclose(solution.bound_multipliers.lower, planted.below, atol=1e-3)
        np.testing.assert_allclose(solution.bound_multipliers.upper, planted.above, atol=1e-3)


@settings(max_examples=5)
@given(seed=st.integers(0, 10**6))
def test_derivatives_do_not_depend_on_how_the_problem_is_written(seed):
    """The Jacobian in every form is that of the first, its columns and rows carried along."""
    planted, random = plant(seed), np.random.default_rng(seed)
    x = random.normal(size=N)
    plain = written("as it is").jacobian(x, params=planted.params).toarray()
    for name, form in FORMS.items():
        found = written(name).jacobian(form.into(x), params=planted.params).toarray()
        columns = np.stack([flat(form.into(unit)) for unit in np.eye(N)], axis=1)
        rows = plain if form.names[0] == "line" else np.roll(plain, -1, axis=0)
        np.testing.assert_allclose(found @ columns, form.factors[1] * rows, rtol=1e-12, atol=1e-12)


def flat(tree: Any) -> np.ndarray:
    """Entries of a form's variables, in JAX's order."""
    return np.concatenate([np.ravel(leaf) for leaf in leaves(tree)])


def leaves(tree: Any) -> list:
    """Arrays of a form, dicts by sorted keys: what JAX does, written apart."""
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree) for leaf in leaves(tree[key])]
    if isinstance(tree, tuple):
        return [leaf for part in tree for leaf in leaves(part)]
    return [tree]


@settings(max_examples=3)
@given(seed=st.integers(0, 10**6))
def test_both_solvers_give_the_same_answer(seed):
    """Point, objective and multipliers, to the accuracy that both were asked for."""
    planted = plant(seed)
    first, second = (solved("as it is", planted, method) for method in METHODS)
    assert first.objective == pytest.approx(second.objective, abs=1e-6)
    np.testing.assert_allclose(first.x, second.x, atol=1e-4)
    np.testing.assert_allclose(first.multipliers["disks"], second.multipliers["disks"], atol=1e-3)
