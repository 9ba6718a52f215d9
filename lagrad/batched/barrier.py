"""Compute barrier terms, steps to the boundary and bound multipliers of v = (x, s).

Multipliers and distances stand for sides that exist, nothing for the others: (p, B) for the p entries with a
lower side, (q, B) for the q entries with an upper one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.batched.places import spread, taken
from lagrad.batched.settings import KAPPA_1, KAPPA_2, KAPPA_D, KAPPA_SIGMA, RELAXATION


class Box(NamedTuple):
    """Bounds of v, and which of its entries have them and move at all.

    Args:
        lower: (k, 1), or (k, B) where scales differ; a harmless number where there is no bound.
        upper: the same.
        has_lower: whether there is one, (k, 1), bool; never for an entry that does not move.
        has_upper: the same.
        free: whether an entry moves, (k, 1).
    """

    lower: Any
    upper: Any
    has_lower: np.ndarray
    has_upper: np.ndarray
    free: np.ndarray

    @classmethod
    def of(cls, lower: np.ndarray, upper: np.ndarray) -> Box:
        """A box of sides that may be infinite; those of moving entries are loosened a little."""
        free = lower < upper
        has_lower, has_upper = np.isfinite(lower) & free, np.isfinite(upper) & free
        lower, upper = (np.where(np.isfinite(side), side, 0.0) for side in (lower, upper))
        lower = lower - has_lower * RELAXATION * np.maximum(1.0, np.abs(lower))
        upper = upper + has_upper * RELAXATION * np.maximum(1.0, np.abs(upper))
        return cls(*(side[:, None] for side in (lower, upper, has_lower, has_upper, free)))

    @property
    def sides(self) -> tuple[np.ndarray, np.ndarray]:
        """Entries with a lower side, (p,), and those with an upper one, (q,)."""
        return np.flatnonzero(self.has_lower), np.flatnonzero(self.has_upper)

    @property
    def single(self) -> tuple[np.ndarray, np.ndarray]:
        """Which of these have no other side, (p, 1) and (q, 1), as numbers."""
        below, above = self.sides
        return 1.0 - self.has_upper[below], 1.0 - self.has_lower[above]

    def first(self, count: int) -> Box:
        """The box of the first entries."""
        return Box(*(side[:count] for side in self))

    def scaled(self, factors: jax.Array) -> Box:
        """The box of the entries times positive factors."""
        return self._replace(lower=self.lower * factors, upper=self.upper * factors)

    def distances(self, v: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Distances to the lower sides, (p, B), and to the upper ones, (q, B)."""
        (low, high), (below, above) = self.at_sides(v), self.sides
        return low - taken(self.lower, below), taken(self.upper, above) - high

    def at_sides(self, v: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Entries with a lower side, (p, B), and those with an upper one, (q, B)."""
        below, above = self.sides
        return taken(v, below), taken(v, above)

    def spread(self, of_lower: Any, of_upper: Any) -> tuple[jax.Array, jax.Array]:
        """What stands for sides, by entry, (k, B) each; 0 without a side."""
        (below, above), size = self.sides, self.free.size
        return spread(of_lower, below, size), spread(of_upper, above, size)

    def inside(self, v: jax.Array) -> jax.Array:
        """The nearest point well inside (section 3.6 of the paper)."""
        room = jnp.where(self.has_lower & self.has_upper, self.upper - self.lower, jnp.inf)
        low = jnp.minimum(KAPPA_1 * jnp.maximum(1.0, jnp.abs(self.lower)), KAPPA_2 * room)
        high = jnp.minimum(KAPPA_1 * jnp.maximum(1.0, jnp.abs(self.upper)), KAPPA_2 * room)
        v = jnp.where(self.has_lower, jnp.maximum(v, self.lower + low), v)
        v = jnp.where(self.has_upper, jnp.minimum(v, self.upper - high), v)
        return jnp.where(self.free, v, self.lower)


def barrier(box: Box, v: jax.Array, mu: jax.Array) -> jax.Array:
    """-mu sum log(distance), with a small linear term where there is only one side; nan outside."""
    terms = (
        jnp.sum(KAPPA_D * single * distance - jnp.log(distance), axis=0)
        for distance, single in zip(box.distances(v), box.single, strict=True)
    )
    return mu * sum(terms)


def barrier_gradient(box: Box, v: jax.Array, mu: jax.Array) -> jax.Array:
    """Gradient of `barrier`."""
    (low, high), (only_lower, only_upper) = box.distances(v), box.single
    falls, rises = box.spread(KAPPA_D * only_lower - 1.0 / low, 1.0 / high - KAPPA_D * only_upper)
    return mu * (falls + rises)


def multiplier_steps(box: Box, v, lower, upper, dv, mu) -> tuple[jax.Array, jax.Array]:
    """Newton steps of the multipliers of both sides, given the step of v."""
    (low, high), (of_lower, of_upper) = box.distances(v), box.at_sides(dv)
    return (mu - lower * of_lower) / low - lower, (mu + upper * of_upper) / high - upper


def largest_step(distance: jax.Array, change: jax.Array, tau: jax.Array) -> jax.Array:
    """Largest alpha <= 1 with distance + alpha * change >= (1 - tau) * distance."""
    limits = jnp.where(change < 0, -tau * distance / jnp.where(change < 0, change, -1.0), 1.0)
    return jnp.min(limits, axis=0, initial=1.0)


def step_to_boundary(box: Box, v: jax.Array, dv: jax.Array, tau: jax.Array) -> jax.Array:
    """Largest step of v that keeps a share 1 - tau of every distance."""
    (low, high), (of_lower, of_upper) = box.distances(v), box.at_sides(dv)
    return jnp.minimum(largest_step(low, of_lower, tau), largest_step(high, -of_upper, tau))


def safeguarded(box: Box, v, lower, upper, mu) -> list[jax.Array]:
    """Multipliers not too far from mu / distance (equation 16 of the paper)."""
    usual = (mu / distance for distance in box.distances(v))
    return [
        jnp.clip(multiplier, near / KAPPA_SIGMA, near * KAPPA_SIGMA)
        for multiplier, near in zip((lower, upper), usual, strict=True)
    ]
