"""Hold a traced function as one straight line of equations, its variables numbered.

Nested `jit` calls are inlined into the line; everything else stays one equation. Toy version:

    f(x) = x0 x1,  c(x) = [x0 + x1]      ->      2 = slice 0;  3 = slice 0;  4 = mul 2 3;  5 = add 2 3
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from jax.extend import core as jex

from lagrad.primitives.calls import PLAIN, called, programs_in
from lagrad.primitives.equations import as_numpy
from lagrad.primitives.platforms import branch_here
from lagrad.program.equation import Equation
from lagrad.program.walk import evaluate, run
from lagrad.tracing import Listing

if TYPE_CHECKING:
    from jax.core import ShapedArray


@dataclass(frozen=True)
class Lines:
    """Numbered equations, one after the other.

    Args:
        equations: in order of evaluation.
        avals: shape and dtype of each numbered variable.
        constants: variable -> its value, for literals and captured arrays; NumPy arrays, but for random keys.
        inputs: variables that are given.
        outputs: variables that are wanted.
    """

    equations: Sequence[Equation]
    avals: Sequence[ShapedArray]
    constants: dict[int, Any]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def size(self, variable: int) -> int:
        """Number of elements of a variable."""
        return math.prod(self.avals[variable].shape)


@dataclass(frozen=True, eq=False)
class Origin:
    """The list of operations that a program was made of, single numbers one by one.

    Args:
        listing: operations of f and c.
        arguments: (x, *param leaves) -> leaves of the arguments of the list.
    """

    listing: Listing
    arguments: Callable[..., list[Any]]


@dataclass(frozen=True)
class Program(Lines):
    """Flat f and c as numbered equations with nested calls inlined, and as one closed jaxpr.

    The inputs are x and the leaves of params, the outputs f and c.

    Args:
        closed: jaxpr of (x, *param leaves) -> (f, c).
        traced: the program before anything was rewritten, what results are held against; itself if None.
        origin: what it was made of, if that was a list of operations.
    """

    closed: jex.ClosedJaxpr
    traced: Program | None = None
    origin: Origin | None = None

    @cached_property
    def programs(self) -> tuple[Any, ...]:
        """The traced program and all programs in the parameters of its equations, at any depth."""
        return tuple(programs_in(self.closed))

    @cached_property
    def names(self) -> frozenset[str]:
        """Names of all primitives, those of nested programs included."""
        return frozenset([equation.primitive.name for each in self.programs for equation in each.eqns])

    def function(self) -> Callable:
        """(x, *param leaves) -> (f, c), traceable by JAX."""
        function = jex.jaxpr_as_fun(self.closed)
        return lambda x, *leaves: tuple(function(x, *leaves))

    def values(self, arguments: Sequence) -> dict[int, Any]:
        """Value of every variable, traceable by JAX.

        Args:
            arguments: an array an input.
        """
        return evaluate(self.equations, self.constants | dict(zip(self.inputs, arguments, strict=True)))


def numbered(
    closed: jex.ClosedJaxpr,
    inlined: dict[str, str] = PLAIN,
    place_of: Callable[[jex.JaxprEqn, str], str] | None = None,
    place: str = "",
) -> Program:
    """Number the variables of a closed jaxpr and inline its nested calls.

    Args:
        closed: the jaxpr.
        inlined: primitive of a call -> name of the parameter that holds what is called.
        place_of: (equation, place of the call around it) -> where it stands in the user's code; by default
            where the whole program does.
        place: of the whole program.
    """
    avals, constants, equations = [], {}, []
    # Identity of an array -> its variable, and the array, which is kept as long as its identity counts.
    known_arrays: dict[int, tuple[int, Any]] = {}

    def variables(atoms: Sequence[Any]) -> tuple[int, ...]:
        first = len(avals)
        # Nearly all equations have one result.
        if len(atoms) == 1:
            avals.append(atoms[0].aval)
            return (first,)
        avals.extend([atom.aval for atom in atoms])
        return tuple(range(first, len(avals)))

    def constant(value, aval) -> int:
        # What a function uses again is the same array; small numbers of Python's are one whatever their type.
        known = known_arrays.get(id(value)) if isinstance(value, np.ndarray) else None
        if known is not None:
            return known[0]
        number = len(avals)
        avals.append(aval)
        constants[number] = as_numpy(value, aval)
        known_arrays[id(value)] = number, value
        return number

    def append(program: jex.ClosedJaxpr, inputs: Sequence[int], around: str) -> list[int]:
        def visit(equation: jex.JaxprEqn, operands: list[int]) -> Sequence[int]:
            name, here = equation.primitive.name, place_of(equation, around) if place_of else around
            inner = called(equation, inlined) if name in inlined else None
            if inner is not None:
                return append(inner, operands, here)
            if name == "cond" and (branch := branch_here(equation)) is not None:
                return append(branch, operands[1:], here)
            results = variables(equation.outvars)
            equations.append(Equation(equation, name, tuple(operands), results, here))
            return results

        return run(program, inputs, visit, constant)

    inputs = variables(closed.jaxpr.invars)
    outputs = tuple(append(closed, inputs, place))
    return Program(tuple(equations), tuple(avals), constants, inputs, outputs, closed)
