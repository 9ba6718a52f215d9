"""The filter: pairs of infeasibility and barrier function that a step must improve on."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from lagrad.batched.settings import GAMMA_PHI, GAMMA_THETA


def is_accepted(filter: jax.Array, theta: jax.Array, phi: jax.Array) -> jax.Array:
    """Whether a point is better than each entry of the filter in one of its two numbers.

    Args:
        filter: (size, 2, B), infinite where empty; each entry is what a point must stay below.
        theta: infeasibility.
        phi: barrier function.
    """
    return jnp.all((theta < filter[:, 0]) | (phi < filter[:, 1]), axis=0)


def with_point(filter: jax.Array, count: jax.Array, theta: jax.Array, phi: jax.Array) -> jax.Array:
    """The filter with one more point, its margins taken off; the oldest one makes room."""
    entry = jnp.stack([(1.0 - GAMMA_THETA) * theta, phi - GAMMA_PHI * theta])
    place = jnp.arange(filter.shape[0])[:, None] == count % filter.shape[0]
    return jnp.where(place[:, None], entry, filter)


def emptied(filter: jax.Array) -> jax.Array:
    """The filter without any point."""
    return jnp.full_like(filter, jnp.inf)
