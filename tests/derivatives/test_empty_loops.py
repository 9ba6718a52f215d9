"""Loops without a step hand on their carry, and stack nothing."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import lagrad

X = np.array([0.5, -1.5, 2.0])


def scanned(x, **options):
    """A carry and stacked outputs, over no rows."""
    carry, rows = lax.scan(lambda c, row: (c * row, c + row), x[0], jnp.zeros(0), **options)
    return jnp.concatenate([carry[None] * x[1], rows, x[2:] ** 3])


def nested(x):
    """The loop without a step stands in another's body."""

    def step(carry, row):
        inner, _ = lax.scan(lambda c, each: (c * each, None), carry * row, jnp.zeros((0,)))
        return inner * row, inner

    carry, rows = lax.scan(step, x[0], x[1:])
    return jnp.append(rows, carry)


LOOPS = {
    "forwards": scanned,
    "backwards": lambda x: scanned(x, reverse=True),
    "without a carry": lambda x: jnp.concatenate([lax.map(jnp.sin, x[:0]), x**2]),
    "counted": lambda x: lax.fori_loop(0, 0, lambda k, c: c * x[0], x) * x[1],
    "nested": nested,
}


@pytest.mark.parametrize("strategy", ["elements", "colored"])
@pytest.mark.parametrize("name", LOOPS)
def test_derivatives_are_those_of_dense_jax(name, strategy):
    """The loop is what its start is."""
    function = LOOPS[name]
    problem = lagrad.Problem(lambda x: jnp.sum((x - 1) ** 2), X, lagrad.Equality(function))
    derivatives = lagrad.differentiate(problem, strategy=strategy)
    with jax.enable_x64(True):
        jacobian = jax.jacfwd(function)(X)
        weights = np.linspace(-1.0, 2.0, len(jacobian))
        hessian = jax.hessian(lambda x: jnp.sum((x - 1) ** 2) + weights @ function(x))(X)
    np.testing.assert_allclose(derivatives.jacobian(X).toarray(), jacobian, rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(derivatives.hessian(X, weights).toarray(), hessian, rtol=1e-14, atol=1e-14)
