"""Elements compiled by XLA: elements in, a traceable function and the host's part of its arguments out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.compile.blocks import Block, Pending, vector
from lagrad.compile.feed import Feed, Feeder
from lagrad.compile.xla import Compiled, lower
from lagrad.elements.element_derivatives import Elements
from lagrad.elements.kernel_values import fixed_values
from lagrad.elements.terms import combined, slot_terms, weight_terms

# Concatenations of more pieces than this make XLA evaluate them all for each entry.
PIECES_TOGETHER = 4
# Below this many elements a second evaluation of a sine is cheaper than a barrier.
SMALLEST_BARRIER = 256


@dataclass(frozen=True, eq=False)
class Pieces:
    """Element derivatives, traceable, and the host's part of their arguments.

    Args:
        function: (x, taken, weights, taken weights, *param leaves) -> pieces.
        x_feed: host's part for x.
        weight_feed: host's part for the weights (objective weight, multipliers).
    """

    function: Callable
    x_feed: Feeder
    weight_feed: Feeder


def xla_block(elements: Elements, leaves: list) -> Pending:
    """Elements as a block that XLA compiles.

    Args:
        elements: what to compute; there is at least one batch.
        leaves: shapes of the params.

    Returns:
        Pending.
    """
    outputs, n = elements.lift.linear.shape[0], elements.lift.linear.shape[1]
    found, assembly = pieces(elements, n, outputs), elements.assembly
    arguments = [
        vector(n),
        vector(found.x_feed.size),
        vector(outputs),
        vector(found.weight_feed.size),
        *leaves,
    ]
    barrier = elements.largest >= SMALLEST_BARRIER

    def finish(compiled: Compiled) -> Block:
        def values(x, weights, leaves):
            numbers = compiled(x, found.x_feed(x), weights, found.weight_feed(weights), *leaves)
            return assembly([np.asarray(piece) for piece in numbers])

        return Block("elements", assembly.rows, assembly.columns, values)

    return Pending(lower(found.function, arguments, barrier=barrier, quick=not barrier), finish)


def pieces(elements: Elements, n: int, outputs: int) -> Pieces:
    """The traceable function of all batches."""
    feed, weight_feed = Feed(n), Feed(outputs)
    slots = [[slot_terms(feed, slot) for slot in batch.slots] for batch in elements.batches]
    weights = [[weight_terms(weight_feed, each) for each in batch.outputs] for batch in elements.batches]
    feeder, weight_feeder = feed.finish(), weight_feed.finish()

    def function(x, taken, all_weights, taken_weights, *leaves):
        cuts, fixed, found = feed.pieces(x, taken), fixed_values(elements.lift.reading, list(leaves)), {}
        weight_cuts = weight_feed.pieces(all_weights, taken_weights)
        for batch, requests, scaling in zip(elements.batches, slots, weights, strict=True):
            scales = [combined(weight_cuts, terms) for terms in scaling]
            found |= batch.derivatives([combined(cuts, terms) for terms in requests], scales, fixed)
        values = [line.values(found.__getitem__) for line in elements.lines]
        return together([*values, *(found[source] for source in elements.uneven)])

    return Pieces(function, feeder, weight_feeder)


def together(pieces: list[jax.Array]) -> list[jax.Array]:
    """Few arrays instead of many, each of few pieces."""
    chunks = [pieces[i : i + PIECES_TOGETHER] for i in range(0, len(pieces), PIECES_TOGETHER)]
    return [jnp.concatenate(chunk) if len(chunk) > 1 else chunk[0] for chunk in chunks]
