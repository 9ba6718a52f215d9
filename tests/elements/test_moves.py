"""Laws of moves: an array of many parts has exact derivatives, and as few groups as its parts have kinds."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.linalg import block_diag

import lagrad
from lagrad.elements.kernels import MOST_PIECES
from lagrad.elements.split import partially_separable
from lagrad.program.trace import trace

PARTS = MOST_PIECES + 3


def blocks(x):
    """Blocks of two times three, zeros around them."""
    pairs = jax.vmap(jnp.outer)(jnp.sin(x[: 2 * PARTS]).reshape(PARTS, 2), x[: 3 * PARTS].reshape(PARTS, 3))
    return block_diag(*pairs) @ x[: 3 * PARTS]


def shuffled(x):
    """Parts of two variables in turn, a known number here and there, some parts reversed."""
    a, b = jnp.sin(x) * x, jnp.exp(x[::-1])
    parts = [(a if k % 2 else b)[k : k + 2][:: 1 - 2 * (k % 3 == 0)] for k in range(PARTS)]
    return jnp.cos(jnp.concatenate([*parts, jnp.full(2, 0.3), jnp.pad(a[:2], (1, 1), constant_values=0.5)]))


def columns(x):
    """Parts side by side."""
    a = jnp.tanh(x[: 2 * PARTS].reshape(2, PARTS) * x[:PARTS])
    return jnp.sin(jnp.concatenate([a[:, k : k + 1] for k in range(PARTS)], axis=1)).ravel()


CASES = {"blocks": (blocks, 1), "shuffled": (shuffled, 2), "columns": (columns, 2)}


@pytest.mark.parametrize("name", CASES)
def test_arrays_of_many_parts_are_elements(name):
    """J and H are those of dense JAX, nothing is left to coloring, and groups are few."""
    rows, groups = CASES[name]
    x = np.linspace(0.2, 0.9, 3 * PARTS)
    declared = lagrad.Problem(lambda x: jnp.sum(x), x, lagrad.Equality(rows))
    found = partially_separable(trace(declared))
    assert not found.rest and len(found.groups) <= groups
    derivatives, multipliers = lagrad.differentiate(declared), np.cos(np.arange(declared.m))
    with jax.enable_x64(True):
        J = np.asarray(jax.jacfwd(rows)(x))
        H = np.asarray(jax.jacfwd(jax.grad(lambda x: multipliers @ rows(x)))(x))
    np.testing.assert_allclose(derivatives.jacobian(x).toarray(), J, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(derivatives.hessian(x, multipliers).toarray(), H, rtol=1e-12, atol=1e-13)
