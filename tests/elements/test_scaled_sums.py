"""Laws of sums that are multiplied by params, and of long products of vectors: their terms are elements."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad.precision import float64

N = 40
FACTORS = np.linspace(1.0, 2.0, N)
# What is added up is long, and stands below products, quotients, signs and other sums.
FUNCTIONS = {
    "product": lambda x, p: p * jnp.sum(x[1:] ** 2 * x[:-1]),
    "product from the left": lambda x, p: jnp.sum(jnp.sin(x)) * p,
    "quotient": lambda x, p: jnp.sum(jnp.sin(x)) / p,
    "params squared": lambda x, p: p**2 * jnp.sum(x**4),
    "beside others": lambda x, p: jnp.sum(x**4) + p * jnp.mean(jnp.cos(x)) - 3.0 * x[0],
    "sums of sums": lambda x, p: -(p * (2.0 * jnp.sum(x**3) - jnp.sum(jnp.cos(x)) / 3.0 + 1.0)) + 3.0,
    "twice": lambda x, p: p * (p * jnp.sum(x**3)),
    "one number of an array": lambda x, p: jnp.reshape(p, (1,))[0] * jnp.sum(jnp.exp(x)),
    "dot": lambda x, p: p * jnp.dot(x**2, jnp.sin(x)),
    "known and nonlinear": lambda x, p: p * (FACTORS @ jnp.sin(x)),
    "square": lambda x, p: (x * p) @ (x * p) + x @ x,
    "square of itself": lambda x, p: p * (jnp.sin(x) @ jnp.sin(x)),
    "square of variables": lambda x, p: (x @ x) / p,
    "twice the same": lambda x, p: p * (jnp.sum(jnp.sin(x)) + jnp.sum(jnp.sin(x))),
    "residuals": lambda x, p: 0.5 * (jnp.sin(x) - p) @ (jnp.sin(x) - p),
    "rows of a matrix": lambda x, p: (
        p * jnp.sum(jnp.einsum("ij,ij->i", x.reshape(2, -1), jnp.sin(x.reshape(2, -1))))
    ),
    "columns": lambda x, p: (jnp.sin(x)[None, :] @ (x[:, None] ** 2))[0, 0] / p,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_terms_are_elements(name):
    """As objective and as a row; derivatives are those of dense JAX, for other params, too."""
    function = FUNCTIONS[name]
    row = lagrad.Equality(lambda x, p: function(x, p)[None])
    derivatives = lagrad.differentiate(lagrad.Problem(function, np.full(N, 0.3), row, params=2.0))
    blocks = derivatives.jacobian_blocks + derivatives.hessian_blocks
    assert {each.strategy for each in blocks} <= {"elements", "constant"}
    point, params = np.linspace(-1.0, 1.0, N), 1.7
    with float64():
        x = jnp.asarray(point)
        expected = function(x, params)
        slopes, curvature = jax.grad(function)(x, params), np.asarray(jax.hessian(function)(x, params))
    np.testing.assert_allclose(derivatives.objective(point, params=params), expected, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(derivatives.gradient(point, params=params), slopes, rtol=1e-12, atol=1e-12)
    jacobian = derivatives.jacobian(point, params=params).toarray()[0]
    np.testing.assert_allclose(jacobian, slopes, rtol=1e-12, atol=1e-12)
    hessian = derivatives.hessian(point, [2.0], params=params).toarray()
    np.testing.assert_allclose(hessian, 3.0 * curvature, rtol=1e-12, atol=1e-12)
    assert derivatives.hessian_pattern.nnz <= 3 * N


def test_arrays_of_params_are_left():
    """Only one number goes into a sum: rows that are scaled apart stay as they are, and right."""
    matrix = np.random.default_rng(0).normal(size=(3, N))

    def rows(x, p):
        return p * (matrix @ jnp.sin(x))

    params, point = np.array([1.0, 2.0, 3.0]), np.linspace(-1.0, 1.0, N)
    problem = lagrad.Problem(lambda x, p: x @ x, point, lagrad.Equality(rows), params=params)
    with float64():
        expected = jax.jacfwd(rows)(jnp.asarray(point), jnp.asarray(params))
    np.testing.assert_allclose(
        lagrad.differentiate(problem).jacobian(point).toarray(), expected, rtol=1e-12, atol=1e-12
    )


def test_deep_and_shared_sums_are_gone_through_once():
    """Thousands of terms, one after the other, and sums that are used again and again."""

    def objective(x, p):
        total = jnp.sum(jnp.sin(x))
        for k in range(1500):
            total = total + (k % 7) * x[k % N] * x[(k * k) % N]
        for _ in range(60):
            total = 0.5 * (total + total)
        return p * total

    start = np.linspace(-1.0, 1.0, N)
    derivatives = lagrad.differentiate(lagrad.Problem(objective, start, params=2.0))
    with float64():
        expected = jax.grad(objective)(jnp.asarray(start), 3.0)
    np.testing.assert_allclose(derivatives.gradient(start, params=3.0), expected, rtol=1e-11)
