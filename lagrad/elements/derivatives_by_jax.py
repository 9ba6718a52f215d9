"""Differentiate kernels by JAX where a primitive has no row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lagrad.elements.bundles import Bundle
from lagrad.elements.classification import Classification
from lagrad.elements.groups import Group
from lagrad.elements.lines import Source
from lagrad.elements.recording import ParamsInput, record_groups
from lagrad.elements.tape import INPUT, Tape
from lagrad.elements.tape_evaluation import evaluate, write


def first_by_jax(
    tape: Tape, classification: Classification, bundle: Bundle, slots: Sequence[int], batch: int
) -> dict[Source, int]:
    """Derivative of every element by each active slot: one forward sweep with a seed of ones a slot."""
    functions, params = zip(*(traceable(tape, classification, group) for group in bundle.groups), strict=True)
    sources = [(batch, (member, slot)) for member, group in enumerate(bundle.groups) for slot in group.active]

    def derivatives(slots: Sequence, weights: Sequence, given: Sequence) -> list:
        return [
            along(
                # Under `jit` the kernel is traced once, not once a seed.
                jax.jit(lambda *slots, member=member: functions[member](slots, given[member])),
                [slots[number] for number in bundle.numbers[member]],
                slot,
            )
            for _, (member, slot) in sources
        ]

    return dict(zip(sources, written(tape, derivatives, (slots, ()), params), strict=True))


def second_by_jax(
    tape: Tape,
    classification: Classification,
    bundle: Bundle,
    inputs: tuple[Sequence[int], Sequence[int]],
    batch: int,
) -> dict[Source, int]:
    """Second derivatives of every element's weighted sum, forward over reverse, a seed of ones a slot."""
    functions, params = zip(*(traceable(tape, classification, group) for group in bundle.groups), strict=True)
    rows, pairs = sorted({a for a, _ in bundle.pairs}), list(bundle.pairs)

    def derivatives(slots: Sequence, weights: Sequence, given: Sequence) -> list:
        def lagrangian(*slots):
            terms = [
                jnp.sum(weight * function([slots[i] for i in numbers], values))
                for function, numbers, weight, values in zip(
                    functions, bundle.numbers, weights, given, strict=True
                )
            ]
            return sum(terms[1:], start=terms[0])

        gradient = jax.jit(jax.grad(lagrangian, argnums=tuple(rows)))
        tangents = {b: along(gradient, slots, b) for b in sorted({b for _, b in pairs})}
        return [tangents[b][rows.index(a)] for a, b in pairs]

    sources = [(batch, pair) for pair in pairs]
    return dict(zip(sources, written(tape, derivatives, inputs, params), strict=True))


def traceable(
    goal: Tape, classification: Classification, group: Group
) -> tuple[Callable, tuple[ParamsInput, ...]]:
    """The values of a group as a function of its slots and of elements of params, and which elements.

    Raises:
        TooLong: the derivatives, a sweep over all operations for each slot, have no place on the tape `goal`.
    """
    count = goal.count
    tape = Tape(count, goal.longest / max(1, len(group.slots)))
    slots = [tape.input(number) for number in range(len(group.slots))]
    (node,) = record_groups(tape, classification, [group], [slots], opaque=True)
    names = [each.params["name"] for each in tape.operations if each.name == INPUT]
    params = tuple(name for name in names if isinstance(name, ParamsInput))

    def values(slots: Sequence, given: Sequence) -> Any:
        inputs: dict[Any, Any] = dict(enumerate(slots))
        inputs |= dict(zip(params, given, strict=True))
        return jnp.broadcast_to(evaluate(tape, [node], inputs)[0], (count,))

    return values, params


def written(
    tape: Tape, function: Callable, inputs: tuple[Sequence[int], Sequence[int]], params: Sequence
) -> list[int]:
    """Trace (slots, weights, params of each group) -> arrays and write it on the tape."""
    slots, weights = inputs
    names = [name for each in params for name in each]
    given = [tape.input(name) for name in names]
    starts = [0]
    for each in params:
        starts.append(starts[-1] + len(each))

    def flat(*arrays) -> list:
        values = arrays[len(slots) + len(weights) :]
        parts = [values[start:stop] for start, stop in zip(starts[:-1], starts[1:], strict=True)]
        return function(arrays[: len(slots)], arrays[len(slots) : len(slots) + len(weights)], parts)

    nodes = [*slots, *weights, *given]
    shapes = [jax.ShapeDtypeStruct((tape.count,), tape.operations[node].dtype) for node in nodes]
    return write(tape, flat, nodes, shapes)


def along(function: Callable, slots: Sequence, number: int) -> Any:
    """Derivative of function(*slots) by one slot, for all elements at once."""
    seed = jnp.ones_like(slots[number])
    moved = lambda slot: function(*slots[:number], slot, *slots[number + 1 :])  # noqa: E731
    return jax.jvp(moved, (slots[number],), (seed,))[1]
