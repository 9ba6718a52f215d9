"""Laws of what becomes elements: custom rules, loops, wrappers, small matrices, exact and without colors."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.experimental import sparse

import lagrad
from lagrad import nested
from tests.derivatives.oracle import check

N = 72
WEIGHTS = np.random.default_rng(0).normal(size=(3, 3))
SEGMENTS = np.random.default_rng(1).integers(0, 30, N)
BAND = np.eye(N) * 2 - np.eye(N, k=1) + np.eye(N, k=-2)
ENTRIES = sparse.BCOO.fromdense(BAND)


@jax.custom_jvp
def safe_root(x):
    """A root with a slope where it has none."""
    return jnp.sqrt(jnp.maximum(x, 0.01))


safe_root.defjvp(lambda p, t: (safe_root(*p), t[0] * jnp.where(p[0] > 0.01, 0.5 / safe_root(p[0]), 1 + p[0])))


def runge_kutta(y, _):
    """One step of a pendulum."""
    slope = lambda y: jnp.stack([y[1], -jnp.sin(y[0])])  # noqa: E731
    middle = slope(y + 0.05 * slope(y))
    return y + 0.1 * middle, None


def energy(row):
    """Of three coordinates."""
    return jnp.sum(jnp.sin(row) ** 2) * row[0] + row[1] * row[2]


def system(row):
    """Two unknowns."""
    return jnp.linalg.solve(jnp.outer(row, row) + 3 * jnp.eye(2), jnp.cos(row))


def spread(row):
    """Three unknowns, by a factor."""
    factor = jnp.linalg.cholesky(jnp.outer(row, row) + jnp.diag(2 + row))
    return jax.scipy.linalg.cho_solve((factor, True), jnp.sin(row))


RULES = {
    "relu": lambda x: jax.nn.relu(x - 0.7) * x[::-1],
    "softplus": jax.nn.softplus,
    "layers": lambda x: jax.vmap(lambda row: jax.nn.silu(WEIGHTS @ jax.nn.softplus(WEIGHTS @ row)))(
        x.reshape(-1, 3)
    ),
    "of two": lambda x: jnp.logaddexp(x[:9, None], x[None, 9:13]),
    "of the author": safe_root,
    "softmax of rows": lambda x: jax.nn.softmax(x.reshape(-1, 3)),
}
LOOPS = {
    "map": lambda x: lax.map(lambda u: jnp.sin(u) * u**2, x),
    "map over numbers": lambda x: lax.map(lambda i: x[i] * jnp.sin(x[(i + 1) % N]), jnp.arange(N)),
    "carry passed on": lambda x: lax.scan(lambda c, u: (c, jnp.sin(c * u)), 2.0, x)[1],
    "steps": lambda x: jax.vmap(lambda y: lax.scan(runge_kutta, y, None, length=3)[0])(x.reshape(-1, 2)),
    "counting": lambda x: lax.fori_loop(0, 3, lambda k, y: jnp.sin(y) + (k + 1) * x, x),
    "remembered": lambda x: jax.checkpoint(lambda u: jnp.sin(u) ** 2)(x),
    "gradients": lambda x: jax.vmap(nested.grad(energy))(x.reshape(-1, 3)),
}
SUMS = {
    "segments": lambda x: jnp.sin(jax.ops.segment_sum(x**2, SEGMENTS, 31)),
    "added": lambda x: jnp.exp(0.1 * (x**2).at[SEGMENTS[:9]].add(jnp.sin(x[9:18]))),
    "coordinates": lambda x: jnp.sin(ENTRIES @ x**2),
    "band": lambda x: jnp.sin(BAND @ x**2),
    "convolution": lambda x: jnp.convolve(x**2, np.array([1.0, -2, 3]), mode="same") ** 2,
    "window": lambda x: jnp.sin(lax.reduce_window(x**2, 0.0, lax.add, (3,), (2,), "SAME")),
    "centered": lambda x: (x.reshape(-1, 3)[:, 0] - x.reshape(-1, 3).mean(1)) * jnp.sin(x[::3]),
    "standardized": lambda x: (x.reshape(-1, 3)[:, 1] - x.reshape(-1, 3).mean(1)) / x.reshape(-1, 3).std(1),
    "running sum": lambda x: jnp.sin(jnp.cumsum(x.reshape(-1, 3) ** 2, axis=1)),
    "product": lambda x: jnp.prod(x.reshape(-1, 4), axis=1),
    "running product": lambda x: jnp.cumprod(x.reshape(-1, 3), axis=1),
    "modulus": lambda x: jnp.abs(x[:36] + 1j * x[36:]),
}
# At ties, which the constant rows have, derivatives are shared.
TIES = {
    "largest": lambda x: jnp.max(jnp.minimum(x, 0.8).reshape(-1, 3) ** 2, axis=1),
    "smallest": lambda x: jnp.min(jnp.maximum(x, 0.5).reshape(-1, 3) ** 2, axis=1),
    "running": lambda x: lax.cummax(jnp.minimum(x, 0.8).reshape(-1, 2) ** 2, axis=1),
    "norm": lambda x: jnp.linalg.norm(x.reshape(-1, 3), axis=1),
}
# Few: XLA can hang in large batches of factorisations on two cores, which the dense oracle has.
MATRICES = {
    "two unknowns": lambda x: jax.vmap(system)(x[:8].reshape(-1, 2)),
    "three unknowns": lambda x: jax.vmap(spread)(x[8:14].reshape(-1, 3)),
    "determinants": lambda x: jnp.linalg.det(x.reshape(-1, 2, 2)),
}
FAMILIES = {"rules": RULES, "loops": LOOPS, "sums": SUMS, "ties": TIES, "matrices": MATRICES}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_what_lifts_needs_no_color_and_is_exact(family):
    """Jacobian and Hessian of the Lagrangian of each family beside dense JAX."""
    rows = {name: lagrad.Equality(function) for name, function in family.items()}
    problem = lagrad.Problem(
        lambda x: sum(jnp.sum(jnp.sin(function(x))) for function in family.values()),
        np.random.default_rng(2).uniform(0.3, 1.1, N),
        rows,
    )
    derivatives = lagrad.differentiate(problem)
    blocks = (*derivatives.jacobian_blocks, *derivatives.hessian_blocks)
    assert {block.strategy for block in blocks} == {"elements"}
    check(derivatives, count=2)


def test_params_in_loops_and_rules_are_followed():
    """Values that change with params stay values that change."""

    def rows(x, p):
        return jnp.concatenate(
            [
                jax.nn.softplus(p * x),
                lax.map(lambda row: row[0] * jnp.sin(row[1]), (x, p)),
                p.at[:9].add(x[:9] ** 2),
            ]
        )

    problem = lagrad.Problem(
        lambda x, p: jnp.sum(jax.nn.softplus(x * p)),
        np.linspace(0.2, 1, N),
        lagrad.Equality(rows),
        params=np.ones(N),
    )
    derivatives = lagrad.differentiate(problem)
    assert {block.strategy for block in derivatives.hessian_blocks} == {"elements"}
    check(derivatives, count=1)
    check(derivatives, count=1, params=np.linspace(-1, 2, N))
