"""Look for a step: factored systems in; accepted points, or what the next sweep should try, out.

One solve a sweep, then trials of shorter and shorter steps until every problem of the batch has its step or
gives up. Where the full step is turned down because it is infeasible, the next sweep solves for a
second-order correction (section 2.4 of the paper).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from lagrad.batched.barrier import barrier, barrier_gradient, step_to_boundary
from lagrad.batched.errors import largest
from lagrad.batched.filter import emptied
from lagrad.batched.kkt import Step, System, solve
from lagrad.batched.line_search import Merit, Reference
from lagrad.batched.model import Model
from lagrad.batched.point import Point
from lagrad.batched.settings import EPSILON, TAU_MIN
from lagrad.batched.state import NORMAL, RESTORATION, START, State
from lagrad.batched.trials import Line, Trial, halved, merit_of, tried

# Second-order corrections of one step, and what each must leave of infeasibility.
CORRECTIONS, KAPPA_SOC = 4, 0.99
# Residual up to which a step too small to be judged is taken.
FEASIBLE = 1e-8


class Attempt(NamedTuple):
    """A step that was looked for; what has no shape here is (B,).

    Args:
        step: of variables, slacks and multipliers.
        v: point that was tried last, (n + k, B).
        alpha: length of the step to it.
        merit: of it.
        is_accepted: whether it is taken.
        fall: derivative of the barrier function along the Newton step, corrections left out.
        longest: length of that step.
        correction: what the next sweep tries, as in `State`.
        target: residual that it brings to zero, (m, B).
    """

    step: Step
    v: jax.Array
    alpha: jax.Array
    merit: Merit
    is_accepted: jax.Array
    fall: jax.Array
    longest: jax.Array
    correction: jax.Array
    target: jax.Array


def attempted(model: Model, params: Any, point: Point, state: State, system: System, active) -> Attempt:
    """Look for a step; at the start of a problem only for the direction, whose `y` are first multipliers."""
    corrects = state.correction > 0
    plain = jnp.where(state.mode == NORMAL, point.residual, 0.0)
    target = jnp.where(corrects, state.target, plain)
    step = direction(model, point, state, system, target)
    way = jnp.concatenate([step.x, step.slack])
    alpha = step_to_boundary(point.box, state.v, way, tau_of(state))
    fall = jnp.where(corrects, state.fall, jnp.sum(aim_of(model, point, state) * way, axis=0))
    longest = jnp.where(corrects, state.longest, alpha)
    reference = reference_of(point, state, fall)
    scales = state.objective_scale, state.row_scale
    line = Line(params, state.v, way, *scales, state.mode == RESTORATION, barrier_parameter(state), reference)
    length = jnp.where(state.correction < 0, 0.5 * alpha, alpha)
    first, residual = tried(model, line, length, jnp.where(corrects, longest, alpha))
    # Rounding hides what such a step does; but one that leaves a point infeasible leads nowhere.
    tiny = (largest(way / (1.0 + jnp.abs(state.v))) <= 10.0 * EPSILON) & (state.correction == 0)
    tiny &= (state.mode != NORMAL) | (largest(residual) <= FEASIBLE)
    accepted = active & (first.is_accepted | tiny)
    correction = jnp.where(active & ~accepted, next_correction(state, first, reference), 0)
    shorter = active & ~accepted & (correction == 0) & (state.mode != START)
    last = halved(model, line, first._replace(is_accepted=accepted, goes_on=first.goes_on & shorter))
    return Attempt(
        step, state.v + last.alpha * way, last.alpha, last.merit, last.is_accepted, fall, longest, correction,
        target=first.alpha * target + residual,
    )  # fmt: skip


def next_correction(state: State, first: Trial, reference: Reference) -> jax.Array:
    """Which correction follows the first trial of a sweep that was turned down."""
    theta = first.merit.theta
    worse = (
        (state.correction == 0) & (state.mode == NORMAL) & (theta >= reference.merit.theta) & ~state.in_vain
    )
    improves = (theta <= KAPPA_SOC * state.tried_theta) & (state.correction < CORRECTIONS)
    in_vain = (state.correction > 0) & ~improves
    goes_on = worse | ((state.correction > 0) & improves)
    return jnp.where(in_vain, -1, jnp.where(goes_on, state.correction + 1, 0))


def direction(model: Model, point: Point, state: State, system: System, target: jax.Array) -> Step:
    """The solution of the Newton system that brings the residual `target` to zero."""
    below, above = point.box.spread(state.lower, state.upper)
    bounds = barrier_gradient(point.box, state.v, barrier_parameter(state))
    right = -(point.slope + jnp.where(state.mode == START, above - below, bounds))
    return solve(model.algebra, system, Step(right[: model.n], right[model.n :], -target))


def aim_of(model: Model, point: Point, state: State) -> jax.Array:
    """Gradient of what is minimised, barrier included, (n + k, B)."""
    plain = jnp.concatenate([point.gradient, jnp.zeros_like(point.slope[model.n :])])
    aim = jnp.where(point.box.free, jnp.where(state.mode == RESTORATION, point.slope, plain), 0.0)
    return aim + barrier_gradient(point.box, state.v, barrier_parameter(state))


def reference_of(point: Point, state: State, fall: jax.Array) -> Reference:
    """What trials are compared with."""
    here = merit_at(point, state)
    known = jnp.where(state.mode == RESTORATION, emptied(state.filter), state.filter)
    return Reference(here, fall, known, state.theta_0)


def merit_at(point: Point, state: State) -> Merit:
    """Infeasibility and barrier function at the point of a state."""
    term = barrier(point.box, state.v, barrier_parameter(state))
    return merit_of(point.objective, point.residual, state.mode == RESTORATION, term)


def barrier_parameter(state: State) -> jax.Array:
    """That of the problem, or of restoration."""
    return jnp.where(state.mode == RESTORATION, state.restoration_mu, state.mu)


def tau_of(state: State) -> jax.Array:
    """Share of a distance that a step may take."""
    return jnp.maximum(TAU_MIN, 1.0 - barrier_parameter(state))
