"""The rules of the filter line search: two points compared, a verdict out (algorithm A of the paper).

Restoration has infeasibility 0 and its own function, so that only Armijo's rule is left of it.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from lagrad.batched.filter import is_accepted
from lagrad.batched.settings import (
    DELTA,
    EPSILON,
    ETA_PHI,
    GAMMA_ALPHA,
    GAMMA_PHI,
    GAMMA_THETA,
    S_PHI,
    S_THETA,
    THETA_MAX,
    THETA_MIN,
)


class Merit(NamedTuple):
    """What a line search compares: infeasibility and barrier function."""

    theta: jax.Array
    phi: jax.Array


class Reference(NamedTuple):
    """Where a line search begins.

    Args:
        merit: at the point.
        slope: derivative of phi along the direction.
        filter: (size, 2, B).
        theta_0: infeasibility that limits are relative to.
    """

    merit: Merit
    slope: jax.Array
    filter: jax.Array
    theta_0: jax.Array


def acceptable(merit: Merit, reference: Reference, alpha: jax.Array) -> jax.Array:
    """Whether a trial point is taken."""
    before = reference.merit
    slack = 10.0 * EPSILON * jnp.abs(before.phi)
    less_theta = merit.theta <= (1.0 - GAMMA_THETA) * before.theta
    less_phi = merit.phi - before.phi - slack <= -GAMMA_PHI * before.theta
    descends = merit.phi - before.phi - slack <= ETA_PHI * alpha * reference.slope
    is_step_of_phi = switches(reference, alpha) & (before.theta <= THETA_MIN * reference.theta_0)
    finite = jnp.isfinite(merit.phi) & jnp.isfinite(merit.theta)
    progress = jnp.where(is_step_of_phi, descends, less_theta | less_phi)
    within = merit.theta <= THETA_MAX * reference.theta_0
    return finite & within & progress & is_accepted(reference.filter, merit.theta, merit.phi)


def switches(reference: Reference, alpha: jax.Array) -> jax.Array:
    """Whether a step should reduce the barrier function rather than infeasibility (equation 19)."""
    fall = jnp.maximum(-reference.slope, 0.0)
    return (reference.slope < 0) & (alpha * fall**S_PHI > DELTA * reference.merit.theta**S_THETA)


def augments(merit: Merit, reference: Reference, alpha: jax.Array) -> jax.Array:
    """Whether the filter remembers the point before this step (equation 22)."""
    slack = 10.0 * EPSILON * jnp.abs(reference.merit.phi)
    descends = merit.phi - reference.merit.phi - slack <= ETA_PHI * alpha * reference.slope
    return ~(switches(reference, alpha) & descends)


def smallest_step(reference: Reference) -> jax.Array:
    """Step below which restoration begins (equation 23)."""
    theta, fall = reference.merit.theta, jnp.maximum(-reference.slope, 1e-300)
    falling = jnp.minimum(GAMMA_THETA, GAMMA_PHI * theta / fall)
    small = jnp.minimum(falling, DELTA * theta**S_THETA / fall**S_PHI)
    near = theta <= THETA_MIN * reference.theta_0
    least = jnp.where(reference.slope < 0, jnp.where(near, small, falling), GAMMA_THETA)
    return jnp.maximum(GAMMA_ALPHA * least, 1e-13)
