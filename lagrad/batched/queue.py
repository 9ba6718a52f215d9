"""Solve many problems on few slots, and give the answers back in order.

A slot whose problem has ended takes the next one from the queue in the same sweep, so that a slow problem
holds one slot and not the batch.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from lagrad.batched import statuses
from lagrad.batched.answer import Answer, answer_of
from lagrad.batched.loop import begun
from lagrad.batched.model import Model
from lagrad.batched.settings import Settings
from lagrad.batched.state import State, choose
from lagrad.batched.sweep import sweep

# Enough for vector arithmetic, few enough to stay in a cache and to wait for the last ones.
SLOTS = 128


class Slots(NamedTuple):
    """Problems under way and answers so far.

    Args:
        states: one a slot.
        numbers: which problem each slot holds; the count of problems for an idle slot.
        waiting: number of the first problem that has not begun.
        answers: of all problems.
    """

    states: State
    numbers: jax.Array
    waiting: jax.Array
    answers: Answer


def run_queue(model: Model, settings: Settings, params: Any, starts: jax.Array, count: Any = None) -> Answer:
    """Solve all problems of a batch.

    Args:
        model: functions and algebra.
        settings: of every solve.
        params: pytree with an axis of length k in front of each array.
        starts: (k, n).
        count: how many of the k are problems, the others fill up a shape that is compiled already; None for
            all. May be traced.

    Returns:
        Answer with an axis of length k in front of each array.
    """
    count = jnp.asarray(starts.shape[0] if count is None else count, jnp.int32)
    width = min(SLOTS, starts.shape[0])
    states = jax.vmap(lambda x: begun(model, settings, x))(starts[:width])
    one = jax.eval_shape(lambda state: answer_of(model, state), jax.tree.map(lambda leaf: leaf[0], states))
    answers = jax.tree.map(lambda leaf: jnp.zeros((starts.shape[0], *leaf.shape), leaf.dtype), one)
    numbers = jnp.minimum(jnp.arange(width, dtype=jnp.int32), count)
    begin = Slots(states, numbers, jnp.minimum(width, count), answers)
    return jax.lax.while_loop(
        lambda slots: jnp.any(slots.numbers < count),
        lambda slots: refilled(model, settings, (params, starts, count), slots),
        begin,
    ).answers


def refilled(model: Model, settings: Settings, problems: tuple, slots: Slots) -> Slots:
    """All slots a sweep further, those that ended with the next problems of the queue.

    Args:
        model: functions and algebra.
        settings: of every solve.
        problems: params and starts, stacked, and how many of them count.
        slots: before.
    """
    params, starts, count = problems
    capacity = starts.shape[0]
    held = jnp.minimum(slots.numbers, capacity - 1)
    chosen = jax.tree.map(lambda leaf: leaf[held], params)
    states = jax.vmap(lambda params, state: sweep(model, settings, params, state))(chosen, slots.states)
    ended = (states.status != statuses.UNDER_WAY) & (slots.numbers < count)
    found = jax.vmap(lambda state: answer_of(model, state))(states)
    # Places of slots that go on lie past the end, where `drop` leaves them out.
    places = jnp.where(ended, slots.numbers, capacity)
    answers = jax.tree.map(lambda all_, new: all_.at[places].set(new, mode="drop"), slots.answers, found)
    following = jnp.minimum(slots.waiting + jnp.cumsum(ended) - 1, count)
    numbers = jnp.where(ended, following, slots.numbers).astype(jnp.int32)
    fresh = jax.vmap(lambda x: begun(model, settings, x))(starts[jnp.minimum(numbers, capacity - 1)])
    states = jax.vmap(choose)(ended & (numbers < count), fresh, states)
    waiting = jnp.minimum(slots.waiting + jnp.sum(ended), count).astype(jnp.int32)
    return Slots(states, numbers, waiting, answers)
