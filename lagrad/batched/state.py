"""What a problem under way carries from sweep to sweep: arrays of fixed shapes, for `vmap` to stack.

v = (x, s) holds the variables and a slack for each row, with c(x) = s; the slack of an equality never moves.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from lagrad.batched.settings import Settings

# What a sweep does for a problem: find scales and first multipliers, go on, or seek feasibility.
START, NORMAL, RESTORATION = 0, 1, 2


class State(NamedTuple):
    """One problem under way.

    Args:
        v: x and slacks, (n + m,); slacks are scaled like their rows.
        y: multipliers of the scaled rows, (m,).
        lower: multipliers of lower bounds of v, (n + m,), at least 0.
        upper: the same of upper bounds.
        mu: barrier parameter.
        mode: START, NORMAL or RESTORATION.
        status: a code of `statuses`, 0 while under way.
        sweeps: matrices factored so far.
        objective_scale: factor of the objective.
        row_scale: factor of each row, (m,).
        shift: what the next sweep adds to the Hessian's diagonal.
        last_shift: the last one that was needed and was enough.
        filter: infeasibility and barrier function of points that a step must improve on, (size, 2).
        filter_count: points put into the filter since it was emptied.
        theta_0: infeasibility at the start, at least 1.
        restoration_theta: infeasibility where restoration began.
        restoration_mu: its barrier parameter.
        failures: line searches without a step in a row.
        errors: stationarity, feasibility and complementarity, scaled as in the paper, (3,).
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
    errors: jax.Array


def first_state(x: jax.Array, m: int, bounded: tuple, settings: Settings) -> State:
    """The state before the first sweep.

    Args:
        x: start inside the bounds, (n,).
        m: rows.
        bounded: whether each entry of v has a lower, and an upper bound.
        settings: for mu and the size of the filter.
    """
    number, whole = jnp.zeros(()), jnp.zeros((), jnp.int32)
    has_lower, has_upper = (jnp.asarray(has, x.dtype) for has in bounded)
    return State(
        v=jnp.concatenate([x, jnp.zeros(m)]),
        y=jnp.zeros(m),
        lower=has_lower,
        upper=has_upper,
        mu=number + settings.mu,
        mode=whole + START,
        status=whole,
        sweeps=whole,
        objective_scale=number + 1.0,
        row_scale=jnp.ones(m),
        shift=number,
        last_shift=number,
        filter=jnp.full((settings.filter_size, 2), jnp.inf),
        filter_count=whole,
        theta_0=number + 1.0,
        restoration_theta=number,
        restoration_mu=number,
        failures=whole,
        errors=jnp.full(3, jnp.inf),
    )


def choose(condition: jax.Array, yes: State, no: State) -> State:
    """One state or the other, entry by entry."""
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)
