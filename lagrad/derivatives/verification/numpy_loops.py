"""Run a `lax.scan` by NumPy, one step after the other, where that is sooner done than XLA compiles it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from jax.extend import core as jex

from lagrad.primitives.calls import CALLS
from lagrad.program.equation import Equation
from lagrad.program.program import Program, numbered
from lagrad.program.walk import walk

# Equations of a loop that are applied in all, each in some microseconds.
MOST_APPLIED = 20_000

Visit = Callable[[Equation, list[Any]], Sequence[Any]]


@lru_cache(maxsize=64)
def body_of(closed: jex.ClosedJaxpr) -> Program:
    """The steps' program, its calls written out."""
    return numbered(closed, CALLS)


def results(program: Program, given: Sequence[Any], visit: Visit) -> list[Any]:
    """Outputs of a program for values of its inputs."""
    inputs = dict(zip(program.inputs, given, strict=True))
    values = walk(program.equations, program.constants | inputs, visit)
    return [values[output] for output in program.outputs]


def stepped(
    equation: Equation, operands: Sequence[Any], visitor: Callable[[Program], Visit]
) -> tuple[Any, ...] | None:
    """Results of a scan; None if it is long.

    Args:
        equation: a `scan`.
        operands: their values.
        visitor: program -> what gives the results of its equations.
    """
    params = equation.params
    program, length = body_of(params["jaxpr"]), params["length"]
    if not 0 < length * len(program.equations) <= MOST_APPLIED:
        return None
    consts, carried = params["num_consts"], params["num_consts"] + params["num_carry"]
    carry, visit, rows = operands[consts:carried], visitor(program), {}
    for step in reversed(range(length)) if params["reverse"] else range(length):
        taken = [row[step] for row in operands[carried:]]
        found = results(program, [*operands[:consts], *carry, *taken], visit)
        carry, rows[step] = found[: params["num_carry"]], found[params["num_carry"] :]
    stacked = zip(*(rows[step] for step in range(length)), strict=True)
    return (*carry, *map(np.stack, stacked))
