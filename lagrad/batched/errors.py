"""Measure how far a point is from optimal, in three residuals.

Equation 5 of Waechter and Biegler (2006): stationarity and complementarity are divided by the mean size of
the multipliers where that is above 100.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from lagrad.batched.barrier import Box
from lagrad.batched.settings import S_MAX
from lagrad.batched.state import State


def residuals(box: Box, state: State, slope: jax.Array, infeasibility: jax.Array, mu) -> jax.Array:
    """Stationarity, feasibility, complementarity, (3, B).

    Args:
        box: scaled bounds of v.
        state: point and multipliers.
        slope: gradient of the Lagrangian's part without bounds, by v, (n + k, B).
        infeasibility: c(x) - s, (m, B).
        mu: what products of multiplier and distance should be.
    """
    low, high = box.distances(state.v)
    below, above = box.spread(state.lower, state.upper)
    stationarity = jnp.where(box.free, slope - below + above, 0.0)
    bounds = jnp.sum(state.lower, axis=0) + jnp.sum(state.upper, axis=0)
    sides = low.shape[0] + high.shape[0]
    all_sizes = (bounds + jnp.sum(jnp.abs(state.y), axis=0)) / max(sides + state.y.shape[0], 1)
    of_bounds = bounds / max(sides, 1)
    return jnp.stack(
        [
            largest(stationarity) / (jnp.maximum(S_MAX, all_sizes) / S_MAX),
            largest(infeasibility),
            largest(jnp.concatenate([low * state.lower, high * state.upper]) - mu)
            / (jnp.maximum(S_MAX, of_bounds) / S_MAX),
        ]
    )


def largest(values: jax.Array) -> jax.Array:
    """Largest magnitude of each problem of a batch, (k, B) to (B,); 0 for none; nan if there is one."""
    return jnp.max(jnp.abs(values), axis=0, initial=0.0)
