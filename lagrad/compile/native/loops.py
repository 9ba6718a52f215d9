"""Loops: what is computed for each of many elements, where its inputs are read and where results go.

for e in range(count):
    inputs  = arguments[read.argument][read.indices[e]]      for each read
    results = program(inputs)
    output[write.indices[e]]  =  or  +=  result              for each write
"""

from __future__ import annotations

from dataclasses import dataclass

from lagrad.elements.indices import Indices
from lagrad.program.program import Program


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
    """One program for all elements.

    Args:
        count: number of elements.
        program: equations on arrays of shape (count,), elementwise.
        reads: one for each input of the program.
        writes: one for each output of the program.
    """

    count: int
    program: Program
    reads: tuple[Read, ...]
    writes: tuple[Write, ...]
