"""Laws of derivatives of the largest: those of JAX, one equation at a time, whatever XLA computes twice."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import lagrad
from lagrad.precision import float64
from lagrad.program.steady import steadily
from tests.sparsity.tracing import program_of

FUNCTIONS = {
    "max": lambda x: jnp.maximum(x[:4], x[4:8] ** 2),
    "min": lambda x: jnp.minimum(x[:4], x[4:8] ** 2),
    "max with a number": lambda x: jnp.maximum(x * x[0], 1.0),
    "max in single precision": lambda x: jnp.maximum(x[:4].astype(np.float32), x[4:8].astype(np.float32)),
    "max of whole numbers": lambda x: x * jnp.maximum(jnp.floor(x).astype(int), 1),
    "reduce_max": lambda x: jnp.max((x**2).reshape(3, 4), axis=1),
    "reduce_min over two axes": lambda x: jnp.min(jnp.sin(x).reshape(2, 3, 2), axis=(0, 2)),
    "reduce_max over nothing": lambda x: jnp.max(x**2, axis=()),
    "cummax": lambda x: lax.cummax(x[:4] ** 2),
    "cummin backwards": lambda x: lax.cummin((x**2).reshape(4, 3), axis=1, reverse=True),
    "in a scan": lambda x: lax.scan(lambda c, z: (jnp.maximum(c * z, z), c), 0.5, x)[1],
    "in a branch": lambda x: lax.cond(x[0] > 0, lambda x: jnp.minimum(x, x[1] ** 2), jnp.sin, x),
    "in a loop": lambda x: lax.fori_loop(0, 2, lambda i, s: jnp.maximum(s, jnp.roll(s, 1) * s[0]), x),
    "in a call": lambda x: jax.jit(lambda x: jnp.hypot(x, x[0]))(x),
    "in a checkpoint": lambda x: jax.checkpoint(lambda x: jnp.maximum(x**2, x[3]))(x),
}
# Anywhere, and where many are the largest.
POINTS = (
    np.random.default_rng(0).normal(size=12),
    np.array([1.0, 0.0, 2.0, 1.0, 1.0, 0.0, -1.0, 1.0, 2.0, 2.0, 0.0, 1.0]),
)


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_values_and_derivatives_are_those_of_jax(function):
    """First derivatives, and second ones forward over reverse, beside JAX without `jit`."""
    flat = lambda x: function(x).ravel()  # noqa: E731
    mine = steadily(flat, program_of(flat, 12).closed)
    assert mine is not flat
    for x in POINTS:
        with float64():
            weights = np.linspace(1.0, 2.0, flat(x).size)
            curve = lambda fun: jax.jacfwd(jax.grad(lambda x: weights @ fun(x)))  # noqa: B023, E731
            np.testing.assert_allclose(mine(x), flat(x), rtol=1e-15)
            np.testing.assert_allclose(jax.jacfwd(mine)(x), jax.jacfwd(flat)(x), atol=1e-14)
            np.testing.assert_allclose(curve(mine)(x), curve(flat)(x), atol=1e-13)


def test_the_largest_of_nothing_has_no_slope():
    """The number that it starts from stays; JAX divides zero by zero."""
    function = lambda x: x * jnp.max(x[:0], initial=2.0)  # noqa: E731
    mine = steadily(function, program_of(function, 3).closed)
    with float64():
        np.testing.assert_array_equal(jax.jacfwd(mine)(jnp.ones(3)), 2.0 * np.eye(3))


def test_other_functions_stay_as_they_are():
    """Nothing is traced once more for nothing."""
    assert steadily(jnp.sin, program_of(jnp.sin, 3).closed) is jnp.sin


@pytest.mark.parametrize("strategy", ["elements", "colored", "dense"])
def test_a_distance_in_space_keeps_its_second_derivatives(strategy):
    """JAX under `jit` loses some: XLA rounds what it computes twice in two ways, neither is the larger."""
    x, a, b = np.random.default_rng(0).normal(size=(3, 200))
    weights = np.linspace(1.0, 2.0, 200)
    distance = lambda x: jnp.hypot(jnp.hypot(x * a + b, x * b + a) * a + 1.0, x * b)  # noqa: E731
    problem = lagrad.Problem(lambda x: jnp.sum(x**2), x, lagrad.Equality(distance))
    found = lagrad.differentiate(problem, strategy=strategy)
    with float64():
        # Each of JAX's operations by itself: nothing is computed twice.
        J = np.diag(jax.jacfwd(distance)(x))
        H = np.diag(jax.hessian(lambda x: weights @ distance(x))(x))
    np.testing.assert_allclose(found.jacobian(x).toarray(), np.diag(J), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found.hessian(x, weights, 0.0).toarray(), np.diag(H), rtol=1e-10, atol=1e-10)
