"""Judge whether a problem is done, and whether the barrier parameter may fall."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from lagrad.batched import statuses
from lagrad.batched.errors import largest, residuals
from lagrad.batched.filter import emptied
from lagrad.batched.point import Point
from lagrad.batched.restoration import LEAST_MU
from lagrad.batched.settings import DIVERGED, KAPPA_EPSILON, KAPPA_MU, THETA_MU, Settings
from lagrad.batched.state import NORMAL, RESTORATION, START, State

# Unscaled residuals that IPOPT asks for beside the scaled ones.
MOST_STATIONARITY, MOST_VIOLATION = 1.0, 1e-4
# Residuals that are stationary above this are infeasible.
LEAST_VIOLATION = 1e-6


def judged(point: Point, state: State, settings: Settings) -> State:
    """The state with its residuals, its status, and the barrier parameter that it deserves."""
    errors = residuals(point.box, state, point.slope, point.residual, 0.0)
    kept = jnp.where(state.mode == NORMAL, errors, state.errors)
    status = verdict(point, state, errors, settings)
    return lowered(point, state._replace(status=status, errors=kept), settings)


def verdict(point: Point, state: State, errors: jax.Array, settings: Settings) -> jax.Array:
    """Code of the status."""
    unscaled = errors[0] / state.objective_scale, largest(point.residual / state.row_scale)
    solved = (jnp.max(errors) <= settings.tol) & (unscaled[0] <= MOST_STATIONARITY)
    solved &= (unscaled[1] <= MOST_VIOLATION) & (state.mode == NORMAL)
    stuck = (state.mode == RESTORATION) & (state.restoration_mu <= LEAST_MU * 1.01)
    stuck &= (errors[0] <= stationary(point)) & (largest(point.residual) > LEAST_VIOLATION)
    far = (largest(state.v) > DIVERGED) | (point.objective / state.objective_scale < -DIVERGED)
    code = jnp.where(stuck, statuses.INFEASIBLE, statuses.UNDER_WAY)
    code = jnp.where(solved, statuses.OPTIMAL, code)
    code = jnp.where(far & (state.mode == NORMAL), statuses.UNBOUNDED, code)
    return jnp.where(point.is_finite, code, statuses.INVALID_NUMBER).astype(state.status.dtype)


def stationary(point: Point) -> jax.Array:
    """What the gradient of |r|^2 / 2 may be where infeasibility cannot fall."""
    return 1e-6 * jnp.minimum(1.0, largest(point.residual))


def lowered(point: Point, state: State, settings: Settings) -> State:
    """The state with the smallest barrier parameter that its residuals allow; the filter then begins anew."""
    restores = state.mode == RESTORATION
    least = jnp.where(restores, LEAST_MU, settings.tol / 10.0)

    def error(mu):
        return jnp.max(residuals(point.box, state, point.slope, restored(point, restores), mu))

    def falls(mu):
        return (state.mode != START) & (mu > least) & (error(mu) <= KAPPA_EPSILON * mu)

    def lower(mu):
        return jnp.maximum(least, jnp.minimum(KAPPA_MU * mu, mu**THETA_MU))

    before = jnp.where(restores, state.restoration_mu, state.mu)
    mu = jax.lax.while_loop(falls, lower, before)
    fresh = (mu < before) & ~restores
    return state._replace(
        mu=jnp.where(restores, state.mu, mu),
        restoration_mu=jnp.where(restores, mu, state.restoration_mu),
        filter=jnp.where(fresh, emptied(state.filter), state.filter),
        filter_count=jnp.where(fresh, 0, state.filter_count),
    )


def restored(point: Point, restores: jax.Array) -> jax.Array:
    """What counts as infeasibility: nothing in restoration, whose rows hold by definition."""
    return jnp.where(restores, 0.0, point.residual)
