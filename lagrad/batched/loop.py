"""Take problems from their starts to their ends: params and starts in, last states out, one JAX program."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lagrad.batched import statuses
from lagrad.batched.model import Model
from lagrad.batched.settings import Settings
from lagrad.batched.state import State, first_state
from lagrad.batched.sweep import sweep


def begun(model: Model, settings: Settings, x: jax.Array) -> State:
    """The state of problems at their starts, (n, B)."""
    below, above = model.box.sides
    start = model.box.first(model.n).inside(x)
    return first_state(start, model.m, model.sliding.size, (below.size, above.size), settings)


def run(model: Model, settings: Settings, params: Any, x: jax.Array) -> State:
    """The last state of all problems of a batch; everybody waits for the slowest."""
    return jax.lax.while_loop(
        lambda state: jnp.any(state.status == statuses.UNDER_WAY),
        lambda state: sweep(model, settings, params, state),
        begun(model, settings, x),
    )
