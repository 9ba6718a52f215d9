"""Laws of the primitive that solves small systems: derivatives of any order and mode, and batches."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lagrad.precision import float64
from lagrad.primitives.small_solve import small_solve

RANDOM = np.random.default_rng(0)


def by_adjugate(a, b):
    """x with A x = b by Cramer's rule, one or two unknowns."""
    if b.shape[-1] == 1:
        return b / a[..., 0]
    p, q, r, s = (a[..., i, j] for i in range(2) for j in range(2))
    top = jnp.stack([s * b[..., 0] - q * b[..., 1], p * b[..., 1] - r * b[..., 0]], -1)
    return top / (p * s - q * r)[..., None]


TRANSFORMS = {
    "values": lambda f: f,
    "forwards": lambda f: jax.jacfwd(f, (0, 1)),
    "backwards": lambda f: jax.jacrev(f, (0, 1)),
    "by the side": lambda f: jax.jacrev(f, 1),
    "forwards over backwards": lambda f: jax.jacfwd(jax.jacrev(f, (0, 1)), (0, 1)),
    "backwards over backwards": lambda f: jax.jacrev(jax.jacrev(f, (0, 1)), (0, 1)),
    "mapped": lambda f: jax.vmap(f),
    "mapped sides": lambda f: lambda a, b: jax.vmap(f, (None, 1), 1)(a, jnp.stack([b, b**2], 1)),
    "compiled": jax.jit,
}


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("count", [1, 2])
def test_transforms_agree_with_cramers_rule(count, name):
    """Under each of JAX's transforms."""
    a = RANDOM.normal(size=(2, count, count)) + 3 * np.eye(count)
    b = RANDOM.normal(size=(2, count))
    with float64():
        found, expected = (TRANSFORMS[name](f)(a, b) for f in (small_solve, by_adjugate))
    jax.tree.map(
        lambda one, two: np.testing.assert_allclose(one, two, rtol=1e-11, atol=1e-12), found, expected
    )


@pytest.mark.parametrize("count", range(1, 9))
def test_systems_of_any_size_are_solved(count):
    """Rows in an order that asks for pivots: what comes back is what was put in."""
    a = RANDOM.normal(size=(5, count, count))
    a[:, range(count), range(count)] = 0.0 if count > 1 else 2.0
    x = RANDOM.normal(size=(5, count))
    with float64():
        found = small_solve(a, np.einsum("bij,bj->bi", a, x))
    np.testing.assert_allclose(found, x, rtol=1e-9)
