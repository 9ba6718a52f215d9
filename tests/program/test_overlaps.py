"""Laws of overlapping writes: what a stretch is computed from is read before it is written."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import lagrad
from lagrad.precision import float64
from lagrad.program.overlaps import overlapping
from lagrad.program.steady import steadily
from tests.sparsity.tracing import program_of

# Functions of a computed array; JAX under `jit` gives wrong values, or wrong derivatives, of the first five.
WRITES = {
    "a shift": lambda y: y.at[1:].set(2 * y[:-1]),
    "products of neighbours": lambda y: y.at[2:5].set(y[:3] * y[3:6]),
    "rows of a matrix": lambda y: (y := y.reshape(4, 3)).at[1:].set(2 * y[:-1]),
    "another shape of it": lambda y: y.at[1:].set(y.reshape(3, 4).ravel()[:-1] * 2),
    "in a call": lambda y: jax.jit(lambda y, z: lax.dynamic_update_slice(y, z, (1,)))(y, 2 * y[:-1]),
    "a stretch that is moved back": lambda y: lax.dynamic_update_slice(y, y[:4] ** 2, (100,)),
    "the middle of a matrix": lambda y: (y := y.reshape(4, 3)).at[1:-1, 1:].set(y[:-2, :2] * y[2:, 1:]),
    "twice": lambda y: y.at[1:5].set(y[:4] ** 2).at[3:].set(2 * y[:9]),
}
OTHERS = {
    "numbers": lambda y: y.at[1:].set(2.0),
    "something else": lambda y: y.at[1:].set(jnp.arange(11.0)),
    "one element": lambda y: y.at[3].set(y[0]),
    "in a loop": lambda y: lax.fori_loop(0, 3, lambda i, y: y.at[1:].set(0.5 * y[:-1]), y),
}
X = np.random.default_rng(0).normal(size=12)


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_values_and_derivatives_are_those_of_jax_without_jit(write):
    """By XLA as one program, beside each of JAX's operations by itself."""
    function = lambda x: write(jnp.cumsum(x)).ravel()  # noqa: E731
    program = program_of(function, 12).closed
    assert overlapping(program)
    mine, weights = steadily(function, program), np.linspace(1.0, 2.0, 12)
    slope = lambda fun: jax.grad(lambda x: weights @ fun(x) ** 2)  # noqa: E731
    with float64():
        x = jnp.asarray(X)
        np.testing.assert_allclose(jax.jit(mine)(x), function(x), rtol=1e-13)
        np.testing.assert_allclose(jax.jit(slope(mine))(x), slope(function)(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("write", OTHERS.values(), ids=OTHERS)
def test_other_writes_stay_as_they_are(write):
    """What does not depend on the array, and what XLA copies, is written in place."""
    function = lambda x: write(jnp.cumsum(x))  # noqa: E731
    assert not overlapping(program_of(function, 12).closed)


def test_arrays_put_together_piece_by_piece_stay_as_they_are():
    """However many pieces: each would otherwise cost as much as the whole."""

    def function(x):
        y = jnp.zeros(12)
        for i in range(0, 12, 3):
            y = y.at[i : i + 3].set(jnp.sin(x[i : i + 3]) * x[0])
        return y

    program = program_of(function, 12).closed
    assert not overlapping(program)
    assert steadily(function, program) is function


@pytest.mark.parametrize("strategy", ["elements", "colored"])
def test_problems_with_a_shift_are_right(strategy):
    """Values, J and H of a whole problem."""
    rows = lambda x: (y := jnp.cumsum(x)).at[1:].set(2 * y[:-1] * y[1:])  # noqa: E731
    found = lagrad.differentiate(
        lagrad.Problem(lambda x: jnp.sum(x**2), X, lagrad.Equality(rows)), strategy=strategy
    )
    y, lower = np.cumsum(X), np.tri(12)
    expected = np.concatenate([y[:1], 2 * y[:-1] * y[1:]])
    slopes = np.concatenate([lower[:1], 2 * (y[1:, None] * lower[:-1] + y[:-1, None] * lower[1:])])
    weights = np.linspace(1.0, 2.0, 12)
    pairs = 2 * lower[:-1].T @ np.diag(weights[1:]) @ lower[1:]
    np.testing.assert_allclose(found.constraints(X), expected, rtol=1e-13)
    np.testing.assert_allclose(found.jacobian(X).toarray(), slopes, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(found.hessian(X, weights, 0.0).toarray(), pairs + pairs.T, rtol=1e-12)
