"""Enter and leave restoration, which seeks feasibility where no step can be made.

It minimises |c(x) - s|^2 / 2 with the same barrier, exact Hessian and line search. It is left where the
filter accepts the point and infeasibility fell by a tenth, and ends the solve where infeasibility is
stationary.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from lagrad.batched.barrier import Box, barrier
from lagrad.batched.errors import largest
from lagrad.batched.filter import emptied, is_accepted, with_point
from lagrad.batched.line_search import Merit
from lagrad.batched.point import Point
from lagrad.batched.state import NORMAL, RESTORATION, State, choose

# Share of the infeasibility that may be left.
ENOUGH = 0.9
# Residuals below this share of the tolerance are feasible, whatever the filter says.
FEASIBLE = 0.5
LARGEST_MU, LEAST_MU = 0.1, 1e-14


def entered(box: Box, state: State, merit: Merit, residual: jax.Array) -> State:
    """The state at the beginning of restoration; the filter keeps solver and point apart."""
    mu = jnp.clip(0.1 * largest(residual) ** 2, LEAST_MU, LARGEST_MU)
    low, high = box.distances(state.v)
    return state._replace(
        mode=jnp.full_like(state.mode, RESTORATION),
        lower=mu / low,
        upper=mu / high,
        filter=with_point(state.filter, state.filter_count, *merit),
        filter_count=state.filter_count + 1,
        restoration_theta=merit.theta,
        restoration_mu=mu,
        failures=jnp.zeros_like(state.failures),
        shift=jnp.zeros_like(state.shift),
        correction=jnp.zeros_like(state.correction),
    )


def left(point: Point, state: State, tol: float) -> State:
    """The state after restoration where its aim is reached, else the state itself.

    Multipliers begin again, as at the start.
    """
    theta = jnp.sum(jnp.abs(point.residual), axis=0)
    phi = point.objective + barrier(point.box, state.v, state.mu)
    feasible = largest(point.residual) <= FEASIBLE * tol
    welcome = is_accepted(state.filter, theta, phi) & (theta <= ENOUGH * state.restoration_theta)
    done = (state.mode == RESTORATION) & (feasible | welcome)
    low, high = point.box.distances(state.v)
    back = state._replace(
        mode=jnp.full_like(state.mode, NORMAL),
        y=jnp.zeros_like(state.y),
        lower=state.mu / low,
        upper=state.mu / high,
        filter=jnp.where(welcome, state.filter, emptied(state.filter)),
        failures=jnp.zeros_like(state.failures),
        shift=jnp.zeros_like(state.shift),
    )
    return choose(done, back, state)
