"""Hold a step that is repeated, once for each of many rows.

On a tape a chain is an operation whose result is a vector:

    values       z after all steps                                            size entries
    slopes       derivative of each entry of z by each input                  size x inputs
    curvature    second derivatives of the sum of weights times entries       inputs x inputs, symmetric

Inputs are z and v at the start; what steps have of their own, as measurements, are known numbers. Backwards
from the last step, with the Jacobian J and the weighted second derivatives W of one step, both extended by
the identity for v:

    slopes        S <- S J                          from the identity
    curvature     M <- J' M J + W, w <- J' w        from zero and the weights
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lagrad.elements.indices import Indices
from lagrad.elements.masks import Masks
from lagrad.elements.tape import Tape


@dataclass(frozen=True, eq=False)
class Chain:
    """z <- step(z, v), some times, for each of many rows.

    Args:
        length: number of steps.
        rows: number of rows.
        inputs: operand of the loop, and which of its elements each row takes; those of z first.
        outputs: (output of the loop, number of an entry of its rows) of each entry of z.
        step: tape of one step.
        given: nodes of z and v on it.
        results: nodes of the next z.
        masks: which derivatives of each result of the whole chain can be nonzero.
        weights: nodes of the weights of the results.
        slopes: (result, input) -> node of the derivative of one step.
        curvature: (input, input) -> node of the weighted second derivative of one step, each pair once.
        data: nodes of the numbers that each step has of its own.
        own: these numbers, shape (length, numbers of a step).
    """

    length: int
    rows: int
    inputs: tuple[tuple[int, Indices], ...]
    outputs: tuple[tuple[int, int], ...]
    step: Tape
    given: tuple[int, ...]
    results: tuple[int, ...]
    masks: tuple[Masks, ...]
    weights: tuple[int, ...]
    slopes: dict[tuple[int, int], int]
    curvature: dict[tuple[int, int], int]
    data: tuple[int, ...]
    own: np.ndarray

    @property
    def size(self) -> int:
        """Number of entries of z."""
        return len(self.results)

    @cached_property
    def numbers(self) -> dict[tuple[int, int], int]:
        """(output of the loop, entry of its rows) -> entry of z."""
        return {place: number for number, place in enumerate(self.outputs)}
