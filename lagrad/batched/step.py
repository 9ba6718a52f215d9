"""Turn a search for a step that ended into the next state."""

from __future__ import annotations

import jax.numpy as jnp

from lagrad.batched import statuses
from lagrad.batched.attempt import Attempt, barrier_parameter, merit_at, reference_of, tau_of
from lagrad.batched.barrier import largest_step, multiplier_steps, safeguarded
from lagrad.batched.errors import largest
from lagrad.batched.filter import with_point
from lagrad.batched.inertia import raised, settled
from lagrad.batched.line_search import Merit, augments
from lagrad.batched.model import Model
from lagrad.batched.point import Point
from lagrad.batched.restoration import entered
from lagrad.batched.settings import FIRST_SHIFT, LARGEST_MULTIPLIER, Settings
from lagrad.batched.state import NORMAL, RESTORATION, State, choose

# Line searches that may fail one after the other where there is nothing to restore.
PATIENCE = 8


def after_attempt(model: Model, settings: Settings, point: Point, state: State, found: Attempt) -> State:
    """The state after a line search, whatever that says."""
    here = merit_at(point, state)
    stepped = with_step(model, point, state, found)
    failed = without_step(point, state, here, settings)
    return choose(
        found.is_accepted, stepped, choose(found.correction != 0, with_correction(state, found), failed)
    )


def with_multipliers(state: State, found: Attempt) -> State:
    """The state after the start: rows have their least-squares multipliers, unless these are too large."""
    usable = largest(found.step.y) <= LARGEST_MULTIPLIER
    return settled(state)._replace(
        y=jnp.where(usable, found.step.y, 0.0), mode=jnp.full_like(state.mode, NORMAL)
    )


def with_step(model: Model, point: Point, state: State, found: Attempt) -> State:
    """The state at the new point."""
    mu, reference = barrier_parameter(state), reference_of(point, state, found.fall)
    direction = jnp.concatenate([found.step.x, found.step.slack])
    change = multiplier_steps(point.box, state.v, state.lower, state.upper, direction, mu)
    below, above = (
        largest_step(multiplier, step, tau_of(state))
        for multiplier, step in zip((state.lower, state.upper), change, strict=True)
    )
    alpha = jnp.minimum(below, above)
    moved = state.lower + alpha * change[0], state.upper + alpha * change[1]
    lower, upper = safeguarded(point.box, found.v, *moved, mu)
    remember = (state.mode == NORMAL) & augments(found.merit, reference, found.alpha)
    kept = with_point(state.filter, state.filter_count, *reference.merit)
    return settled(state)._replace(
        v=found.v,
        y=state.y + found.alpha * found.step.y,
        lower=lower,
        upper=upper,
        filter=jnp.where(remember, kept, state.filter),
        filter_count=state.filter_count + remember,
        failures=jnp.zeros_like(state.failures),
        in_vain=(state.correction < 0) | (state.in_vain & (found.alpha < found.longest)),
    )


def with_correction(state: State, found: Attempt) -> State:
    """The state before a second-order correction, or before shorter steps if these were in vain."""
    return state._replace(
        correction=found.correction,
        target=found.target,
        tried_theta=found.merit.theta,
        fall=found.fall,
        longest=found.longest,
    )


def without_step(point: Point, state: State, here: Merit, settings: Settings) -> State:
    """The state after a line search that failed: restoration, else a larger shift, else the end."""
    infeasible = largest(point.residual) > settings.tol
    higher = raised(state)
    shift = jnp.maximum(higher.shift, FIRST_SHIFT)
    none = jnp.zeros_like(state.correction)
    again = higher._replace(shift=shift, last_shift=shift, failures=state.failures + 1, correction=none)
    good = jnp.max(state.errors, axis=0) <= settings.acceptable
    end = jnp.where(good, statuses.ACCEPTABLE, statuses.ERROR)
    end = jnp.where(state.mode == RESTORATION, statuses.INFEASIBLE, end).astype(state.status.dtype)
    again = again._replace(status=jnp.where(again.failures >= PATIENCE, end, again.status))
    restores = (state.mode == NORMAL) & infeasible & ~(good & (state.failures == 0))
    return choose(restores, entered(point.box, state, here, point.residual), again)
