"""A known zero times what is infinite or nan: taken for zero, where JAX has nan; all else is JAX's."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad.errors import DerivativeError
from lagrad.precision import float64

N = 4
A = np.eye(N) - np.eye(N, k=1)
POINT = np.array([1.0, 0.0, 2.0, 3.0])
FUNCTIONS = {
    "reciprocals": lambda x: jnp.sum(A * (1 / x), axis=1),
    "product": lambda x: A @ jnp.log(x),
    "diagonal": lambda x: jnp.diag(x) @ (1 / x),
}


def derivatives_of(name: str) -> lagrad.Derivatives:
    """Of a problem with one of the functions as its constraint."""
    problem = lagrad.Problem(lambda x: jnp.sum(x**2), np.ones(N), {"c": lagrad.Equality(FUNCTIONS[name])})
    return lagrad.differentiate(problem)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_derivatives_are_those_of_jax_where_these_are_finite(name):
    """An infinite factor elsewhere in the row of a matrix spoils no entry."""
    derivatives = derivatives_of(name)
    with float64():
        dense = np.asarray(jax.jacobian(FUNCTIONS[name])(POINT))
    finite = np.isfinite(dense)
    found = derivatives.jacobian(POINT).toarray()
    np.testing.assert_allclose(found[finite], dense[finite], rtol=1e-12)
    pattern = lagrad.jacobian_sparsity(FUNCTIONS[name], POINT).toarray()
    assert not (~finite & ~np.isnan(dense) & ~pattern).any()


def test_infinities_are_named_by_diagnose_and_verify():
    """Whoever asks at such a point is told."""
    derivatives = derivatives_of("reciprocals")
    assert "is -inf" in lagrad.diagnose(derivatives, POINT).of("nonfinite")[0].message
    with pytest.raises(DerivativeError, match="nan expected"):
        derivatives.verify(POINT)


def test_a_zero_that_is_chosen_hides_infinities_in_jax_too():
    """`where` takes its branch, and so does the pattern."""
    mask = np.array([True, False, True, True])
    problem = lagrad.Problem(
        lambda x: jnp.sum(x**2),
        np.ones(N),
        {"c": lagrad.Equality(lambda x: jnp.where(mask, 1 / jnp.where(mask, x, 1.0), 0.0))},
    )
    derivatives = lagrad.differentiate(problem)
    assert derivatives.jacobian(POINT).nnz == 3
    np.testing.assert_allclose(derivatives.constraints(POINT), [1.0, 0.0, 0.5, 1 / 3])
    derivatives.verify(POINT)


def test_powers_of_zero_have_the_derivatives_of_jax_where_these_are_finite():
    """x ** y with both of them variable, at x = 0: entries that JAX gives are the same, also at y = 1."""
    power = lambda z: jnp.sum(z[:3] ** z[3:])  # noqa: E731
    point = np.array([0.0, 0.0, 0.0, 1.0, 2.0, 3.0])
    found = lagrad.differentiate(lagrad.Problem(power, np.ones(6)), strategy="elements").hessian(point)
    with float64():
        dense = np.tril(jax.hessian(power)(point))
    finite = np.isfinite(dense)
    np.testing.assert_array_equal(np.tril(found.toarray())[finite], dense[finite])
