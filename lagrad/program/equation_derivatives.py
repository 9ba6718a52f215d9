"""Trace what forward and reverse mode run for one equation.

The equation is a call with a derivative rule of its own, so that the program is the one its author wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.extend import core as jex

from lagrad.precision import float64
from lagrad.primitives.equations import bind, is_inexact


def tangent_program(equation: jex.JaxprEqn, active: Sequence[int]) -> jex.ClosedJaxpr:
    """(tangents of active operands, all operands) -> output tangents, as forward mode runs it."""
    avals = [atom.aval for atom in equation.invars]

    def program(*arguments):
        tangents, operands = arguments[: len(active)], arguments[len(active) :]
        primals = [operands[i] for i in active]
        return jax.jvp(restricted(equation, active, operands), primals, list(tangents))[1]

    return traced(program, *(avals[i] for i in active), *avals)


def cotangent_program(equation: jex.JaxprEqn, active: Sequence[int]) -> jex.ClosedJaxpr:
    """(output cotangents, all operands) -> outputs and operand cotangents, as reverse mode runs it."""
    avals = [atom.aval for atom in equation.invars]
    outputs = [equation.outvars[k].aval for k in inexact_outputs(equation)]

    def program(*arguments):
        cotangents, operands = arguments[: len(outputs)], arguments[len(outputs) :]
        results, pull = jax.vjp(restricted(equation, active, operands), *(operands[i] for i in active))
        return [*results, *pull(list(cotangents))]

    return traced(program, *outputs, *avals)


def inexact_outputs(equation: jex.JaxprEqn) -> list[int]:
    """Numbers of the outputs that can be differentiated."""
    return [k for k, variable in enumerate(equation.outvars) if is_inexact(variable.aval)]


def restricted(equation: jex.JaxprEqn, active: Sequence[int], operands: Sequence[Any]) -> Callable:
    """The function of an equation's active operands, with its differentiable outputs."""
    outputs = inexact_outputs(equation)

    def function(*chosen):
        arguments = list(operands)
        for number, value in zip(active, chosen, strict=True):
            arguments[number] = value
        results = bind(equation, *arguments)
        return [results[k] for k in outputs]

    return function


def traced(function, *avals: Any) -> jex.ClosedJaxpr:
    """Closed jaxpr of a function of arrays with these shapes and types."""
    with float64():
        return jax.make_jaxpr(function)(*(jax.ShapeDtypeStruct(aval.shape, aval.dtype) for aval in avals))
