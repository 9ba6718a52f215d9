"""Evaluate scaled values and first derivatives at the point of a state.

Restoration minimises |c(x) - s|^2 / 2 under the same bounds. Its rows' multipliers are r = c(x) - s, its
gradient (J' r, -r): the objective has weight 0, everything else is as usual.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from lagrad.batched.barrier import Box
from lagrad.batched.errors import largest
from lagrad.batched.model import Model, box_of, residual_of, scaled_jacobian, slopes_at
from lagrad.batched.places import taken
from lagrad.batched.settings import LARGEST_GRADIENT
from lagrad.batched.state import RESTORATION, START, State


class Point(NamedTuple):
    """Values and slopes at the point of a state, scaled.

    Args:
        box: bounds of v.
        objective: f.
        residual: c(x) - s, (m, B).
        gradient: of what is minimised, by x, without constraints, (n, B).
        slope: of the Lagrangian without bounds, by v, (n + k, B).
        jacobian: J, as the algebra holds it.
        is_finite: whether all of these are.
    """

    box: Box
    objective: jax.Array
    residual: jax.Array
    gradient: jax.Array
    slope: jax.Array
    jacobian: Any
    is_finite: jax.Array


def evaluated(model: Model, params: Any, state: State) -> tuple[Point, State]:
    """The point of a state; before the first sweep the state gets its scales and slacks."""
    x, is_start = state.v[: model.n], state.mode == START
    slopes = slopes_at(model, params, x)
    scale = jnp.where(is_start, factor(largest(slopes.gradient)), state.objective_scale)
    row_scale = jnp.where(is_start, factor(slopes.steepness), state.row_scale)
    f, c, gradient = scale * slopes.objective, row_scale * slopes.rows, scale * slopes.gradient
    box = box_of(model, row_scale)
    start = box.inside(jnp.concatenate([x, taken(c, model.sliding)]))
    v = jnp.where(is_start, start, state.v)
    residual = residual_of(model, c, v[model.n :], row_scale)
    restores = state.mode == RESTORATION
    y = jnp.where(restores, residual, state.y)
    gradient = jnp.where(restores, 0.0, gradient)
    jacobian = scaled_jacobian(model, slopes, row_scale)
    pull = model.algebra.times_transposed(jacobian, model.algebra.rows(y))
    of_x = gradient + model.algebra.flat_variables(pull)
    slope = jnp.concatenate([of_x, -taken(y, model.sliding)])
    theta = jnp.sum(jnp.abs(residual), axis=0)
    theta_0 = jnp.where(is_start, jnp.maximum(1.0, theta), state.theta_0)
    finite = jnp.isfinite(f) & jnp.isfinite(theta) & jnp.isfinite(jnp.sum(jnp.abs(slope), axis=0))
    finite &= jnp.isfinite(jnp.sum(slopes.steepness, axis=0))
    state = state._replace(v=v, y=y, objective_scale=scale, row_scale=row_scale, theta_0=theta_0)
    return Point(box, f, residual, gradient, slope, jacobian, finite), state


def factor(size: jax.Array) -> jax.Array:
    """What brings a gradient down to the largest one that is left alone (section 3.8 of the paper)."""
    return jnp.where(size > LARGEST_GRADIENT, LARGEST_GRADIENT / jnp.maximum(size, 1.0), 1.0)
