"""Laws of the plan: every way and nesting gives the same matrices, and nothing is lost between parts."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
import lagrad_problems
from lagrad.compile import colored
from lagrad.compile.native import element_loops
from lagrad_problems import opf
from tests.derivatives.oracle import check, dense


def strategies(derivatives: lagrad.Derivatives) -> set[str]:
    """Names of all blocks."""
    return {block.strategy for block in (*derivatives.jacobian_blocks, *derivatives.hessian_blocks)}


def banded(n: int) -> lagrad.Problem:
    """A band that a loop hides from the split."""

    def rows(x):
        return jax.lax.fori_loop(0, 2, lambda k, y: jnp.sin(y) * jnp.roll(x, 1) + y[0] * 0, x)[1:]

    return lagrad.Problem(lambda x: jnp.sum(x**4), np.linspace(0.3, 0.9, n), lagrad.Equality(rows))


PROBLEMS = {
    "chain": (lambda: lagrad_problems.get("chained_rosenbrock", n=80).problem, {"elements"}),
    "power flow": (lambda: opf.opf_problem(opf.synthetic(15, seed=2)), {"elements"}),
    "free final time": (lambda: lagrad_problems.get("rocket", intervals=25).problem, {"elements"}),
}


@pytest.mark.parametrize("make, expected", PROBLEMS.values(), ids=PROBLEMS)
def test_structured_problems_are_elements_and_exact(make, expected):
    """Nothing is colored, and all entries are those of dense JAX."""
    derivatives = lagrad.differentiate(make())
    assert strategies(derivatives) == expected
    check(derivatives, count=1)


@pytest.mark.parametrize("strategy", ["auto", "elements"])
@pytest.mark.parametrize("kernel", [jnp.sin, lambda x: jax.lax.lgamma(1.5 + x) * jax.lax.bessel_i0e(x)])
def test_kernels_whose_code_would_be_too_long_are_swept(monkeypatch, kernel, strategy):
    """By our own rules and by JAX: their derivatives are not written out."""

    def rows(x):
        pairs = x.reshape(-1, 2)
        for _ in range(4):
            pairs = kernel(pairs[:, ::-1]) * pairs
        return pairs.ravel()

    def problem():
        return lagrad.Problem(lambda x: jnp.sum(x**2), np.linspace(0.3, 0.9, 80), lagrad.Equality(rows))

    whole = lagrad.differentiate(problem(), strategy="elements")
    assert strategies(whole) == {"elements"}
    monkeypatch.setattr(element_loops, "LONGEST", 60)
    derivatives = lagrad.differentiate(problem(), strategy=strategy)
    assert "elements" not in strategies(derivatives)
    check(derivatives, count=1)


def test_linear_problems_are_constant():
    """Nothing is evaluated for matrices that never change."""
    matrix = np.arange(12.0).reshape(3, 4)
    derivatives = lagrad.differentiate(
        lagrad.Problem(lambda x: jnp.sum(x), np.ones(4), lagrad.Equality(lambda x: matrix @ x))
    )
    assert strategies(derivatives) == {"constant"}
    np.testing.assert_array_equal(derivatives.jacobian(np.zeros(4)).toarray(), matrix)


@pytest.mark.parametrize(
    "function, beside", [(jnp.sort, {"colored", "dense"}), (lambda x: jnp.cumprod(0.5 + x), {"condensed"})]
)
def test_part_of_a_problem_is_lifted_and_the_rest_is_not(function, beside):
    """Elements and what has none add up; no entry is lost between them, and none counted twice."""

    def rows(x):
        return {
            "elements": x[1:] * jnp.sin(x[:-1]),
            "running": function(x)[:5],
            "mixed": jnp.exp(x[:4]) + function(x[3:7]) ** 2,
            "linear": x[::-1] - 2 * x,
        }

    problem = lagrad.Problem(
        lambda x: jnp.sum(x**3) + jnp.sum(x) ** 3, np.linspace(0.4, 1.0, 70), lagrad.Equality(rows)
    )
    derivatives = lagrad.differentiate(problem)
    assert strategies(derivatives) & beside
    assert "elements" in strategies(derivatives) or "condensed" in beside
    check(derivatives)


@pytest.mark.parametrize("mode", ["forward-over-forward", "reverse-over-forward", "reverse-over-reverse"])
def test_all_nestings_agree(mode):
    """To rounding, with forward over reverse and with dense JAX."""
    check(lagrad.differentiate(banded(9), strategy="colored", mode=mode, check=False), count=1)


def test_a_memory_limit_divides_the_sweeps_and_changes_no_value(monkeypatch):
    """Sweeps one at a time instead of all at once."""
    at_once, sweeps = [], colored.hessian

    def noted(outputs, coloring, chunk, mode):
        at_once.append(chunk)
        return sweeps(outputs, coloring, chunk, mode)

    monkeypatch.setattr(colored, "hessian", noted)
    problem, x, multipliers = banded(12), np.linspace(0.2, 0.8, 12), np.ones(11)
    whole = lagrad.differentiate(problem, strategy="dense", check=False)
    chunked = lagrad.differentiate(problem, strategy="dense", memory_limit=1, check=False)
    assert at_once[0] >= 12 and at_once[1] == 1
    np.testing.assert_allclose(chunked.jacobian(x).toarray(), whole.jacobian(x).toarray(), rtol=1e-12)
    found, expected = (each.hessian(x, multipliers).toarray() for each in (chunked, whole))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("strategy", ["elements", "colored", "dense"])
def test_choices_can_be_forced(strategy):
    """And all give the same."""
    problem = lagrad_problems.get("chained_rosenbrock", n=12).problem
    derivatives = lagrad.differentiate(problem, strategy=strategy, check=False)
    assert strategies(derivatives) == {strategy}
    check(derivatives, count=1)


def test_patterns_hold_every_entry_of_dense_jax_and_elements_no_more_than_coloring():
    """Entries by elements are at most those that detection finds."""
    problem = lagrad_problems.get("chained_rosenbrock", n=12).problem
    expected = dense(problem)(problem.start + 0.1, np.ones(10), 1.0)
    counts = {}
    for strategy in ("elements", "colored"):
        derivatives = lagrad.differentiate(problem, strategy=strategy, check=False)
        jacobian, hessian = np.zeros((10, 12), bool), np.zeros((12, 12), bool)
        jacobian[derivatives.jacobian_structure] = True
        hessian[derivatives.hessian_structure] = True
        assert jacobian[expected.jacobian != 0].all()
        assert hessian[np.tril(expected.hessian) != 0].all()
        counts[strategy] = (jacobian.sum(), hessian.sum())
    assert counts["elements"][0] <= counts["colored"][0]
    assert counts["elements"][1] <= counts["colored"][1]


def test_functions_without_forward_mode_are_swept_backwards():
    """A custom_vjp knows no JVP; rows and Hessian come by its own rule."""

    @jax.custom_vjp
    def square(x):
        return x**2

    square.defvjp(lambda x: (x**2, x), lambda x, w: (2 * x * w,))
    problem = lagrad.Problem(
        lambda x: jnp.sum(x**2), np.ones(6), lagrad.Equality(lambda x: square(x)[:3] * x[3:])
    )
    derivatives, x = lagrad.differentiate(problem, strategy="colored"), np.linspace(0.5, 1.5, 6)
    expected = np.hstack([np.diag(2 * x[:3] * x[3:]), np.diag(x[:3] ** 2)])
    np.testing.assert_allclose(derivatives.jacobian(x).toarray(), expected, rtol=1e-14)


def test_rules_that_loop_have_second_derivatives():
    """No nesting of JAX gives these, as of diffrax by its own adjoint; the gradient runs forward anyway."""

    @jax.custom_vjp
    def looped(x):
        return jax.lax.while_loop(lambda s: s[0] < 3, lambda s: (s[0] + 1, jnp.sin(s[1])), (0, x))[1]

    def back(x, w):
        step = lambda s: (s[0] + 1, jnp.sin(s[1]), s[2] * jnp.cos(s[1]))  # noqa: E731
        return (jax.lax.while_loop(lambda s: s[0] < 3, step, (0, x, w))[2],)

    looped.defvjp(lambda x: (looped(x), x), back)
    start, weights = np.linspace(0.3, 0.9, 4), np.linspace(1.0, 2.0, 3)
    rows = lambda fun: lambda x: fun(x)[1:] * x[:-1]  # noqa: E731
    problem = lagrad.Problem(lambda x: jnp.sum(looped(x) ** 2), start, lagrad.Equality(rows(looped)))
    with pytest.warns(lagrad.LagradWarning, match="as they are written"):
        found = lagrad.differentiate(problem, strategy="colored")
    sines = lambda x: jnp.sin(jnp.sin(jnp.sin(x)))  # noqa: E731
    plain = lagrad.Problem(lambda x: jnp.sum(sines(x) ** 2), start, lagrad.Equality(rows(sines)))
    expected = dense(plain)(start, weights, 0.5)
    np.testing.assert_allclose(found.jacobian(start).toarray(), expected.jacobian, atol=1e-14)
    np.testing.assert_allclose(found.hessian(start, weights, 0.5).toarray(), expected.hessian, atol=1e-13)
    direction = np.array([1.0, -2.0, 0.5, 3.0])
    np.testing.assert_allclose(
        found.hvp(start, weights, direction, 0.5), expected.hessian @ direction, atol=1e-13
    )
    np.testing.assert_allclose(found.jvp(start, direction), expected.jacobian @ direction, atol=1e-13)
    found.verify()


def test_functions_without_reverse_mode_are_swept_forwards():
    """A loop that ends when its values say so has no reverse mode; the user is told."""

    def rows(x):
        return jax.lax.while_loop(
            lambda state: state[0] < 3, lambda state: (state[0] + 1, jnp.sin(state[1])), (0, x)
        )[1]

    def unrolled(x):
        return jnp.sin(jnp.sin(jnp.sin(x)))

    start = np.linspace(0.3, 0.9, 4)
    with pytest.warns(lagrad.LagradWarning, match="while_loop has no reverse mode"):
        found = lagrad.differentiate(
            lagrad.Problem(lambda x: jnp.sum(x**2), start, lagrad.Equality(rows)), check=False
        )
    at = dense(lagrad.Problem(lambda x: jnp.sum(x**2), start, lagrad.Equality(unrolled)))
    expected = at(start, np.ones(4), 0.5)
    np.testing.assert_allclose(found.jacobian(start).toarray(), expected.jacobian, atol=1e-14)
    np.testing.assert_allclose(found.hessian(start, np.ones(4), 0.5).toarray(), expected.hessian, atol=1e-13)
