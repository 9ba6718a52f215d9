"""The program of a problem: functions in, one straight line of equations of flat f and c out.

Objective and constraints are traced together, so that what they share is written once. Nested `jit`
calls are inlined into the line; everything else stays one equation. Toy version:

    f(x) = x0 x1,  c(x) = [x0 + x1]      ->      2 = slice 0;  3 = slice 0;  4 = mul 2 3;  5 = add 2 3
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jax.extend import core as jex

if TYPE_CHECKING:
    from jax.core import ShapedArray

INLINED = {"jit": "jaxpr", "pjit": "jaxpr", "closed_call": "call_jaxpr", "core_call": "call_jaxpr"}


@dataclass(frozen=True)
class Equation:
    """One primitive applied: variables are numbered, literals and captured arrays are variables too.

    Args:
        source: the traced equation, for its primitive, params and avals.
        inputs: number of each operand.
        outputs: number of each result.
    """

    source: jex.JaxprEqn
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def name(self) -> str:
        """Name of the primitive."""
        return self.source.primitive.name

    @property
    def params(self) -> dict:
        """Parameters of the primitive."""
        return self.source.params

    def bind(self, *operands):
        """Apply the primitive to JAX values; returns a tuple of results."""
        return bind(self.source, *operands)


@dataclass(frozen=True)
class Program:
    """Flat f and c as one closed jaxpr, and as numbered equations with nested calls inlined.

    Args:
        closed: jaxpr of (x, *param leaves) -> (f, c).
        equations: the same, in order of evaluation.
        avals: shape and dtype of each numbered variable.
        constants: variable -> its value, for literals and captured arrays.
        inputs: variables of x and of the leaves of params.
        outputs: variables of f and c.
    """

    closed: jex.ClosedJaxpr
    equations: tuple[Equation, ...]
    avals: tuple[ShapedArray, ...]
    constants: dict[int, np.ndarray]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def function(self) -> Callable:
        """(x, *param leaves) -> (f, c), traceable by JAX."""
        run = jex.jaxpr_as_fun(self.closed)
        return lambda x, *leaves: tuple(run(x, *leaves))

    def size(self, variable: int) -> int:
        """Number of elements of a variable."""
        return int(np.prod(self.avals[variable].shape, dtype=np.int64))


def numbered(closed: jex.ClosedJaxpr, inlined: dict[str, str] = INLINED) -> Program:
    """Number the variables of a closed jaxpr and inline its nested calls.

    Args:
        closed: the jaxpr.
        inlined: primitive of a call -> name of the parameter that holds what is called.
    """
    line = Line([], [], {}, inlined)
    inputs = tuple(line.variable(var.aval) for var in closed.jaxpr.invars)
    outputs = line.append(closed.jaxpr, closed.consts, inputs)
    return Program(closed, tuple(line.equations), tuple(line.avals), line.constants, inputs, outputs)


def bind(source: jex.JaxprEqn, *operands) -> tuple:
    """Apply the primitive of a traced equation to JAX values of any shapes that it takes."""
    primitive = source.primitive
    bound = primitive.get_bind_params(source.params)
    # JAX up to 0.9 gives the functions of a call apart from its parameters.
    functions, params = bound if isinstance(bound, tuple) else ((), bound)
    results = primitive.bind(*functions, *operands, **params)
    return tuple(results) if primitive.multiple_results else (results,)


@dataclass
class Line:
    """Equations collected so far, one after the other."""

    equations: list[Equation]
    avals: list
    constants: dict[int, np.ndarray]
    inlined: dict[str, str]

    def variable(self, aval) -> int:
        """Number a new variable."""
        self.avals.append(aval)
        return len(self.avals) - 1

    def constant(self, value, aval) -> int:
        """Number a new variable of known value."""
        number = self.variable(aval)
        self.constants[number] = np.asarray(value)
        return number

    def append(self, jaxpr: jex.Jaxpr, consts: Sequence, inputs: Sequence[int]) -> tuple[int, ...]:
        """Append a jaxpr applied to numbered inputs; returns the numbers of its outputs."""
        names = dict(zip(jaxpr.invars, inputs, strict=True))
        names |= {
            var: self.constant(value, var.aval) for var, value in zip(jaxpr.constvars, consts, strict=True)
        }

        def number(atom) -> int:
            return self.constant(atom.val, atom.aval) if isinstance(atom, jex.Literal) else names[atom]

        for equation in jaxpr.eqns:
            operands = tuple(number(atom) for atom in equation.invars)
            inner = equation.params.get(self.inlined.get(equation.primitive.name, ""))
            if inner is None:
                results = tuple(self.variable(var.aval) for var in equation.outvars)
                self.equations.append(Equation(equation, operands, results))
            else:
                results = self.append(inner.jaxpr, inner.consts, operands)
            names |= dict(zip(equation.outvars, results, strict=True))
        return tuple(number(atom) for atom in jaxpr.outvars)
