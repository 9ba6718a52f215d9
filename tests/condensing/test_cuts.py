"""Laws of long sums inside of nonlinear functions: taken as states, with the derivatives of dense JAX."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad.precision import float64

N = 40
MATRIX = np.random.default_rng(0).normal(size=(N, N)) / N
GRAM = np.eye(N) + MATRIX @ MATRIX.T
WEIGHTS = np.linspace(0.5, 1.5, N)

# (x, params) -> rows
FUNCTIONS = {
    "norm": lambda x, p: jnp.sqrt(jnp.sum((x - p) ** 2))[None],
    "norm of products": lambda x, p: jnp.linalg.norm(x[1:] * x[:-1])[None] * p,
    "ratio": lambda x, p: (jnp.sum(jnp.sin(x)) / (1.0 + x @ x))[None],
    "largest taken out": lambda x, p: jax.nn.logsumexp(p * x)[None],
    "probabilities": lambda x, p: jax.nn.softmax(x)[:5],
    "groups": lambda x, p: jnp.log(jnp.sum(jnp.exp(x.reshape(2, -1)), axis=1)),
    "standard deviation": lambda x, p: p * WEIGHTS @ x / jnp.sqrt(x @ GRAM @ x) * jnp.ones(1),
    "normalized": lambda x, p: x[:3] / jnp.sum(x**2),
    "sum of a sum": lambda x, p: jnp.sum(jnp.sin(x) / jnp.sqrt(1.0 + jnp.sum(jnp.exp(x))))[None] ** 3,
    "layers": lambda x, p: jnp.tanh(MATRIX[:20] @ jnp.sin(MATRIX @ jnp.cos(x) + p)),
    "with a loop": lambda x, p: jnp.sqrt(
        jnp.sum(jax.lax.scan(lambda z, u: (jnp.sin(z) * 0.9 + u * p,) * 2, 0.1, jnp.tile(x, 3))[1] ** 2)
    )[None],
    "standardized": lambda x, p: (x - jnp.mean(x)) / jnp.std(x) * p,
    "variance": lambda x, p: jnp.var(x * p)[None],
    "covariances": lambda x, p: jnp.cov(x.reshape(2, -1)).ravel() * p,
    "wide layer": lambda x, p: jnp.tanh(MATRIX @ x * p),
    "matrix of variables": lambda x, p: jnp.sin(jnp.outer(x[:20], x[20:]) @ x[:20] + p),
    "running sum": lambda x, p: jnp.sin(jnp.cumsum(p * x)),
    "running sum of others": lambda x, p: jnp.cos(jnp.cumsum(jnp.sin(x), 0)) * p,
    "running backwards": lambda x, p: jax.lax.cumsum(x, 0, reverse=True) ** 2 * p,
    "running product": lambda x, p: jnp.cumprod(1.0 + 0.1 * p * x),
    "running along an axis": lambda x, p: (
        jnp.cumsum(x.reshape(20, 2), axis=0) ** 2 * jnp.sqrt(1.0 + p * jnp.sum(x**2))
    ).ravel(),
    "product": lambda x, p: jnp.prod(0.5 + p * x)[None],
    "products of rows": lambda x, p: jnp.log(jnp.prod(jnp.exp(x.reshape(2, 20)) + p, axis=1)),
    "still product": lambda x, p: jnp.exp(0.1 * jax.lax.stop_gradient(jnp.prod(0.5 + p * x)) * x[:2]),
    "still": lambda x, p: jnp.exp(0.1 * jax.lax.stop_gradient(jnp.max(x)) * x[:2]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_are_those_of_jax(name):
    """As rows, and added up as an objective; at two points and for other params."""
    rows = FUNCTIONS[name]

    def objective(x, p):
        return jnp.sum(rows(x, p) ** 2) + jnp.sum(x**4)

    start = np.linspace(0.2, 1.0, N)
    problem = lagrad.Problem(objective, start, lagrad.Equality(rows), params=1.3)
    derivatives = lagrad.differentiate(problem)
    assert {each.strategy for each in derivatives.hessian_blocks} == {"condensed"}
    for point, params in ((start, 1.3), (np.cos(np.arange(N)), 0.8)):
        weights = np.random.default_rng(1).normal(size=derivatives.m)
        with float64():
            x = jnp.asarray(point)
            expected = objective(x, params), rows(x, params), jax.grad(objective)(x, params)
            jacobian = jax.jacfwd(rows)(x, params)
            hessian = jax.hessian(lambda x, w=weights, p=params: 0.3 * objective(x, p) + w @ rows(x, p))(x)
        found = (
            derivatives.objective(point, params=params),
            derivatives.constraints(point, params=params),
            derivatives.gradient(point, params=params),
        )
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-11)
        np.testing.assert_allclose(
            derivatives.jacobian(point, params=params).toarray(), jacobian, rtol=1e-10, atol=1e-11
        )
        np.testing.assert_allclose(
            derivatives.hessian(point, weights, 0.3, params=params).toarray(), hessian, rtol=1e-9, atol=1e-10
        )


def test_patterns_keep_groups_apart():
    """Sums of different variables meet in no entry."""
    groups = lagrad.Equality(FUNCTIONS["groups"])
    problem = lagrad.Problem(lambda x, p: 0.0 * x[0], np.ones(N), groups, params=1.0)
    derivatives = lagrad.differentiate(problem)
    assert derivatives.jacobian_pattern.nnz == N
    expected = np.kron(np.eye(2), np.ones((N // 2, N // 2)))
    assert (derivatives.hessian_pattern.toarray() == expected).all()


def test_patterns_of_many_variables_are_the_same(monkeypatch):
    """Products of patterns are sparse where there are many variables."""
    problem = lagrad.Problem(
        lambda x: jnp.sum(x**2), np.ones(N), lagrad.Equality(lambda x: FUNCTIONS["groups"](x, 1.0))
    )
    dense = lagrad.differentiate(problem)
    monkeypatch.setattr("lagrad.condensing.second.FEW_VARIABLES", 0)
    sparse = lagrad.differentiate(problem)
    for name in ("jacobian_structure", "hessian_structure"):
        for one, other in zip(getattr(dense, name), getattr(sparse, name), strict=True):
            assert (one == other).all()


def test_sums_that_are_only_added_are_left():
    """What is linear from there on needs no states."""
    problem = lagrad.Problem(lambda x: 2.0 * jnp.sum(jnp.sin(x)) - jnp.sum(x**2), np.ones(N))
    assert {each.strategy for each in lagrad.differentiate(problem).hessian_blocks} == {"elements"}


@pytest.mark.parametrize("few", [-1, 10_000])
def test_elements_without_states_may_stand_beside(monkeypatch, few):
    """Where they are many they have blocks of their own; the matrices are the same."""
    monkeypatch.setattr("lagrad.condensing.beside.FEW_ENTRIES", few)

    def rows(x):
        own = jnp.concatenate([x[1:] * x[:-1], 2.0 * x[:3], jnp.sin(MATRIX[:2] @ x)])
        return jnp.concatenate([own * 1.5, jnp.sqrt(jnp.sum(x[:20] ** 2))[None], x[:2] / jnp.sum(x**2)])

    start = np.linspace(0.2, 1.0, N)
    derivatives = lagrad.differentiate(lagrad.Problem(lambda x: jnp.sum(x**4), start, lagrad.Equality(rows)))
    names = {each.strategy for each in derivatives.jacobian_blocks}
    assert names == ({"elements", "condensed"} if few < 0 else {"condensed"})
    weights = np.cos(np.arange(derivatives.m))
    with float64():
        x = jnp.asarray(start)
        jacobian = jax.jacfwd(rows)(x)
        hessian = jax.hessian(lambda x: jnp.sum(x**4) + weights @ rows(x))(x)
    np.testing.assert_allclose(derivatives.jacobian(start).toarray(), jacobian, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(derivatives.hessian(start, weights).toarray(), hessian, rtol=1e-10, atol=1e-11)


def test_sums_of_fewer_digits_are_left():
    """States are of double precision; what the user wants rounded stays so."""

    def rows(x):
        return jnp.sqrt(jnp.sum(x.astype(jnp.float32) ** 2)).astype(x.dtype)[None]

    start = np.linspace(0.2, 1.0, N)
    derivatives = lagrad.differentiate(lagrad.Problem(lambda x: jnp.sum(x**4), start, lagrad.Equality(rows)))
    with float64():
        expected = rows(jnp.asarray(start)), jax.jacfwd(rows)(jnp.asarray(start))
    np.testing.assert_array_equal(derivatives.constraints(start), expected[0])
    np.testing.assert_allclose(derivatives.jacobian(start).toarray(), expected[1], rtol=1e-6)
