"""Compile candidates for one block and keep the one that is fastest at the start.

Predictions by counting sweeps are good to a factor of two: a sweep backwards costs one to three of those
forwards. Where candidates are closer than that they are compiled side by side and timed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from lagrad.compile.blocks import Block, Pending, Sample
from lagrad.compile.xla import compile_all

RUNS = 5


@dataclass(frozen=True, eq=False)
class Contest:
    """Candidates for one block.

    Args:
        candidates: blocks that wait to be compiled, by a name for reports.
        sample: what they are timed with.
    """

    candidates: dict[str, Pending]
    sample: Sample

    def compile(self) -> Block:
        """The fastest candidate, which knows what all of them took; may run in any thread."""
        done = compile_all([pending.uncompiled for pending in self.candidates.values()])
        blocks = {
            name: pending.finish(each)
            for (name, pending), each in zip(self.candidates.items(), done, strict=True)
        }
        seconds = {name: least(lambda block=block: self.run(block)) for name, block in blocks.items()}
        best = min(seconds, key=seconds.__getitem__)
        return replace(blocks[best], timed=seconds)

    def run(self, block: Block) -> None:
        """Evaluate a block once."""
        block.values(self.sample.x, self.sample.weights, self.sample.leaves)


def contest(candidates: dict[str, Pending], sample: Sample) -> Pending:
    """A block that is the fastest of several once it is compiled; the only one without a contest."""
    if len(candidates) == 1:
        (only,) = candidates.values()
        return only
    return Pending(Contest(candidates, sample), lambda block: block)


def least(call: Callable[[], None]) -> float:
    """Seconds of the fastest of a few runs, after one that is not counted."""
    call()
    found = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        call()
        found.append(time.perf_counter() - begin)
    return min(found)
