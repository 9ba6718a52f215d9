"""Laws of condensed derivatives: those of dense JAX, in the pattern that is found without states."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad.condensing import condensed as condensing
from lagrad.derivatives.summary import figures
from lagrad.precision import float64
from tests.condensing.models import MODELS, Model

RTOL = 1e-9


def problem_of(model: Model, start: np.ndarray) -> lagrad.Problem:
    """The model as a problem."""
    return lagrad.Problem(model.objective, start, lagrad.Equality(model.rows), params=model.params)


def close(found, expected) -> None:
    """Equal to rounding, by the largest number."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=RTOL * (1.0 + np.abs(expected).max()))


@pytest.mark.parametrize("name", MODELS)
def test_derivatives_are_those_of_jax(name):
    """Values, gradient, J and H at two points, for weights of either sign."""
    model, random = MODELS[name](), np.random.default_rng(3)
    start = random.uniform(-0.5, 0.8, model.size)
    derivatives = lagrad.differentiate(problem_of(model, start))
    assert {each.strategy for each in derivatives.jacobian_blocks} == {"condensed"}
    for point in (start, random.uniform(-0.5, 0.5, model.size)):
        weights = random.normal(size=derivatives.m)
        with float64():
            x, params = jnp.asarray(point), jax.tree.map(jnp.asarray, model.params)

            def lagrangian(x, weights=weights, params=params):
                return 0.3 * model.objective(x, params) + weights @ model.rows(x, params)

            expected = model.objective(x, params), model.rows(x, params)
            slopes, jacobian = jax.grad(model.objective)(x, params), jax.jacfwd(model.rows)(x, params)
            hessian = jax.jacfwd(jax.jacrev(lagrangian))(x)
        close(derivatives.objective(point), expected[0])
        close(derivatives.constraints(point), expected[1])
        close(derivatives.gradient(point), slopes)
        close(derivatives.jacobian(point).toarray(), jacobian)
        close(derivatives.hessian(point, weights, 0.3).toarray(), hessian)


@pytest.mark.parametrize("name", MODELS)
def test_patterns_are_those_found_without_states(name):
    """Neither more nor fewer entries, no entry twice, and lower entries only."""
    model = MODELS[name]()
    start = np.linspace(-0.5, 0.8, model.size)
    derivatives = lagrad.differentiate(problem_of(model, start))
    with float64():
        params = jax.tree.map(jnp.asarray, model.params)
        rows = lagrad.jacobian_sparsity(lambda x: model.rows(x, params), start)
        both = lagrad.hessian_sparsity(
            lambda x: model.objective(x, params) + jnp.sum(jnp.sin(model.rows(x, params))), start
        )
    assert (derivatives.jacobian_pattern.toarray() == rows.toarray()).all()
    # A sine makes entries where a linear row has none.
    assert not (derivatives.hessian_pattern.toarray() & ~both.toarray()).any()
    low, high = derivatives.hessian_structure
    assert (low >= high).all()
    assert len({*zip(low.tolist(), high.tolist(), strict=True)}) == low.size


def test_params_may_change():
    """Start, rate and data of the loop are read at each call."""
    model = MODELS["with_params"]()
    derivatives = lagrad.differentiate(problem_of(model, np.zeros(model.size)))
    other = {
        "start": np.array([-0.4, 0.3]),
        "rate": np.array(0.7),
        "gains": np.linspace(1.0, 2.0, model.size),
    }
    point = np.linspace(-0.3, 0.3, model.size)
    with float64():
        expected = jax.jacfwd(model.rows)(jnp.asarray(point), jax.tree.map(jnp.asarray, other))
    close(derivatives.jacobian(point, params=other).toarray(), expected)


def test_threads_may_evaluate_at_the_same_time():
    """Each call computes in a vector of its own."""
    model = MODELS["controls"]()
    derivatives = lagrad.differentiate(problem_of(model, np.zeros(model.size)))
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (16, model.size))
    weights = np.ones(derivatives.m)
    expected = [(derivatives.jacobian_values(x), derivatives.hessian_values(x, weights)) for x in points]
    for _ in range(10):
        with ThreadPoolExecutor(8) as pool:
            jacobians = [*pool.map(derivatives.jacobian_values, points)]
            hessians = [*pool.map(lambda x: derivatives.hessian_values(x, weights), points)]
        for (one, other), jacobian, hessian in zip(expected, jacobians, hessians, strict=True):
            np.testing.assert_array_equal(jacobian, one)
            np.testing.assert_array_equal(hessian, other)


def test_linear_steps_make_linear_rows():
    """Rows of states that are linear in the controls are said to be constant."""
    for name, rows in {"linear": 60, "controls": 0}.items():
        derivatives = lagrad.differentiate(problem_of(MODELS[name](), np.zeros(60)))
        assert figures(derivatives)["Jacobian"]["constant rows"] == rows


def test_what_is_too_large_is_left_to_colors(monkeypatch):
    """Where a vector would have too many numbers nothing is condensed, and all is right."""
    monkeypatch.setattr(condensing, "MOST_NUMBERS", 100)
    model = MODELS["controls"]()
    derivatives = lagrad.differentiate(problem_of(model, np.full(model.size, 0.1)))
    assert "condensed" not in {each.strategy for each in derivatives.jacobian_blocks}
    point = np.linspace(-0.3, 0.3, model.size)
    with float64():
        expected = jax.jacfwd(lambda x: model.rows(x, 0.0))(jnp.asarray(point))
    close(derivatives.jacobian(point).toarray(), expected)


def test_a_controlled_pendulum_is_brought_to_rest():
    """A solve with IPOPT's or SciPy's steps ends where the last state is zero."""

    def last(x):
        def step(z, u):
            return jnp.stack([z[0] + 0.1 * z[1], z[1] + 0.1 * (u - jnp.sin(z[0]))]), None

        return jax.lax.scan(step, jnp.array([0.5, 0.0]), x)[0]

    problem = lagrad.Problem(lambda x: jnp.sum(x**2), np.zeros(60), {"rest": lagrad.Equality(last)})
    solution = lagrad.solve(problem)
    assert solution.success
    with float64():
        np.testing.assert_allclose(last(jnp.asarray(solution.x)), 0.0, atol=1e-7)
