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
from lagrad.batched.model import Model, scaled_jacobian, slopes_at
from lagrad.batched.settings import LARGEST_GRADIENT
from lagrad.batched.state import RESTORATION, START, State


class Point(NamedTuple):
    """Values and slopes at the point of a state, scaled.

    Args:
        box: bounds of v.
        objective: f.
        residual: c(x) - s, (m,).
        gradient: of what is minimised, by x, without constraints, (n,).
        slope: of the Lagrangian without bounds, by v, (n + m,).
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
    f, c = model.derivatives.values(x, params)
    slopes = slopes_at(model, params, x)
    scale = jnp.where(is_start, factor(largest(slopes.gradient)), state.objective_scale)
    row_scale = jnp.where(is_start, factor(slopes.steepness), state.row_scale)
    f, c, gradient = scale * f, row_scale * c, scale * slopes.gradient
    box = box_of(model, row_scale)
    v = jnp.where(is_start, box.inside(jnp.concatenate([x, c])), state.v)
    residual = c - v[model.n :]
    restores = state.mode == RESTORATION
    y = jnp.where(restores, residual, state.y)
    gradient = jnp.where(restores, 0.0, gradient)
    jacobian = scaled_jacobian(model, slopes, row_scale)
    slope = jnp.concatenate([gradient + model.algebra.times_transposed(jacobian, y), -y])
    theta_0 = jnp.where(is_start, jnp.maximum(1.0, jnp.sum(jnp.abs(residual))), state.theta_0)
    finite = jnp.isfinite(f) & jnp.isfinite(c).all() & jnp.isfinite(slope).all()
    finite &= jnp.isfinite(slopes.jacobian).all()
    state = state._replace(v=v, y=y, objective_scale=scale, row_scale=row_scale, theta_0=theta_0)
    return Point(box, f, residual, gradient, slope, jacobian, finite), state


def factor(size: jax.Array) -> jax.Array:
    """What brings a gradient down to the largest one that is left alone (section 3.8 of the paper)."""
    return jnp.where(size > LARGEST_GRADIENT, LARGEST_GRADIENT / jnp.maximum(size, 1.0), 1.0)


def box_of(model: Model, row_scale: jax.Array) -> Box:
    """Bounds of x and of the scaled slacks."""
    return model.box.scaled(jnp.concatenate([jnp.ones(model.n), row_scale]))
