"""Turn the last state of a solve into an answer in the user's units."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from lagrad.batched.model import Model
from lagrad.batched.state import State


class Answer(NamedTuple):
    """How a problem ended: flat arrays, which `vmap` stacks.

    Args:
        x: within the bounds, (n,).
        multipliers: of the rows, (m,); the same signs as everywhere.
        lower: multipliers of lower bounds, at least 0, (n,).
        upper: the same of upper bounds.
        status: a code, see `lagrad.batched.statuses`.
        iterations: matrices factored.
        errors: stationarity, feasibility, complementarity as the method measures them, scaled, (3,).
    """

    x: jax.Array
    multipliers: jax.Array
    lower: jax.Array
    upper: jax.Array
    status: jax.Array
    iterations: jax.Array
    errors: jax.Array


def answer_of(model: Model, state: State) -> Answer:
    """The answers that states hold, with the batch as their first axis."""
    problem, scale = model.derivatives.problem, state.objective_scale
    lower, upper = model.box.spread(state.lower, state.upper)
    return Answer(
        x=jnp.clip(state.v[: model.n].T, problem.lower, problem.upper),
        multipliers=(state.y * state.row_scale / scale).T,
        lower=(lower[: model.n] / scale).T,
        upper=(upper[: model.n] / scale).T,
        status=state.status,
        iterations=state.sweeps,
        errors=state.errors.T,
    )


def with_fixed(model: Model, params: Any, answer: Answer) -> Answer:
    """The same answers with the multipliers of fixed variables, which stationarity alone decides.

    Args:
        model: functions and bounds.
        params: of each answer.
        answer: of a batch, as the method leaves it: without multipliers where nothing moves.
    """
    if model.moves.all():
        return answer
    rows, columns = model.derivatives.jacobian_structure
    _, _, gradient, entries = model.evaluation.first(params, answer.x.T)
    pull = gradient.at[columns].add(entries * answer.multipliers.T[rows]).T
    fixed = ~model.moves[:, 0]
    return answer._replace(
        lower=jnp.where(fixed, jnp.maximum(pull, 0.0), answer.lower),
        upper=jnp.where(fixed, jnp.maximum(-pull, 0.0), answer.upper),
    )


class Solved(NamedTuple):
    """How a problem ended, in the shapes of its declaration.

    Args:
        x: pytree like x0.
        multipliers: name of each constraint -> its multipliers, in the shape of its value.
        bound_multipliers: `lower` and `upper`, nonnegative pytrees like x0.
        status: a code; `lagrad.batched.statuses.status_of(int(code))` is the word for it. 1 is optimal.
        iterations: matrices factored.
        errors: scaled stationarity, feasibility and complementarity, (3,).
    """

    x: Any
    multipliers: Any
    bound_multipliers: Any
    status: jax.Array
    iterations: jax.Array
    errors: jax.Array
