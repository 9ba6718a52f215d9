"""Advance a state by one factorisation and at most one step.

A matrix of wrong inertia is no loop within the sweep: the problem keeps its point, and its next sweep tries a
larger shift. Nor is a second-order correction: the next sweep makes it, with the same matrix factored once
more. So in a batch nobody waits for another's factorisations and solves.

    evaluated -> judged -> factored -> tried -> step | correction | larger shift | restoration
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from lagrad.batched import statuses
from lagrad.batched.attempt import attempted
from lagrad.batched.inertia import raised
from lagrad.batched.judgement import judged
from lagrad.batched.kkt import System, factored
from lagrad.batched.model import Model, hessian_at
from lagrad.batched.point import Point, evaluated
from lagrad.batched.restoration import left
from lagrad.batched.settings import LARGEST_SHIFT, Settings
from lagrad.batched.state import NORMAL, RESTORATION, START, State, choose
from lagrad.batched.step import after_attempt, with_multipliers


def sweep(model: Model, settings: Settings, params: Any, state: State) -> State:
    """The state after one more sweep; one that has ended stays as it is."""
    point, begun = evaluated(model, params, state)
    seen = judged(point, begun, settings)
    after = choose(seen.status == statuses.UNDER_WAY, moved(model, settings, params, point, seen), seen)
    return choose(state.status == statuses.UNDER_WAY, after, state)


def moved(model: Model, settings: Settings, params: Any, point: Point, state: State) -> State:
    """The state after a factorisation, and a step if the inertia is right."""
    back = left(point, state, settings.tol)
    is_back = back.mode != state.mode
    system = assembled(model, params, point, state)._replace(accuracy=settings.accuracy)
    definite = model.algebra.is_definite(system.factor)
    found = attempted(model, params, point, state, system, definite & ~is_back)
    further = after_attempt(model, settings, point, state, found)
    stepped = choose(state.mode == START, with_multipliers(state, found), further)
    after = choose(is_back, back, choose(definite, stepped, raised(state)))
    after = after._replace(sweeps=state.sweeps + 1)
    late = jnp.where(after.sweeps >= settings.max_iterations, statuses.ITERATION_LIMIT, after.status)
    status = jnp.where(after.shift > LARGEST_SHIFT, statuses.ERROR, late)
    return after._replace(status=jnp.where(after.status == statuses.UNDER_WAY, status, after.status))


def assembled(model: Model, params: Any, point: Point, state: State) -> System:
    """The factored Newton system of a state; at the start that of least-squares multipliers, H = 0, D = 1."""
    is_start = state.mode == START
    weight = jnp.where(state.mode == NORMAL, state.objective_scale, 0.0)
    weights = jnp.where(is_start, 0.0, state.y * state.row_scale)
    hessian = hessian_at(model, params, state.v[: model.n], weight, weights)
    low, high = point.box.distances(state.v)
    below, above = point.box.spread(state.lower / low, state.upper / high)
    diagonal = jnp.where(is_start, 1.0, below + above + state.shift)
    rho = jnp.where(state.mode == RESTORATION, 1.0, 0.0)
    parts = diagonal[: model.n], diagonal[model.n :]
    return factored(model.algebra, hessian, point.jacobian, parts, (model.moves, model.sliding), rho)
