"""Solve many problems on few slots, and give the answers back in order.

A slot whose problem has ended takes the next one from the queue in the same sweep, so that a slow problem
holds one slot and not the batch.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from lagrad.batched import statuses
from lagrad.batched.answer import Answer, answer_of, with_fixed
from lagrad.batched.model import Model
from lagrad.batched.settings import Settings
from lagrad.batched.state import State, choose, first_state
from lagrad.batched.sweep import sweep
from lagrad.program.turns import mapped_in_turn

# Enough for vector arithmetic, few enough to stay in a cache and to wait for the last ones.
SLOTS = 128
# When nothing waits, the last few go on by themselves. One in twenty that takes ten times the sweeps of the
# others holds a third of the slots, so that these few are not that few.
FEW_SLOTS = 32


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
    queue = mapped_in_turn(partial(run, model, settings), model.derivatives.program.closed)
    return queue(params, starts, count)


def run(model: Model, settings: Settings, params: Any, starts: jax.Array, count: jax.Array) -> Answer:
    """The same for a known number of problems."""
    width = min(SLOTS, starts.shape[0])
    states = begun(model, settings, starts[:width].T)
    one = jax.eval_shape(lambda state: answer_of(model, state), states)
    answers = jax.tree.map(lambda leaf: jnp.zeros((starts.shape[0], *leaf.shape[1:]), leaf.dtype), one)
    numbers = jnp.minimum(jnp.arange(width, dtype=jnp.int32), count)
    slots = Slots(states, numbers, jnp.minimum(width, count), answers)
    for place, few in ((width, FEW_SLOTS), (FEW_SLOTS, 0)) if width > FEW_SLOTS else ((width, 0),):
        slots = jax.lax.while_loop(
            lambda slots, few=few: (slots.waiting < count) | (jnp.sum(slots.numbers < count) > few),
            lambda slots: swept(model, settings, (params, starts, count), slots),
            narrowed(slots, place, count),
        )
    return with_fixed(model, params, slots.answers)


def begun(model: Model, settings: Settings, x: jax.Array) -> State:
    """The state of problems at their starts, (n, B)."""
    below, above = model.box.sides
    start = model.box.first(model.n).inside(x)
    return first_state(start, model.m, model.sliding.size, (below.size, above.size), settings)


def narrowed(slots: Slots, width: int, count: jax.Array) -> Slots:
    """The same problems on fewer slots, which must be enough for those under way."""
    if width == slots.numbers.size:
        return slots
    order = jnp.argsort(slots.numbers >= count, stable=True)[:width]
    states = jax.tree.map(lambda leaf: leaf[..., order], slots.states)
    return slots._replace(states=states, numbers=slots.numbers[order])


def swept(model: Model, settings: Settings, problems: tuple, slots: Slots) -> Slots:
    """All slots a sweep further, those that ended with the next problems of the queue.

    Args:
        model: functions and algebra.
        settings: of every solve.
        problems: params and starts, stacked, and how many of them count.
        slots: before.
    """
    params, starts, count = problems
    held = jnp.minimum(slots.numbers, starts.shape[0] - 1)
    states = sweep(model, settings, jax.tree.map(lambda leaf: leaf[held], params), slots.states)
    ended = (states.status != statuses.UNDER_WAY) & (slots.numbers < count)
    return jax.lax.cond(
        jnp.any(ended),
        lambda slots: refilled(model, settings, problems[1:], ended, slots),
        lambda slots: slots,
        slots._replace(states=states),
    )


def refilled(model: Model, settings: Settings, problems: tuple, ended: jax.Array, slots: Slots) -> Slots:
    """The slots after the answers of those that ended were kept and their places given to others."""
    starts, count = problems
    capacity = starts.shape[0]
    # Places of slots that go on lie past the end, where `drop` leaves them out.
    places = jnp.where(ended, slots.numbers, capacity)
    answers = jax.tree.map(
        lambda kept, new: kept.at[places].set(new, mode="drop"), slots.answers, answer_of(model, slots.states)
    )
    following = jnp.minimum(slots.waiting + jnp.cumsum(ended) - 1, count)
    numbers = jnp.where(ended, following, slots.numbers).astype(jnp.int32)
    fresh = begun(model, settings, starts[jnp.minimum(numbers, capacity - 1)].T)
    states = choose(ended & (numbers < count), fresh, slots.states)
    waiting = jnp.minimum(slots.waiting + jnp.sum(ended), count).astype(jnp.int32)
    return Slots(states, numbers, waiting, answers)
