"""Laws of pieces: a body cut into many functions computes what it computed in one."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad.compile.native import emission, pieces


def problem() -> lagrad.Problem:
    """Two steps of an integrator for each of twenty elements, with a truth on the way."""

    def step(x):
        for _ in range(2):
            k = jnp.stack([jnp.sin(x[1]) * x[0], jnp.where(x[0] > x[1], x[0] ** 2, x[1] * 0.3)])
            x = x + 0.1 * k
        return x.reshape(-1)

    x0 = np.random.default_rng(0).normal(size=(2, 20))
    return lagrad.Problem(lambda x: jnp.sum(step(x) ** 2), x0, lagrad.Equality(step))


@pytest.mark.parametrize("longest", [1, 3, 10])
def test_pieces_compute_what_the_whole_does(longest, monkeypatch):
    """Values, gradient, J and H to the last bit but for the order of sums."""
    x, weights = problem().start + 0.01, np.linspace(-1.0, 1.0, 40)
    whole = lagrad.differentiate(problem(), strategy="elements")
    for module in (emission, pieces):
        monkeypatch.setattr(module, "LONGEST_BODY", longest)
    cut = lagrad.differentiate(problem(), strategy="elements")
    assert {block.compiler for block in cut.hessian_blocks} == {"machine code"}
    for found, expected in (
        (cut.constraints(x), whole.constraints(x)),
        (cut.gradient(x), whole.gradient(x)),
        (cut.jacobian_values(x), whole.jacobian_values(x)),
        (cut.hessian_values(x, weights), whole.hessian_values(x, weights)),
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-14)
