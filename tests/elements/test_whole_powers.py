"""Powers of integers or of complex numbers are elements like any other."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad.precision import float64

N = 70
EXPONENTS = np.arange(N) % 3
WEIGHTS = np.random.default_rng(1).normal(size=N)


@pytest.mark.parametrize("params", [None, EXPONENTS])
def test_whole_exponents_give_jax_derivatives(params):
    """Known exponents and exponents that are params, 0 and 1 among them."""
    given = (lambda x: (1.5 * x) ** EXPONENTS * x[::-1]) if params is None else powers
    objective = (lambda x: jnp.sum(x**2)) if params is None else (lambda x, k: jnp.sum(x**2))
    problem = lagrad.Problem(objective, np.ones(N), lagrad.Equality(given), params=params)
    derivatives = lagrad.differentiate(problem)
    x = np.random.default_rng(0).normal(size=N)
    with float64():
        J = np.asarray(jax.jacobian(powers)(x, EXPONENTS))
        H = np.asarray(jax.hessian(lambda x: jnp.sum(x**2) + WEIGHTS @ powers(x, EXPONENTS))(x))
    np.testing.assert_allclose(derivatives.jacobian(x).toarray(), J, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(derivatives.hessian(x, WEIGHTS).toarray(), H, rtol=1e-13, atol=1e-13)


def test_powers_of_zero_are_known():
    """x ** 0 is 1 whatever x is."""
    found = lagrad.jacobian_sparsity(lambda x: powers(x, EXPONENTS), np.ones(N))
    assert found.nnz == 2 * N - int((EXPONENTS == 0).sum())


def test_complex_powers_give_jax_derivatives():
    """Broken and whole exponents of complex numbers."""
    function = lambda x: jnp.real((x + 1j) ** 2.5) + jnp.imag((x + 1j) ** np.arange(4))  # noqa: E731
    derivatives = lagrad.differentiate(
        lagrad.Problem(lambda x: jnp.sum(x**2), np.ones(4), lagrad.Equality(function))
    )
    x = np.linspace(0.3, 1.1, 4)
    with float64():
        J = np.asarray(jax.jacobian(function)(x))
        H = np.asarray(jax.hessian(lambda x: jnp.sum(function(x)))(x))
    np.testing.assert_allclose(derivatives.jacobian(x).toarray(), J, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(derivatives.hessian(x, np.ones(4), 0.0).toarray(), H, rtol=1e-13, atol=1e-14)


def powers(x, exponents):
    """Powers times what is at the other end."""
    return (1.5 * x) ** exponents * x[::-1]
