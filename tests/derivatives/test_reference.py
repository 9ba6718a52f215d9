"""Laws of what JAX is asked when derivatives look wrong."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

import lagrad


def test_long_runs_of_steps_are_compiled_as_loops():
    """A simulation of thousands of operations: products by JAX in a second, and those of dense JAX."""

    def end(x):
        z = x[:2]
        for k in range(300):
            z = z + 0.01 * jnp.stack([z[1], -jnp.sin(z[0]) * x[2] + 0.1 * x[3 + k % 2]])
        return z

    declared = lagrad.Problem(lambda x: jnp.sum(x**2), np.linspace(0.2, 0.9, 5), lagrad.Equality(end))
    reference = lagrad.differentiate(declared, check=False).reference
    assert len(reference.short.equations) < 100 < 3000 < len(reference.program.equations)
    x, weights, move = declared.start, np.array([0.5, 1.0, -2.0]), np.cos(np.arange(5))
    with jax.enable_x64(True):
        scan = lambda x: jnp.concatenate([jnp.sum(x**2)[None], looped_end(x)])  # noqa: E731
        expected = jax.hessian(lambda x: weights @ scan(x))(x) @ move
    found = reference.hvp(reference.noises[0], x, weights, move, [])
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


def looped_end(x):
    """The same simulation as a loop of JAX's."""

    def step(k, z):
        return z + 0.01 * jnp.stack([z[1], -jnp.sin(z[0]) * x[2] + 0.1 * x[3 + k % 2]])

    return jax.lax.fori_loop(0, 300, step, x[:2])
