"""Compute barrier terms, steps to the boundary and bound multipliers of v = (x, s)."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.batched.settings import KAPPA_1, KAPPA_2, KAPPA_D, KAPPA_SIGMA, RELAXATION


class Box(NamedTuple):
    """Bounds of v, and which of its entries have them and move at all.

    Args:
        lower: (k,), a harmless number where there is no bound.
        upper: the same.
        has_lower: whether there is one, (k,), bool; never for an entry that does not move.
        has_upper: the same.
        free: whether an entry moves, (k,).
    """

    lower: jax.Array
    upper: jax.Array
    has_lower: jax.Array
    has_upper: jax.Array
    free: jax.Array

    @classmethod
    def of(cls, lower: np.ndarray, upper: np.ndarray) -> Box:
        """A box of sides that may be infinite; those of moving entries are loosened a little."""
        free = lower < upper
        has_lower, has_upper = np.isfinite(lower) & free, np.isfinite(upper) & free
        lower, upper = (np.where(np.isfinite(side), side, 0.0) for side in (lower, upper))
        lower = lower - has_lower * RELAXATION * np.maximum(1.0, np.abs(lower))
        upper = upper + has_upper * RELAXATION * np.maximum(1.0, np.abs(upper))
        return cls(*map(jnp.asarray, (lower, upper, has_lower, has_upper, free)))

    def scaled(self, factors: jax.Array) -> Box:
        """The box of the entries times positive factors."""
        return self._replace(lower=self.lower * factors, upper=self.upper * factors)

    def distances(self, v: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Distance of each entry to its lower and its upper bound, 1 without one."""
        return jnp.where(self.has_lower, v - self.lower, 1.0), jnp.where(self.has_upper, self.upper - v, 1.0)

    def inside(self, v: jax.Array) -> jax.Array:
        """The nearest point well inside (section 3.6 of the paper)."""
        room = jnp.where(self.has_lower & self.has_upper, self.upper - self.lower, jnp.inf)
        low = jnp.minimum(KAPPA_1 * jnp.maximum(1.0, jnp.abs(self.lower)), KAPPA_2 * room)
        high = jnp.minimum(KAPPA_1 * jnp.maximum(1.0, jnp.abs(self.upper)), KAPPA_2 * room)
        v = jnp.where(self.has_lower, jnp.maximum(v, self.lower + low), v)
        v = jnp.where(self.has_upper, jnp.minimum(v, self.upper - high), v)
        return jnp.where(self.free, v, self.lower)

    @property
    def one_sided(self) -> jax.Array:
        """1 for entries with a lower bound only, -1 with an upper one only, else 0."""
        return jnp.where(self.has_lower, 1.0, 0.0) - jnp.where(self.has_upper, 1.0, 0.0)


def barrier(box: Box, v: jax.Array, mu: jax.Array) -> jax.Array:
    """-mu sum log(distance), with a small linear term where there is only one bound; nan outside."""
    low, high = box.distances(v)
    anchor = jnp.where(box.has_lower, low, high)
    pull = KAPPA_D * jnp.where(box.one_sided == 0, 0.0, anchor)
    return mu * jnp.sum(pull - jnp.log(low) - jnp.log(high))


def barrier_gradient(box: Box, v: jax.Array, mu: jax.Array) -> jax.Array:
    """Gradient of `barrier`, 0 where nothing moves."""
    low, high = box.distances(v)
    return mu * (box.has_upper / high - box.has_lower / low + KAPPA_D * box.one_sided)


def multiplier_steps(box: Box, v, lower, upper, dv, mu) -> tuple[jax.Array, jax.Array]:
    """Newton steps of the multipliers of both bounds, given the step of v."""
    low, high = box.distances(v)
    step_lower = jnp.where(box.has_lower, (mu - lower * dv) / low - lower, 0.0)
    step_upper = jnp.where(box.has_upper, (mu + upper * dv) / high - upper, 0.0)
    return step_lower, step_upper


def largest_step(distance: jax.Array, change: jax.Array, tau: jax.Array) -> jax.Array:
    """Largest alpha <= 1 with distance + alpha * change >= (1 - tau) * distance."""
    limits = jnp.where(change < 0, -tau * distance / jnp.where(change < 0, change, -1.0), 1.0)
    return jnp.min(limits, initial=1.0)


def step_to_boundary(box: Box, v: jax.Array, dv: jax.Array, tau: jax.Array) -> jax.Array:
    """Largest step of v that keeps a share 1 - tau of every distance."""
    low, high = box.distances(v)
    below = largest_step(low, jnp.where(box.has_lower, dv, 0.0), tau)
    return jnp.minimum(below, largest_step(high, jnp.where(box.has_upper, -dv, 0.0), tau))


def safeguarded(box: Box, v, lower, upper, mu) -> tuple[jax.Array, jax.Array]:
    """Multipliers not too far from mu / distance (equation 16 of the paper)."""
    low, high = box.distances(v)

    def held(multiplier, distance, has):
        usual = mu / distance
        return jnp.where(has, jnp.clip(multiplier, usual / KAPPA_SIGMA, usual * KAPPA_SIGMA), 0.0)

    return held(lower, low, box.has_lower), held(upper, high, box.has_upper)
