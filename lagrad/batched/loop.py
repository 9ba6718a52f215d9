"""Run a solve from its start to its end as one JAX program."""

from __future__ import annotations

from typing import Any

import jax

from lagrad.batched import statuses
from lagrad.batched.model import Model
from lagrad.batched.settings import Settings
from lagrad.batched.state import State, first_state
from lagrad.batched.sweep import sweep


def begun(model: Model, settings: Settings, x: jax.Array) -> State:
    """The state of a problem at its start."""
    box = model.box._replace(
        lower=model.box.lower[: model.n],
        upper=model.box.upper[: model.n],
        has_lower=model.box.has_lower[: model.n],
        has_upper=model.box.has_upper[: model.n],
        free=model.box.free[: model.n],
    )
    return first_state(box.inside(x), model.m, (model.box.has_lower, model.box.has_upper), settings)


def run(model: Model, settings: Settings, params: Any, x: jax.Array) -> State:
    """The last state of a solve; under `vmap` everybody waits for the slowest."""
    return jax.lax.while_loop(
        lambda state: state.status == statuses.UNDER_WAY,
        lambda state: sweep(model, settings, params, state),
        begun(model, settings, x),
    )
