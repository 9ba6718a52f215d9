"""From a factored system to a step: full step, second-order corrections, halved steps, in one loop.

Each turn solves for a direction if one is wanted, and tries a point: f and c, no derivative. Under `vmap` the
loop turns until every problem of the batch has its step; the solve is a loop of at most one turn, so that it
is skipped where nobody wants it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from lagrad.batched.barrier import barrier, barrier_gradient, step_to_boundary
from lagrad.batched.errors import largest
from lagrad.batched.filter import emptied
from lagrad.batched.kkt import Step, System, solve
from lagrad.batched.line_search import Merit, Reference, acceptable, smallest_step
from lagrad.batched.model import Model, values_at
from lagrad.batched.point import Point
from lagrad.batched.settings import EPSILON, TAU_MIN
from lagrad.batched.state import NORMAL, RESTORATION, START, State

# Second-order corrections of one step, and what each must leave of infeasibility.
CORRECTIONS, KAPPA_SOC = 4, 0.99
# Residual up to which a step too small to be judged is taken.
FEASIBLE = 1e-8
FULL, CORRECTING, HALVING = 0, 1, 2


class Attempt(NamedTuple):
    """A step that is looked for.

    Args:
        phase: FULL, CORRECTING or HALVING.
        wants: whether the next turn begins with a solve.
        ended: whether the search is over.
        is_accepted: and whether it found a step.
        target: residual that the next solve brings to zero, (m,).
        step: Newton direction, corrections left out.
        way: direction of the next trial in v, (n + m,).
        alpha: length of the next trial.
        alpha_max: length of the full step.
        v: point that was tried last.
        merit: of it.
        corrections: how many were made.
    """

    phase: jax.Array
    wants: jax.Array
    ended: jax.Array
    is_accepted: jax.Array
    target: jax.Array
    step: Step
    way: jax.Array
    alpha: jax.Array
    alpha_max: jax.Array
    v: jax.Array
    merit: Merit
    corrections: jax.Array


def attempted(model: Model, params: Any, point: Point, state: State, system: System, active) -> Attempt:
    """Look for a step; at the start of a problem only for the direction, whose `y` are first multipliers."""
    whole, number = jnp.zeros((), jnp.int32), jnp.zeros(())
    nowhere = Step(jnp.zeros(model.n), jnp.zeros(model.m), jnp.zeros(model.m))
    begin = Attempt(
        phase=whole + FULL,
        wants=active,
        ended=~active,
        is_accepted=jnp.zeros_like(active),
        target=jnp.where(state.mode == NORMAL, point.residual, 0.0),
        step=nowhere,
        way=jnp.zeros_like(state.v),
        alpha=number,
        alpha_max=number,
        v=state.v,
        merit=Merit(number, number),
        corrections=whole,
    )
    return jax.lax.while_loop(
        lambda at: ~at.ended, lambda at: turn(model, params, point, state, system, at), begin
    )


def turn(model: Model, params: Any, point: Point, state: State, system: System, at: Attempt) -> Attempt:
    """One trial."""
    at = directed(model, point, state, system, at)
    reference = reference_of(model, point, state, at)
    v = state.v + at.alpha * at.way
    values = values_at(model, params, v[: model.n], state.objective_scale, state.row_scale)
    residual = values.rows - v[model.n :]
    merit = merit_of(point.box, state, v, values.objective, residual)
    tested = jnp.where(at.phase == CORRECTING, at.alpha_max, at.alpha)
    # Rounding hides what such a step does; but one that leaves a point infeasible leads nowhere.
    tiny = largest(at.way / (1.0 + jnp.abs(state.v))) <= 10.0 * EPSILON
    tiny &= (state.mode != NORMAL) | (largest(residual) <= FEASIBLE)
    accepted = acceptable(merit, reference, tested) | (tiny & (at.phase == FULL))
    tried = at._replace(v=v, merit=merit, is_accepted=accepted)
    after = following(tried, at.merit, reference, residual, state)
    return after._replace(ended=accepted | (state.mode == START) | after.ended)


def directed(model: Model, point: Point, state: State, system: System, at: Attempt) -> Attempt:
    """The attempt with the direction that it wants, and its full length."""
    bounds = jnp.where(
        state.mode == START,
        state.upper - state.lower,
        barrier_gradient(point.box, state.v, barrier_parameter(state)),
    )
    right = -(point.slope + bounds)

    def solved(at: Attempt) -> Attempt:
        step = solve(model.algebra, system, Step(right[: model.n], right[model.n :], -at.target))
        way = jnp.concatenate([step.x, step.slack])
        alpha = step_to_boundary(point.box, state.v, way, tau_of(state))
        is_first = at.phase == FULL
        kept = jax.tree.map(lambda new, old: jnp.where(is_first, new, old), step, at.step)
        longest = jnp.where(is_first, alpha, at.alpha_max)
        return at._replace(wants=at.wants & False, step=kept, way=way, alpha=alpha, alpha_max=longest)

    return jax.lax.while_loop(lambda at: at.wants, solved, at)


def following(at: Attempt, before: Merit, reference: Reference, residual, state: State) -> Attempt:
    """What to try after a trial that was turned down (section 2.4 of the paper)."""
    worse = (at.phase == FULL) & (state.mode == NORMAL) & (at.merit.theta >= reference.merit.theta)
    improves = (at.merit.theta <= KAPPA_SOC * before.theta) & (at.corrections < CORRECTIONS)
    corrects = worse | ((at.phase == CORRECTING) & improves)
    length = jnp.where(at.phase == HALVING, at.alpha, at.alpha_max)
    direction = jnp.concatenate([at.step.x, at.step.slack])
    return at._replace(
        phase=jnp.where(corrects, CORRECTING, HALVING).astype(at.phase.dtype),
        wants=corrects,
        ended=~corrects & (0.5 * length < smallest_step(reference)),
        target=jnp.where(corrects, at.alpha * at.target + residual, at.target),
        way=jnp.where(at.is_accepted, at.way, direction),
        alpha=jnp.where(at.is_accepted, at.alpha, 0.5 * length),
        corrections=at.corrections + corrects,
    )


def reference_of(model: Model, point: Point, state: State, at: Attempt) -> Reference:
    """What trials are compared with."""
    here = merit_of(point.box, state, state.v, point.objective, point.residual)
    restores = state.mode == RESTORATION
    plain = jnp.concatenate([point.gradient, jnp.zeros(model.m)])
    aim = jnp.where(point.box.free, jnp.where(restores, point.slope, plain), 0.0)
    gradient = aim + barrier_gradient(point.box, state.v, barrier_parameter(state))
    slope = gradient @ jnp.concatenate([at.step.x, at.step.slack])
    return Reference(here, slope, jnp.where(restores, emptied(state.filter), state.filter), state.theta_0)


def merit_of(box, state: State, v, objective, residual) -> Merit:
    """Infeasibility and barrier function; in restoration 0 and that of |r|^2 / 2."""
    restores = state.mode == RESTORATION
    theta = jnp.where(restores, 0.0, jnp.sum(jnp.abs(residual)))
    aim = jnp.where(restores, 0.5 * jnp.sum(residual**2), objective)
    return Merit(theta, aim + barrier(box, v, barrier_parameter(state)))


def barrier_parameter(state: State) -> jax.Array:
    """That of the problem, or of restoration."""
    return jnp.where(state.mode == RESTORATION, state.restoration_mu, state.mu)


def tau_of(state: State) -> jax.Array:
    """Share of a distance that a step may take."""
    return jnp.maximum(TAU_MIN, 1.0 - barrier_parameter(state))
