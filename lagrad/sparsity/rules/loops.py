"""Follow loops: what the final carry and the stacked outputs depend on.

Without a carry, all steps are one vectorised body. A short loop is walked step by step. A long one is
walked once for all steps together, from a carry that bounds that of every step: a fixed point.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core as jex

from lagrad.program.entries import Entries, agreed
from lagrad.program.equation_derivatives import traced
from lagrad.sparsity.deps import Deps, compact, spread, taken, union
from lagrad.sparsity.links import Live
from lagrad.sparsity.rule_result import Context, Request, RuleResult
from lagrad.sparsity.rules.summary import closure, meeting, summarized
from lagrad.sparsity.value import (
    GENERAL,
    Value,
    highest,
    joined_degree,
    known_value,
    simplest,
    unknown_constant,
)

# Walks of a body before a carry that still grows is taken to depend on everything.
MOST_ROUNDS = 6

Steps = Generator[Request | RuleResult | Context, Any, Any]


def mapped(body: jex.ClosedJaxpr, consts: Sequence[Value], xs: Sequence[Value]) -> Steps:
    """All steps at once, none of which knows another."""
    length = xs[0].shape[0] if xs else None
    return (yield Request(vectorized(body, len(consts), length), (*consts, *xs)))


def vectorized(body: jex.ClosedJaxpr, num_consts: int, length: int | None) -> jex.ClosedJaxpr:
    """The body for all steps: constants as they are, everything else with a leading axis."""
    avals: list[Any] = [variable.aval for variable in body.jaxpr.invars]
    stacked = [jax.ShapeDtypeStruct((length, *aval.shape), aval.dtype) for aval in avals[num_consts:]]
    axes = [None] * num_consts + [0] * len(stacked)
    run = jex.jaxpr_as_fun(body)
    return traced(
        jax.vmap(lambda *arguments: run(*arguments), axes, axis_size=length), *avals[:num_consts], *stacked
    )


def unrolled(equation: jex.JaxprEqn, body: jex.ClosedJaxpr, consts, carry, xs, order: range) -> Steps:
    """Step by step, so that counters stay known."""
    if not order:
        empty = [jnp.zeros((0, *each.shape), each.dtype) for each in body.out_avals[len(carry) :]]
        return [*carry, *(yield Request(traced(lambda _: empty, body.in_avals[len(consts)]), carry[:1]))]
    step = one_step(body, len(consts), len(carry), xs)
    rows: list[list[Value]] = []
    for t in order:
        index = known_value(np.int32(t), consts_n((*consts, *carry, *xs)))
        outputs = yield Request(step, (index, *consts, *carry, *xs))
        carry = outputs[: len(carry)]
        rows.append(outputs[len(carry) :])
    rows = rows if order.step > 0 else rows[::-1]
    columns = list(zip(*rows, strict=True))
    if not columns:
        return list(carry)
    avals = [variable.aval for variable in body.jaxpr.outvars[len(carry) :] for _ in rows]
    stack = traced(
        lambda *ys: [jnp.stack(ys[k : k + len(rows)]) for k in range(0, len(ys), len(rows))], *avals
    )
    stacked = yield Request(stack, [value for column in columns for value in column])
    return [*carry, *stacked]


def consts_n(values: Sequence[Value]) -> int:
    """Number of inputs of the walk that the values come from."""
    return values[0].deps.n


def one_step(body: jex.ClosedJaxpr, num_consts: int, num_carry: int, xs: Sequence[Value]) -> jex.ClosedJaxpr:
    """Body of (t, consts, carry, all xs), which takes its own xs from row t."""
    avals: list[Any] = [variable.aval for variable in body.jaxpr.invars]
    first = num_consts + num_carry
    whole = [jax.ShapeDtypeStruct(x.shape, aval.dtype) for x, aval in zip(xs, avals[first:], strict=True)]
    run = jex.jaxpr_as_fun(body)

    def step(t, *operands):
        rows = [row(array, t) for array in operands[first:]]
        return run(*operands[:first], *rows)

    return traced(step, jax.ShapeDtypeStruct((), np.int32), *avals[:first], *whole)


def row(array, t):
    """array[t] without index arithmetic."""
    start = (t, *[np.int32(0)] * (array.ndim - 1))
    return jax.lax.dynamic_slice(array, start, (1, *array.shape[1:])).reshape(array.shape[1:])


def repeating(body: jex.ClosedJaxpr, consts: Sequence[Value], carry: Sequence[Value]) -> Steps:
    """A loop of an unknown number of steps: what the carry can depend on after any of them."""
    first, kept = len(consts), handed_on(body, len(consts), len(carry))
    entering = [value if keep else loose(value) for value, keep in zip(carry, kept, strict=True)]
    summary = yield from summarized(body, (*consts, *entering))
    operands = (*consts, *carry)
    before = summary.pooled([value.deps for value in operands])
    numbers = range(first, first + len(carry))
    after = closure(summary, numbers, carry, before)
    starts = np.cumsum([0, *(value.size for value in carry)])
    bound = [
        value if keep else bounded(value, taken(after, np.arange(start, start + value.size)))
        for value, keep, start in zip(carry, kept, starts, strict=False)
    ]
    inputs = summary.pooled([value.deps for value in (*consts, *bound)])
    return RuleResult(
        operands,
        tuple(bound),
        lambda lives: [any_live(lives)] * len(operands),
        lambda lives: meeting(summary, inputs) if any_live(lives) else [],
    )


def handed_on(body: jex.ClosedJaxpr, num_consts: int, num_carry: int) -> list[bool]:
    """Which parts of the carry a step leaves as they are."""
    before = body.jaxpr.invars[num_consts : num_consts + num_carry]
    return [one is other for one, other in zip(before, body.jaxpr.outvars, strict=False)]


def loose(value: Value) -> Value:
    """A carry of which nothing is known but its shape."""
    return Value(value.shape, value.deps, GENERAL)


def bounded(value: Value, deps: Deps) -> Value:
    """A carry after some steps, how many of which may depend on the inputs."""
    return Value(value.shape, deps, GENERAL, is_curved=bool(deps))


def carried(body: jex.ClosedJaxpr, consts, carry, xs, length: int, reverse: bool) -> Steps:
    """All steps together, from a carry that depends on whatever it can depend on in any step."""
    bound = yield from fixed_point(body, consts, carry, [anytime(x) for x in xs])
    sources = (*consts, *carry, *xs)
    every = vectorized(body, len(consts), length)
    stacked = [repeated(value, length) for value in bound]
    counters = guessed_counters((yield from one_after(body, consts, carry, xs)), carry, length, reverse)
    if counters:
        trial = [counters.get(k, value) for k, value in enumerate(stacked)]
        (outputs, _) = yield Request(every, (*consts, *trial, *xs), apart=True)
        if all(follows(trial[k], outputs[k], reverse) for k in counters):
            stacked = trial
    entered = yield loop_entry(stacked, sources)
    outputs = yield Request(every, (*consts, *entered, *xs))
    return loop_exit(bound, outputs)


def fixed_point(body: jex.ClosedJaxpr, consts, carry, xs) -> Steps:
    """Values that bound the carry of every step."""
    bound = list(carry)
    for attempt in range(MOST_ROUNDS + 4):
        outputs, _ = yield Request(body, (*consts, *bound, *xs), apart=True)
        joined = [either_value(old, new) for old, new in zip(bound, outputs, strict=False)]
        if all(is_same(old, new) for old, new in zip(bound, joined, strict=True)):
            return bound
        grows = attempt >= MOST_ROUNDS
        bound = [anything(value, (*consts, *joined, *xs)) for value in joined] if grows else joined
    raise AssertionError("a carry that depends on everything cannot grow")


def either_value(one: Value, other: Value) -> Value:
    """What holds for both."""
    if one.known is not None and other.known is not None and np.array_equal(one.known, other.known):
        return one
    degree = simplest(joined_degree([one.degree, other.degree]))
    deps = compact(union([one.deps, other.deps]))
    curved = one.is_curved or other.is_curved
    return Value(one.shape, deps, degree, is_curved=curved, entries=agreed(one.knowledge, other.knowledge))


def is_same(old: Value, new: Value) -> bool:
    """Whether a bound has not grown."""
    return (
        (old.known is None) == (new.known is None)
        and count_known(old) == count_known(new)
        and np.array_equal(old.degree, new.degree)
        and (old.deps is new.deps or old.deps.matrix.nnz == new.deps.matrix.nnz)
    )


def count_known(value: Value) -> int:
    """Number of entries known beside others that are not."""
    return 0 if value.entries is None else int(value.entries.known.sum())


def anything(value: Value, sources: Sequence[Value]) -> Value:
    """A value of this shape that may depend on every source."""
    everything = union([spread(source.deps, np.zeros(source.size, np.int64), 1) for source in sources])
    if not any(source.varies for source in sources):
        return unknown_constant(value.shape, value.deps.n)
    return Value(value.shape, taken(everything, np.zeros(value.size, np.int64)), GENERAL, is_curved=True)


def anytime(x: Value) -> Value:
    """A row of an array, any one of them."""
    shape = x.shape[1:]
    place = np.tile(np.arange(prod(shape)), x.shape[0])
    return Value(shape, spread(x.deps, place, prod(shape)), highest(x.degree), is_curved=x.is_curved)


def repeated(value: Value, length: int) -> Value:
    """The same value in every step, stacked."""
    shape = (length, *value.shape)
    known = value.known
    if known is not None:
        return known_value(np.broadcast_to(known, shape), value.deps.n)
    degree = value.degree if isinstance(value.degree, int) else np.tile(value.degree, length)
    deps = taken(value.deps, np.tile(np.arange(value.size), length))
    found = value.entries
    entries = found and Entries(np.tile(found.known, length), np.tile(found.values, length))
    return Value(shape, deps, degree, is_curved=value.is_curved, entries=entries)


def one_after(body: jex.ClosedJaxpr, consts, carry, xs) -> Steps:
    """Carry after the first step, for what is known in it."""
    outputs, _ = yield Request(body, (*consts, *carry, *(anytime(x) for x in xs)), apart=True)
    return outputs[: len(carry)]


def guessed_counters(
    after: Sequence[Value], carry: Sequence[Value], length: int, reverse: bool
) -> dict[int, Value]:
    """Integers of the carry that seem to change by the same amount in each step: still to be verified."""
    found = {}
    for k, (start, second) in enumerate(zip(carry, after, strict=True)):
        if start.shape == () and start.known is not None and second.known is not None:
            first, step = np.asarray(start.known), np.asarray(second.known) - np.asarray(start.known)
            if np.issubdtype(first.dtype, np.integer):
                values = (first + step * np.arange(length)).astype(first.dtype)
                found[k] = known_value(values[::-1] if reverse else values, start.deps.n)
    return found


def follows(stacked: Value, after: Value, reverse: bool) -> bool:
    """Whether the carry after each step is the one before the next."""
    if after.known is None:
        return False
    before, result = np.asarray(stacked.known), np.asarray(after.known)
    return np.array_equal(result[1:], before[:-1]) if reverse else np.array_equal(result[:-1], before[1:])


def loop_entry(values: Sequence[Value], sources: Sequence[Value]) -> RuleResult:
    """The carry that bounds every step, whatever it came from."""
    outputs = tuple(replace(value, is_curved=value.varies) for value in values)
    return RuleResult(
        tuple(sources), outputs, lambda lives: [any_live(lives)] * len(sources), lambda lives: ()
    )


def loop_exit(bound: Sequence[Value], outputs: Sequence[Value]) -> RuleResult:
    """Final carry and stacked outputs; if anything counts, every step's carry does."""
    rest = outputs[len(bound) :]
    final = tuple(replace(value, is_curved=value.varies) for value in (*bound, *rest))

    def backward(lives: Sequence[Live]) -> list[Live]:
        return [any_live(lives)] * len(bound) + list(lives[len(bound) :])

    return RuleResult(tuple(outputs), final, backward, lambda lives: ())


def any_live(lives: Sequence[Live]) -> bool:
    """Whether any element of any output counts."""
    return any(bool(np.any(live)) for live in lives)
