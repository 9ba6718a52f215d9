"""Check that what is listed is what the function computes, and that JAX gets its equations when it asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.extend
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from jax import lax
from jax.errors import TracerBoolConversionError, UnexpectedTracerError

import lagrad
from lagrad.program import trace as tracing
from lagrad.tracing import Listing, emit, listed, lister
from tests.tracing.programs import BINARY, function_of, listing_of, same_results, steps
from tests.tracing.test_quick import ARRAYS, DATA, NUMBERS, READS, WRITES

pytestmark = pytest.mark.usefixtures("x64")


def same(function: Callable, x: np.ndarray, monkeypatch) -> Listing | None:
    """Compare values and both derivatives with those of JAX's own trace; give the list."""
    monkeypatch.setattr(lister, "FEWEST", 1)
    listing = listing_of(function, x)
    monkeypatch.setattr(lister, "FEWEST", 10**9)

    def again(x):
        return emit(listing, jax.tree.leaves(x)) if listing else listed(function, x)[0]

    # Once from the list, and once from tracers that JAX asked for.
    for run in (again, lambda x: listed(function, x)[0]):
        for each in (lambda f: f, jax.jacfwd, jax.jacrev):
            expected = jax.jit(each(lambda x: jax.tree.leaves(function(x))))(x)
            found = jax.jit(each(lambda x, run=run: jax.tree.leaves(jax.jit(run)(x))))(x)
            for one, other in zip(found, expected, strict=True):
                np.testing.assert_array_equal(one, other)
    return listing


BOTH_WAYS = {name: function for name, function in ARRAYS.items() if name != "a while"}
FUNCTIONS = {
    **{f"numbers: {name}": lambda x, f=function: real(f(x[0], x[1])) for name, function in NUMBERS.items()},
    **{f"arrays: {name}": lambda x, f=function: real(f(x)) for name, function in BOTH_WAYS.items()},
    **{f"reads: {name}": function for name, function in READS.items()},
    **{f"writes: {name}": lambda x, f=function: f((x * 1.0).at, x) for name, function in WRITES.items()},
}


def real(values: Any) -> list:
    """Results that have derivatives, in float64."""
    return [jnp.real(each).astype(float) for each in jax.tree.leaves(values)]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_slopes_are_those_of_jax(name, monkeypatch):
    same(FUNCTIONS[name], np.abs(DATA) + 0.5, monkeypatch)


WHOLLY = {
    "arithmetic": lambda x: [x[0] * x[1] - x[2] / 3.0, -x[0], 2 - x[1], x[0] ** -2],
    "functions": lambda x: [jnp.sin(x[0]), jnp.exp(-(x[1] ** 2)), x[2] ** 0.5, jnp.sqrt(x[0]), abs(x[1])],
    "choices": lambda x: [jnp.where(x[0] > 1.0, x[1], x[2]), jnp.maximum(x[0], 0.5), jnp.hypot(x[0], x[1])],
    "arrays": lambda x: [x * 2.0 + DATA, x[1:] - x[:-1], jnp.stack([x[0], x[1]]), x @ x, jnp.sum(x)],
    "taken apart": lambda x: (lambda a, b, c: [a * b, c, *jnp.split(x, 3)])(*x),
    "filled": lambda x: [jnp.zeros(3).at[1].set(x[0] * 2.0).at[np.array([0, 2])].add(x[:2])],
    "a matrix": lambda x: [x.reshape(3, 1)[1, 0], x.reshape(1, 3)[0], x.reshape(3, 1).T],
    "a short function": lambda x: [jax.jit(lambda y: y * x[0] + y[1])(x)],
}


@pytest.mark.parametrize("name", WHOLLY)
def test_ordinary_code_is_wholly_listed(name, monkeypatch):
    assert same(WHOLLY[name], np.abs(DATA) + 0.5, monkeypatch) is not None


LEFT = {
    "a scan": lambda x: [lax.scan(lambda c, y: (c * y + x[0], c), x[1] * 2.0, x)[0] * x[2]],
    "a while": lambda x: [lax.fori_loop(0, 3, lambda i, c: c * x[0], x[1]) + x[0] * x[1]],
    "a rule of its own": lambda x: [jax.nn.relu(x[0] * x[1]) * x[0] * x[1], jax.nn.softplus(x[2])],
    "sorting": lambda x: [jnp.sort(x * x[0]) * (x[0] + x[1])],
    "vmap": lambda x: [jax.vmap(lambda y: y * x[0] * x[1])(x) * x[0]],
    "a gradient": lambda x: [jax.grad(lambda y: y[0] * x[1] ** 2 + jnp.sin(y[2]))(x * 2.0) * x[0]],
    "arrays of JAX": lambda x: [jnp.arange(3) * x, jnp.linspace(0.0, 1.0, 3) * x * x[0]],
    "whole numbers": lambda x: [x * jnp.argmax(x), x[jnp.argmin(x * x[0])]],
    "checkpoint": lambda x: [jax.checkpoint(lambda y: jnp.sin(y * x[0]))(x * x[1]) * x[0]],
}


@pytest.mark.parametrize("name", LEFT)
def test_jax_takes_up_what_was_listed(name, monkeypatch):
    same(LEFT[name], np.abs(DATA) + 0.5, monkeypatch)


MORE = (
    *BINARY,
    lambda a, b: jnp.where(a > b, a, b),
    lambda a, b: jnp.sum(jnp.sort(jnp.ravel(a))) * b,
    lambda a, b: jnp.stack([jnp.sum(a), jnp.sum(b)]),
)


@given(steps(len(MORE)))
@settings(max_examples=40, deadline=None)
def test_random_programs_have_the_same_values(plan):
    function = function_of(plan, MORE)
    same_results(lambda x: listed(function, x)[0], function, DATA)


def test_true_is_no_place(monkeypatch):
    """It is equal to 1, and an axis more to NumPy."""
    same(lambda x: [x[1], x[True], x[None][0, True], x[0], x[False]], DATA, monkeypatch)
    same(lambda y: [y[1, 0], y[1, False], y[True], y[True, 1], y[2, 0]], DATA.reshape(3, 1), monkeypatch)


@pytest.mark.parametrize("size", [3, 200])
def test_an_array_that_is_filled_anew_keeps_what_it_was(size):
    """Where JAX would take what it holds at the end."""

    def function(x):
        weights, total = np.zeros(size), 0.0
        for k in range(40):
            weights[:] = k
            total = total + x @ weights + x[0] * k
        return total

    x = np.linspace(0.5, 1.5, size)
    found = lagrad.differentiate(lagrad.Problem(function, x))
    np.testing.assert_allclose(found.gradient(x), 780.0 * (1.0 + np.eye(size)[0]), rtol=1e-13)


def test_a_branch_keeps_what_is_in_it():
    """Outside of it, a division by zero would make the slope of the other branch nan."""

    def function(x):
        return lax.cond(x[1] > 0.0, lambda: x[0] / x[1], lambda: x[0] * 2.0)

    slope = jax.jit(jax.grad(lambda x: listed(function, x)[0]))(np.array([3.0, 0.0, 1.0]))
    np.testing.assert_array_equal(slope, [2.0, 0.0, 0.0])


def test_few_digits_and_keys_are_left_to_jax():
    for function in (
        lambda x, k: x * np.float32(0.5) * jnp.float32(0.1),
        lambda x, k: x * jax.random.normal(k, (3,)),
    ):
        key = jax.random.key(0)
        expected = jax.jit(function)(DATA, key)
        np.testing.assert_array_equal(
            jax.jit(lambda x, k, f=function: listed(f, x, k)[0])(DATA, key), expected
        )


def test_a_tracer_that_leaks_is_told(monkeypatch):
    for fewest in (1, 10**9):
        monkeypatch.setattr(lister, "FEWEST", fewest)
        kept = []
        listing_of(lambda x, kept=kept: kept.append(x[0] * 2.0) or x[0] * x[1], DATA)
        with pytest.raises(UnexpectedTracerError):
            jax.jit(lambda x, kept=kept: x * kept[0])(DATA)


def test_leaks_are_not_made():
    with jax.checking_leaks():
        jax.make_jaxpr(lambda x: listed(lambda x: x[0] * x[1], x)[0])(DATA)


def test_a_branch_in_python_is_told():
    with pytest.raises(TracerBoolConversionError, match="depends on the value of the argument x"):
        jax.make_jaxpr(lambda x: listed(lambda x: x if x[0] * 2.0 > 0.0 else -x, x)[0])(DATA)


def test_another_jax_is_traced_as_ever(monkeypatch):
    monkeypatch.setattr(lister, "is_known", lambda: False)
    assert listing_of(lambda x: [x[k % 3] * x[0] for k in range(99)], DATA) is None


def loop(x):
    """A function of single numbers."""
    return sum(jnp.sin(x[i]) * x[i + 1] ** 2 / (1.0 + x[i] ** 2) for i in range(40))


def test_a_problem_is_rolled_up_from_its_list(monkeypatch):
    problem = lagrad.Problem(loop, np.linspace(0.1, 1.0, 41))
    assert problem.traced.listing is not None
    monkeypatch.setattr(lister, "ListingTrace", None)
    found = lagrad.differentiate(problem)
    assert {block.strategy for block in found.hessian_blocks} == {"elements"}
    assert len(found.program.equations) < 40
    expected = jax.hessian(loop)(problem.start)
    np.testing.assert_allclose(found.hessian(problem.start, []).toarray(), expected, rtol=1e-12, atol=1e-14)


def test_what_was_rolled_up_wrongly_is_told(monkeypatch):
    rolled = tracing.rolled_list

    def wrong(*given):
        run = rolled(*given)
        return lambda *leaves: [1.5 * each for each in run(*leaves)]

    monkeypatch.setattr(tracing, "rolled_list", wrong)
    with pytest.raises(lagrad.DerivativeError):
        lagrad.differentiate(lagrad.Problem(loop, np.linspace(0.1, 1.0, 41)))


def test_problems_that_are_listed_verify():
    rows = lambda x, p: {"a": [p["a"][k] * x["u"][k] * x["v"][1, k] for k in range(30)], "b": x["u"][:2]}  # noqa: E731
    start = {"u": np.linspace(0.2, 1.0, 30), "v": np.linspace(1.0, 2.0, 90).reshape(3, 30)}
    problem = lagrad.Problem(
        lambda x, p: sum(x["v"][k % 3, k] ** 2 * p["b"] for k in range(30)),
        start,
        lagrad.Equality(rows),
        params={"a": np.linspace(1.0, 3.0, 30), "b": 2.5, "count": np.arange(3)},
    )
    assert problem.traced.listing is not None
    found = lagrad.differentiate(problem)
    assert len(found.program.equations) < len(problem.traced.listing.operations) / 2
    found.verify()
    expected = problem.params["a"] * start["u"] * start["v"][1]
    np.testing.assert_allclose(found.values(start)[1], [*expected, *start["u"][:2]])


def test_what_is_no_array_may_be_among_the_params():
    """A random key that nothing takes, and whole numbers."""
    params = {"key": jax.random.key(0), "count": np.arange(3), "weight": 2.0}
    problem = lagrad.Problem(lambda x, p: p["weight"] * loop(x), np.linspace(0.1, 1.0, 41), params=params)
    assert problem.traced.listing is not None
    found = lagrad.differentiate(problem)
    np.testing.assert_allclose(found.gradient(problem.start), 2.0 * jax.grad(loop)(problem.start), rtol=1e-12)


def test_named_numbers_are_rolled_up_as_one_array():
    start = {f"x{k}": 1.0 + 0.01 * k for k in range(80)}
    product = lambda x: sum(x[f"x{k}"] * jnp.sin(x[f"x{k + 1}"]) for k in range(79))  # noqa: E731
    found = lagrad.differentiate(lagrad.Problem(product, start))
    assert len(found.program.equations) < 20
    x = np.array([*start.values()])
    names = sorted(start)
    expected = jax.hessian(lambda x: product(dict(zip(names, x, strict=True))))(
        jnp.array([start[name] for name in names])
    )
    np.testing.assert_allclose(found.hessian(start, []).toarray(), expected, rtol=1e-12, atol=1e-14)
    assert x.size == found.n
