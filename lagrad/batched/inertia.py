"""Choose the next shift of the Hessian's diagonal after a matrix of the wrong inertia.

Algorithm IC of the paper, one trial a sweep. The rows need no shift of their own: see `kkt`.
"""

from __future__ import annotations

import jax.numpy as jnp

from lagrad.batched.settings import DECAY, FIRST_SHIFT, GROWTH, GROWTH_AT_FIRST, LEAST_SHIFT
from lagrad.batched.state import State


def raised(state: State) -> State:
    """The state with a larger shift."""
    known = state.last_shift > 0
    first = jnp.where(known, jnp.maximum(LEAST_SHIFT, DECAY * state.last_shift), FIRST_SHIFT)
    growth = jnp.where(known, GROWTH, GROWTH_AT_FIRST)
    return state._replace(shift=jnp.where(state.shift == 0, first, growth * state.shift))


def settled(state: State) -> State:
    """The state after a step: its shift is remembered, the next sweep tries none."""
    last = jnp.where(state.shift > 0, state.shift, state.last_shift)
    return state._replace(shift=jnp.zeros_like(state.shift), last_shift=last)
