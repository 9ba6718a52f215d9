"""Read a list of operations, as a function was traced, as numbered equations, and write it out for JAX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from lagrad.precision import float64
from lagrad.problem.layout import join
from lagrad.program.equation import Equation
from lagrad.program.program import Lines, Program, numbered
from lagrad.tracing import Listing, emit

# Variable -> the input that it is entries of, in the order of its flat array, and the first of them.
Runs = dict[int, tuple[int, int]]


@dataclass(frozen=True)
class Listed(Lines):
    """Numbered equations, some of whose operands are entries of the inputs.

    Args:
        runs: the variables that are entries.
    """

    runs: Runs


def lines_of(listing: Listing) -> Listed:
    """The equations that the outputs need, and what they start from."""
    operations, operands = listing.operations, listing.operands
    equations, constants, runs = [], {}, {}
    is_needed = bytearray(len(operations))
    for variable in listing.outputs:
        is_needed[variable] = 1
    for variable in range(len(operations) - 1, -1, -1):
        if not is_needed[variable]:
            continue
        operation, taken = operations[variable], operands[variable]
        if operation.equation is not None:
            equations.append(Equation(operation.equation, operation.name, taken, (variable,)))
            for each in taken:
                is_needed[each] = 1
        elif operation.name == "constant":
            constants[variable] = taken
        elif operation.name == "entries":
            runs[variable] = taken[:2]
    avals = [operation.aval for operation in operations]
    inputs = tuple(number for number in listing.inputs if number is not None)
    equations.reverse()
    return Listed(equations, avals, constants, inputs, listing.outputs, runs)


def written_out(program: Program) -> Program:
    """A program with every operation of the list that it was made of; itself if it was made of none."""
    origin = program.origin
    if origin is None:
        return program

    def flat(x: jax.Array, *leaves: Any) -> tuple[jax.Array, jax.Array]:
        f, *c = (
            jnp.ravel(each).astype(jnp.float64) for each in emit(origin.listing, origin.arguments(x, *leaves))
        )
        return f.reshape(()), join(c)

    with float64():
        return numbered(jax.make_jaxpr(flat)(*program.closed.in_avals))
