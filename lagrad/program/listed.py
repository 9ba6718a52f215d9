"""Read a list of operations, as a function was traced, as numbered equations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jax.core
import jax.numpy as jnp

from lagrad.program.equation import Equation
from lagrad.program.program import Lines
from lagrad.tracing import Listing

# Variable -> the input that it is entries of, in the order of its flat array, and the first of them.
Runs = dict[int, tuple[int, int]]


@dataclass(frozen=True)
class Listed(Lines):
    """Numbered equations, some of whose operands are entries of the inputs.

    Args:
        runs: the variables that are entries.
    """

    runs: Runs


def lines_of(listing: Listing, offsets: Sequence[int]) -> Listed:
    """The equations that the outputs need, and what they start from: the flat x, and leaves of the params.

    Args:
        listing: operations of functions of (x, params), pytrees.
        offsets: where each leaf of x begins in the flat x, and where the last one ends.
    """
    operations, operands, leaves = listing.operations, listing.operands, len(offsets) - 1
    # Entries of all leaves of x are then of one kind, as of one array.
    flat = len(operations)
    equations, constants = [], {}
    starts = zip(listing.inputs, offsets[:-1], strict=False)
    runs = {leaf: (flat, start) for leaf, start in starts if leaf is not None}
    is_needed = bytearray(flat)
    for variable in listing.outputs:
        is_needed[variable] = 1
    for variable in range(flat - 1, -1, -1):
        if not is_needed[variable]:
            continue
        operation, taken = operations[variable], operands[variable]
        if operation.primitive is not None:
            equations.append(Equation(operation.equation, operation.name, taken, (variable,)))
            for each in taken:
                is_needed[each] = 1
        elif operation.name == "constant":
            constants[variable] = taken
        elif operation.name == "entries":
            source, first = taken[:2]
            source, start = runs.get(source, (source, 0))
            runs[variable] = source, start + first
    avals = [*(operation.aval for operation in operations), jax.core.ShapedArray((offsets[-1],), jnp.float64)]
    params = [number for number in listing.inputs[leaves:] if number is not None]
    equations.reverse()
    return Listed(equations, avals, constants, (flat, *params), listing.outputs, runs)
