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
    """Stationarity, feasibility, complementarity, (3,).

    Args:
        box: scaled bounds of v.
        state: point and multipliers.
        slope: gradient of the Lagrangian's part without bounds, by v, (n + m,).
        infeasibility: c(x) - s, (m,).
        mu: what products of multiplier and distance should be.
    """
    low, high = box.distances(state.v)
    stationarity = jnp.where(box.free, slope - state.lower + state.upper, 0.0)
    below = jnp.where(box.has_lower, low * state.lower - mu, 0.0)
    above = jnp.where(box.has_upper, high * state.upper - mu, 0.0)
    bounds = jnp.sum(state.lower) + jnp.sum(state.upper)
    sides = jnp.sum(box.has_lower) + jnp.sum(box.has_upper)
    all_sizes = (bounds + jnp.sum(jnp.abs(state.y))) / jnp.maximum(sides + state.y.size, 1)
    of_bounds = bounds / jnp.maximum(sides, 1)
    return jnp.stack(
        [
            largest(stationarity) / (jnp.maximum(S_MAX, all_sizes) / S_MAX),
            largest(infeasibility),
            jnp.maximum(largest(below), largest(above)) / (jnp.maximum(S_MAX, of_bounds) / S_MAX),
        ]
    )


def largest(values: jax.Array) -> jax.Array:
    """Largest magnitude, 0 for none; nan if there is one."""
    return jnp.max(jnp.abs(values), initial=0.0)
