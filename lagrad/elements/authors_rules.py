"""Record calls with a derivative rule of their own on a tape, with that rule.

The node has the value of the function as written and, for derivatives, what its author's rule gives when the
tangent of one operand is one and the others are zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
from jax.extend import core as jex

from lagrad.elements.calls import CALL, floating, moves_one, rule_of, the_number
from lagrad.elements.partials import CUSTOM
from lagrad.elements.tape import FLOAT, SIMPLIFIED, Tape
from lagrad.primitives.calls import TRANSPARENT, called
from lagrad.primitives.equations import aval_of, bind
from lagrad.program.walk import needed, run


@dataclass(frozen=True, eq=False)
class Rule:
    """Derivatives of one output of a call, recorded when called with a tape and the operands."""

    equation: jex.JaxprEqn
    output: int

    def __call__(self, tape: Tape, operands: Sequence[int]) -> list[int]:
        """Node of the derivative by each operand."""
        floats, zero, one = floating(self.equation.invars), tape.constant(0.0), tape.constant(1.0)
        if self.output not in floating(self.equation.outvars):
            return [zero] * len(operands)
        program, place = rule_of(self.equation), floating(self.equation.outvars).index(self.output)
        found = [zero] * len(operands)
        for i in floats:
            tangents = [one if j == i else zero for j in floats]
            found[i] = interpreted(tape, program, [*tangents, *operands], tape.apply)[place]
        return found


# One object a call, so that equal operations on a tape are found to be equal.
rule = lru_cache(maxsize=1024)(Rule)


def ruled(tape: Tape, equation: jex.JaxprEqn, operands: Sequence[int], output: int) -> int:
    """Record an output of a call.

    Args:
        tape: where it is recorded.
        equation: a call that acts on elements, see `element_call`.
        operands: one node each.
        output: which of the results.

    Returns:
        Node of the result.
    """
    value = interpreted(tape, equation.params["call_jaxpr"], operands, None)[output]
    if output not in floating(equation.outvars):
        return value
    return tape.add(CUSTOM, (value, *operands), {"rule": rule(equation, output)}, FLOAT)


def interpreted(
    tape: Tape, program: jex.ClosedJaxpr, arguments: Sequence[int], simplify: Callable | None
) -> list[int]:
    """Outputs of a program that acts on elements; recorded as it is written unless it may be simplified."""
    visit = partial(step, tape, simplify=simplify)
    constant = partial(one_number, tape)
    return run(program, arguments, visit, constant, needed(program.eqns, program.jaxpr.outvars))


def one_number(tape: Tape, value: Any, aval: Any) -> int:
    """Node of a literal, or of the number that a captured array repeats."""
    return tape.constant(np.asarray(value if np.ndim(value) == 0 else the_number(value), aval.dtype))


def step(
    tape: Tape, equation: jex.JaxprEqn, operands: Sequence[int], *, simplify: Callable | None
) -> Sequence[int]:
    """Results of one equation."""
    name = equation.primitive.name
    inner = called(equation, TRANSPARENT)
    if inner is not None:
        return interpreted(tape, inner, operands, simplify)
    if name == CALL:
        return [ruled(tape, equation, operands, output) for output in range(len(equation.outvars))]
    if moves_one(equation):
        return [operands[0]] * len(equation.outvars)
    dtype = aval_of(equation.outvars[0]).dtype
    is_float = dtype == FLOAT and all(tape.operations[i].dtype in (FLOAT, bool) for i in operands)
    if name == "convert_element_type":
        if tape.operations[operands[0]].dtype == dtype:
            return [operands[0]]
        known = tape.value(operands[0])
        if known is not None:
            return [tape.constant(known.astype(dtype))]
    if simplify is not None and is_float and name in SIMPLIFIED:
        return [simplify(name, tuple(operands), equation.params)]
    return [tape.add(name, operands, equation.params, dtype, partial(bind, equation))]
