"""Loops: what is computed for each of many elements, where its inputs are read and where results go.

for e in range(count):
    inputs  = arguments[read.argument][read.indices[e]]      for each read
    results = tape(inputs)
    output[write.indices[e]]  =  or  +=  result              for each write
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lagrad.elements.indices import Indices
from lagrad.elements.tape import CHAIN, Tape


@dataclass(frozen=True, eq=False)
class Read:
    """argument[indices[e]] for element e.

    Args:
        argument: number of a vector among the function's arguments.
        indices: places in it, shape (count,).
    """

    argument: int
    indices: Indices


@dataclass(frozen=True, eq=False)
class Write:
    """output[indices[e - first]] = result of element e, or += where several results meet.

    Args:
        indices: places in the output of the elements first, first + 1, ...
        adds: whether to add to what is there.
        first: the first element that is written.
    """

    indices: Indices
    adds: bool = False
    first: int = 0

    def is_whole(self, count: int) -> bool:
        """Whether all of `count` elements are written."""
        return self.indices.size == count


@dataclass(frozen=True, eq=False)
class Loop:
    """One tape for all elements.

    Args:
        tape: operations on arrays of shape (count,).
        reads: one for each input of the tape, by its node.
        writes: nodes of results, and where they go.
    """

    tape: Tape
    reads: Mapping[int, Read]
    writes: tuple[tuple[int, Write], ...]

    @property
    def count(self) -> int:
        """Number of elements."""
        return self.tape.count

    @property
    def length(self) -> int:
        """Number of operations, those of the steps of chains included."""
        operations = self.tape.operations
        chains = {each.params["chain"] for each in operations if each.name == CHAIN}
        return len(operations) + sum(len(chain.step.operations) for chain in chains)
