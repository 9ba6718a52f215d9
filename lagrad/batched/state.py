"""Hold what problems under way carry from sweep to sweep: arrays of fixed shapes, the batch B last.

v = (x, s) holds n variables and the k slacks of rows that are no equalities, with c(x) = s.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from lagrad.batched.settings import Settings

# What a sweep does for a problem: find scales and first multipliers, go on, or seek feasibility.
START, NORMAL, RESTORATION = 0, 1, 2


class State(NamedTuple):
    """Problems under way; what has no shape here is (B,).

    Args:
        v: x and slacks, (n + k, B); slacks are scaled like their rows.
        y: multipliers of the scaled rows, (m, B).
        lower: multipliers of the lower sides that v has, (p, B), at least 0.
        upper: the same of upper sides, (q, B).
        mu: barrier parameter.
        mode: START, NORMAL or RESTORATION.
        status: a code of `statuses`, 0 while under way.
        sweeps: matrices factored so far.
        objective_scale: factor of the objective.
        row_scale: factor of each row, (m, B).
        shift: what the next sweep adds to the Hessian's diagonal.
        last_shift: the last one that was needed and was enough.
        filter: infeasibility and barrier function of points that a step must improve on, (size, 2, B).
        filter_count: points put into the filter since it was emptied.
        theta_0: infeasibility at the start, at least 1.
        restoration_theta: infeasibility where restoration began.
        restoration_mu: its barrier parameter.
        failures: line searches without a step in a row.
        correction: which second-order correction the next sweep tries; 0 for none, -1 if these were in vain.
        target: residual that it brings to zero, (m, B).
        tried_theta: infeasibility of the point that was tried last.
        fall: derivative of the barrier function along the step that is corrected.
        longest: length of that step.
        in_vain: whether the last corrections were so, and no full step was taken since: then none are tried.
        errors: stationarity, feasibility and complementarity, scaled as in the paper, (3, B).
    """

    v: jax.Array
    y: jax.Array
    lower: jax.Array
    upper: jax.Array
    mu: jax.Array
    mode: jax.Array
    status: jax.Array
    sweeps: jax.Array
    objective_scale: jax.Array
    row_scale: jax.Array
    shift: jax.Array
    last_shift: jax.Array
    filter: jax.Array
    filter_count: jax.Array
    theta_0: jax.Array
    restoration_theta: jax.Array
    restoration_mu: jax.Array
    failures: jax.Array
    correction: jax.Array
    target: jax.Array
    tried_theta: jax.Array
    fall: jax.Array
    longest: jax.Array
    in_vain: jax.Array
    errors: jax.Array


def first_state(x: jax.Array, m: int, slacks: int, sides: tuple[int, int], settings: Settings) -> State:
    """The state before the first sweep.

    Args:
        x: starts inside the bounds, (n, B).
        m: rows.
        slacks: rows that are no equalities.
        sides: how many lower, and how many upper sides v has.
        settings: for mu and the size of the filter.
    """
    batch = x.shape[1]
    number, whole, rows = jnp.zeros(batch), jnp.zeros(batch, jnp.int32), jnp.zeros((m, batch))
    return State(
        v=jnp.concatenate([x, jnp.zeros((slacks, batch))]),
        y=rows,
        lower=jnp.ones((sides[0], batch)),
        upper=jnp.ones((sides[1], batch)),
        mu=number + settings.mu,
        mode=whole + START,
        status=whole,
        sweeps=whole,
        objective_scale=number + 1.0,
        row_scale=rows + 1.0,
        shift=number,
        last_shift=number,
        filter=jnp.full((settings.filter_size, 2, batch), jnp.inf),
        filter_count=whole,
        theta_0=number + 1.0,
        restoration_theta=number,
        restoration_mu=number,
        failures=whole,
        correction=whole,
        target=rows,
        tried_theta=number,
        fall=number,
        longest=number,
        in_vain=whole > 0,
        errors=jnp.full((3, batch), jnp.inf),
    )


def choose(condition: jax.Array, yes: State, no: State) -> State:
    """One state or the other, problem by problem; condition (B,)."""
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)
