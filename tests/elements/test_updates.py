"""Laws of products into known places: what is written is an element, though JAX has no derivative of it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad.precision import float64

PLACES = np.array([7, 2, 11])
MATRIX_PLACES = np.array([1, 3]), np.array([0, 2])
# As people write them, and with the same entries set.
UPDATES = {
    "places": (lambda x: x.at[PLACES].multiply(x[:3]), lambda x: x.at[PLACES].set(x[PLACES] * x[:3])),
    "one": (lambda x: x.at[4].multiply(x[0]), lambda x: x.at[4].set(x[4] * x[0])),
    "stretch": (lambda x: x.at[3:6].multiply(2.0), lambda x: x.at[3:6].set(2.0 * x[3:6])),
    "divided": (
        lambda x: x.at[PLACES].divide(2.0 + x[:3]),
        lambda x: x.at[PLACES].set(x[PLACES] / (2.0 + x[:3])),
    ),
    "outside": (
        lambda x: x.at[np.array([1, 40])].multiply(x[:2], mode="drop"),
        lambda x: x.at[1].set(x[1] * x[0]),
    ),
    "of a matrix": (
        lambda x: x.reshape(4, 3).at[MATRIX_PLACES].multiply(x[:2]).ravel(),
        lambda x: x.reshape(4, 3).at[MATRIX_PLACES].set(x.reshape(4, 3)[MATRIX_PLACES] * x[:2]).ravel(),
    ),
}


@pytest.mark.parametrize("name", UPDATES)
def test_products_into_places_are_elements(name):
    """J and H are those of the function that sets the same entries."""
    update, setting = UPDATES[name]
    rows = lagrad.Equality(lambda x: jnp.sin(update(x)))
    start = np.linspace(0.2, 1.3, 12)
    derivatives = lagrad.differentiate(lagrad.Problem(lambda x: jnp.sum(update(x) ** 2), start, rows))
    assert {each.strategy for each in derivatives.jacobian_blocks} == {"elements"}
    weights = np.cos(np.arange(12.0))
    with float64():
        x = jnp.asarray(start)
        jacobian = jax.jacfwd(lambda x: jnp.sin(setting(x)))(x)
        hessian = jax.hessian(lambda x: jnp.sum(setting(x) ** 2) + weights @ jnp.sin(setting(x)))(x)
    np.testing.assert_allclose(derivatives.jacobian(start).toarray(), jacobian, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(derivatives.hessian(start, weights).toarray(), hessian, rtol=1e-12, atol=1e-13)
