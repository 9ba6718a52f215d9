"""Compile what elements add up to by XLA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from lagrad.compile.blocks import vector
from lagrad.compile.deferred import Deferred
from lagrad.compile.feed import Feed, Feeder
from lagrad.compile.xla import Compiled, lower
from lagrad.elements.element_sums import Addend, Batch, ElementSums
from lagrad.elements.recording import ParamsInput, fixed_values, value_of_params
from lagrad.elements.tape import INPUT, Tape
from lagrad.elements.tape_evaluation import LONGEST, evaluate
from lagrad.elements.terms import combined, slot_terms, weight_terms

# Concatenations of more pieces than this make XLA evaluate them all for each entry.
PIECES_TOGETHER = 4
# Below this many elements a second evaluation of a sine is cheaper than a barrier.
SMALLEST_BARRIER = 256


@dataclass(frozen=True)
class FeedSupply:
    """Pieces that the host gathers, as inputs of one tape."""

    tape: Tape
    feed: Feed
    which: str

    def request(self, indices) -> int:
        """Node of the piece v[indices]."""
        return self.tape.input((self.which, self.feed.request(indices)))

    def request_rows(self, rows: sp.csr_array) -> int:
        """Node of the piece A v."""
        return self.tape.input((self.which, self.feed.request_rows(rows)))


@dataclass(frozen=True, eq=False)
class XlaSums:
    """Numbers that elements add up to, evaluated by XLA and added up here.

    Args:
        sums: what they are.
        compiled: (x, pieces of x, weights, pieces of weights, *leaves) -> results of all addends.
        feeders: the host's part for x and for the weights.
        scatter: numbers += scatter @ results that go to listed places.
    """

    sums: ElementSums
    compiled: Compiled
    feeders: tuple[Feeder, Feeder]
    scatter: sp.csr_array | None

    def __call__(self, x: np.ndarray, weights: np.ndarray, leaves: Sequence) -> np.ndarray:
        """The numbers, a new array."""
        numbers, size = self.sums.start(), self.sums.size
        of_x, of_weights = self.feeders
        chunks = self.compiled(x, of_x(x), weights, of_weights(weights), *leaves)
        results = np.concatenate([np.zeros(0), *map(np.asarray, chunks)])
        start = 0
        for addend in straight(self.sums):
            values = results[start : start + addend.places.size]
            start += addend.places.size
            add(numbers, addend, values)
        fixed = self.sums.fixed or {}
        stop = results.size - sum(matrix.shape[1] for matrix in fixed.values())
        if self.scatter is not None:
            numbers += self.scatter @ results[start:stop]
        for matrix in fixed.values():
            numbers[:size] += matrix @ results[stop : stop + matrix.shape[1]]
            stop += matrix.shape[1]
        if self.sums.linear is not None:
            numbers[:size] += self.sums.linear @ x
        if self.sums.behind is not None:
            numbers[:size] += self.sums.behind @ numbers[size:]
        return numbers[:size]


def straight(sums: ElementSums) -> list[Addend]:
    """Addends whose places are progressions."""
    return [each for addends in sums.addends for each in addends if each.places.listed is None]


def scattered(sums: ElementSums) -> list[Addend]:
    """Addends whose places are listed."""
    return [each for addends in sums.addends for each in addends if each.places.listed is not None]


def add(numbers: np.ndarray, addend: Addend, values: np.ndarray) -> None:
    """Bring results to places that are a progression."""
    places = addend.places
    if places.stride == 0 or places.size < 2:
        numbers[places.start] = values.sum() + (numbers[places.start] if addend.adds else 0.0)
        return
    stretch = slice(places.start, places.start + places.stride * (places.size - 1) + 1, places.stride)
    if addend.adds:
        numbers[stretch] += values
    else:
        numbers[stretch] = values


def scatter_of(sums: ElementSums) -> sp.csr_array | None:
    """The matrix that adds results to listed places."""
    places = [addend.places.array for addend in scattered(sums)]
    if not places:
        return None
    rows = np.concatenate(places)
    ones = np.ones(rows.size)
    return sp.coo_array((ones, (rows, np.arange(rows.size))), shape=(sums.room, rows.size)).tocsr()


def xla_sums(sums: ElementSums, leaves: list) -> Deferred[XlaSums]:
    """What elements add up to, by XLA.

    Args:
        sums: what it is.
        leaves: shapes of the params.

    Returns:
        What waits to be compiled.

    Raises:
        TooLong: an element takes more operations than XLA compiles in some seconds.
    """
    outputs, n = cast(tuple[int, int], sums.split.linear.shape)
    x_feed, weight_feed = Feed(n), Feed(outputs)
    recorded = [record(batch, x_feed, weight_feed) for batch in sums.batches]
    feeders = x_feed.finish(), weight_feed.finish()

    def function(x, taken, weights, taken_weights, *leaves):
        pieces: dict[Any, Any] = {("x", i): piece for i, piece in enumerate(x_feed.pieces(x, taken))}
        pieces |= {("w", i): piece for i, piece in enumerate(weight_feed.pieces(weights, taken_weights))}
        fixed, found = fixed_values(sums.split.classification, leaves), {}
        for (tape, nodes), batch in zip(recorded, sums.batches, strict=True):
            inputs: dict[Any, Any] = {**pieces, **params_of(tape, fixed)}
            values = evaluate(tape, list(nodes.values()), inputs)
            spread = [jnp.broadcast_to(value, (batch.count,)) for value in values]
            found |= dict(zip(nodes, spread, strict=True))
        addends = [*straight(sums), *scattered(sums)]
        results = [scaled(found[addend.source], addend) for addend in addends]
        return joined([*results, *(jnp.ravel(fixed[variable]) for variable in sums.fixed or ())])

    sizes = n, feeders[0].size, outputs, feeders[1].size
    barrier = max((batch.count for batch in sums.batches), default=0) >= SMALLEST_BARRIER
    waiting = lower(function, [*map(vector, sizes), *leaves], barrier=barrier, quick=not barrier)
    return waiting.then(partial(finished, sums, feeders, scatter_of(sums)))


def finished(sums: ElementSums, feeders: tuple, scatter: sp.csr_array | None, compiled: Compiled) -> XlaSums:
    """Put together what was compiled."""
    return XlaSums(sums, compiled, feeders, scatter)


def record(batch: Batch, x_feed: Feed, weight_feed: Feed) -> tuple[Tape, dict[Any, int]]:
    """Record a batch on a tape of its own."""
    tape = Tape(batch.count, LONGEST)
    of_x, of_weights = FeedSupply(tape, x_feed, "x"), FeedSupply(tape, weight_feed, "w")
    slots = [combined(tape, slot_terms(of_x, slot)) for slot in batch.slots]
    weights = [combined(tape, weight_terms(of_weights, outputs)) for outputs in batch.outputs]
    return tape, batch.record(tape, slots, weights)


def params_of(tape: Tape, fixed: dict[int, jax.Array]) -> dict[ParamsInput, jax.Array]:
    """Inputs of a tape that depend on params only."""
    names = (each.params["name"] for each in tape.operations if each.name == INPUT)
    return {name: value_of_params(name, fixed) for name in names if isinstance(name, ParamsInput)}


def scaled(result: jax.Array, addend: Addend) -> jax.Array:
    """What an addend adds."""
    stretch = result[addend.first : addend.first + addend.places.size]
    return stretch if np.ndim(addend.factor) == 0 and addend.factor == 1.0 else stretch * addend.factor


def joined(pieces: list[jax.Array]) -> list[jax.Array]:
    """Few arrays instead of many, each of few pieces."""
    chunks = [pieces[i : i + PIECES_TOGETHER] for i in range(0, len(pieces), PIECES_TOGETHER)]
    return [jnp.concatenate(chunk) if len(chunk) > 1 else chunk[0] for chunk in chunks]
