"""Try points along steps: f and c, no derivative, halved steps until each problem has its point or gives up.

Few problems of a batch need a second trial, and some need many. So the first trial is made for all, side by
side; after it those that go on are gathered, and several halvings of each are looked at together.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.batched.barrier import barrier
from lagrad.batched.line_search import Merit, Reference, acceptable, smallest_step
from lagrad.batched.model import Model, box_of, residual_of, values_at

# Problems that are gathered, and halvings of each: 64 points, half as many as a queue has slots.
GATHERED, HALVINGS = 8, 8


class Line(NamedTuple):
    """What trials along a step need to know; what has no shape here is (B,).

    Args:
        params: of each problem, with the batch as their first axis.
        v: where the step begins, (n + k, B).
        way: the step, (n + k, B).
        objective_scale: factor of the objective.
        row_scale: factor of each row, (m, B).
        restores: whether feasibility is sought.
        mu: barrier parameter.
        reference: what trials are compared with.
    """

    params: Any
    v: jax.Array
    way: jax.Array
    objective_scale: jax.Array
    row_scale: jax.Array
    restores: jax.Array
    mu: jax.Array
    reference: Reference

    def at(self, places: jax.Array) -> Line:
        """The lines of some problems."""
        params = jax.tree.map(lambda leaf: leaf[places], self.params)
        return jax.tree.map(lambda leaf: leaf[..., places], self._replace(params=None))._replace(
            params=params
        )


class Trial(NamedTuple):
    """Outcome of a trial, (B,) each.

    Args:
        alpha: length of the step.
        merit: of the point there.
        is_accepted: whether it is taken.
        goes_on: whether a shorter step is tried.
    """

    alpha: jax.Array
    merit: Merit
    is_accepted: jax.Array
    goes_on: jax.Array


def tried(model: Model, line: Line, alpha: jax.Array, tested: jax.Array) -> tuple[Trial, jax.Array]:
    """A trial of each problem, and the residual there, (m, B).

    Args:
        model: functions.
        line: where to look.
        alpha: length of the step.
        tested: length by which the fall of the barrier function is judged.
    """
    v = line.v + alpha * line.way
    values = values_at(model, line.params, v[: model.n], line.objective_scale, line.row_scale)
    residual = residual_of(model, values.rows, v[model.n :], line.row_scale)
    box = box_of(model, line.row_scale)
    merit = merit_of(values.objective, residual, line.restores, barrier(box, v, line.mu))
    accepted = acceptable(merit, line.reference, tested)
    goes_on = ~accepted & (0.5 * alpha >= smallest_step(line.reference))
    return Trial(alpha, merit, accepted, goes_on), residual


def merit_of(objective, residual, restores, barrier_term) -> Merit:
    """Infeasibility and barrier function; in restoration 0 and that of |r|^2 / 2."""
    theta = jnp.where(restores, 0.0, jnp.sum(jnp.abs(residual), axis=0))
    aim = jnp.where(restores, 0.5 * jnp.sum(residual**2, axis=0), objective)
    return Merit(theta, aim + barrier_term)


def halved(model: Model, line: Line, first: Trial) -> Trial:
    """The last of a series of trials, each of half the length."""
    width = min(GATHERED, first.alpha.size)
    shares = 0.5 ** np.arange(1.0, HALVINGS + 1.0)

    def further(trial: Trial) -> Trial:
        order = jnp.argsort(~trial.goes_on, stable=True)[:width]
        alpha = jnp.ravel(trial.alpha[order][:, None] * shares)
        lanes, _ = tried(model, line.at(jnp.repeat(order, HALVINGS)), alpha, alpha)
        goes_on = lanes.goes_on.reshape(width, HALVINGS)
        last = jnp.where(jnp.all(goes_on, axis=1), HALVINGS - 1, jnp.argmin(goes_on, axis=1))
        found = jax.tree.map(lambda leaf: leaf[jnp.arange(width) * HALVINGS + last], lanes)
        # Places of problems that do not go on lie past the end, where `drop` leaves them out.
        places = jnp.where(trial.goes_on[order], order, first.alpha.size)
        return jax.tree.map(lambda old, new: old.at[places].set(new, mode="drop"), trial, found)

    return jax.lax.while_loop(lambda trial: jnp.any(trial.goes_on), further, first)
