"""Compile candidates for one block and keep the one that is fastest at the start.

Predictions by counting sweeps are good to a factor of two: a sweep backwards costs one to three of those
forwards. Where candidates are closer than that they are compiled side by side and timed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lagrad.compile.blocks import Block, Sample
from lagrad.compile.deferred import Deferred, together

RUNS = 5


def contest(candidates: dict[str, Deferred[Block]], sample: Sample) -> Deferred[Block]:
    """A block that is the fastest of several once it is compiled.

    Args:
        candidates: blocks that wait to be compiled, by a name for reports.
        sample: what they are timed with.

    Returns:
        The only candidate; of several the fastest, which knows what all of them took.
    """
    if len(candidates) == 1:
        (only,) = candidates.values()
        return only
    return together(candidates).then(lambda blocks: fastest(blocks, sample))


def fastest(blocks: dict[str, Block], sample: Sample) -> Block:
    """The fastest of several blocks."""
    seconds = {
        name: least(lambda block=block: block.values(sample.x, sample.weights, sample.leaves))
        for name, block in blocks.items()
    }
    best = min(seconds, key=seconds.__getitem__)
    return replace(blocks[best], timed=seconds)


def least(call: Callable[[], Any]) -> float:
    """Seconds of the fastest of a few runs, after one that is not counted."""
    call()
    found = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        call()
        found.append(time.perf_counter() - begin)
    return min(found)
