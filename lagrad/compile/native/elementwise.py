"""Elementwise programs: a function of arrays and params in, its equations parted by what they depend on, out.

What depends on params only is evaluated once for all elements before the loop and read by it like any array.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import jax
import numpy as np

from lagrad.compile.native.emission import supports
from lagrad.compile.native.rules import KINDS, RULES
from lagrad.precision import float64
from lagrad.primitives.calls import PLAIN, RULED
from lagrad.program.cse import tidy
from lagrad.program.equation import Equation
from lagrad.program.folding import fold
from lagrad.program.program import Program, numbered
from lagrad.program.walk import needed, reached


@dataclass(frozen=True, eq=False)
class Parted:
    """A program in two parts.

    Args:
        varying: equations of the loop; its inputs are the arrays, then what the other part gives.
        fixed: equations from the leaves of params to what the loop needs of them.
    """

    varying: Program
    fixed: Program

    @property
    def sizes(self) -> list[int]:
        """Number of numbers of each result of the fixed part."""
        return [self.fixed.size(variable) for variable in self.fixed.outputs]

    def params(self, leaves: Sequence) -> list:
        """Results of the fixed part, traceable."""
        values = self.fixed.values(leaves)
        return [values[variable].reshape(-1) for variable in self.fixed.outputs]


def parted(fun: Callable, arrays: list, leaves: list, count: int) -> Parted | None:
    """Trace and part a function.

    Args:
        fun: (arrays, leaves) -> arrays, elementwise in the arrays.
        arrays: shapes of the arrays, each (count,).
        leaves: shapes of the params.
        count: number of elements.

    Returns:
        Parted; None if an equation of the loop has no rule.
    """
    with float64():
        # Derivatives are taken already: of functions with a rule of their own only values are left.
        program = numbered(jax.make_jaxpr(fun)(arrays, leaves), PLAIN | RULED)
    program = folded(tidy(program))
    cuts, params = program.inputs[: len(arrays)], program.inputs[len(arrays) :]
    varies, follows = reached(program.equations, cuts), reached(program.equations, params)
    fixed = follows - varies
    loop = needed([each for each in program.equations if not fixed & {*each.outputs}], program.outputs)
    taken = {variable for each in loop for variable in each.inputs}.union(program.outputs)
    frontier = tuple(sorted(taken & fixed))
    varying = with_parts(program, loop, cuts + frontier, program.outputs)
    if not supports(varying, count):
        return None
    before = needed([each for each in program.equations if not varies & {*each.outputs}], frontier)
    return Parted(varying, with_parts(program, before, params, frontier))


def folded(program: Program) -> Program:
    """The program with equations of constants executed, where the loop has no rule for them."""
    constants, equations = dict(program.constants), []
    for each in program.equations:
        has_rule = each.name in RULES and all(program.avals[i].dtype in KINDS for i in each.outputs)
        if not has_rule and all(i in constants for i in each.inputs):
            values = fold(each.source, [constants[i] for i in each.inputs])
            constants |= dict(zip(each.outputs, map(np.asarray, values), strict=True))
        else:
            equations.append(each)
    return replace(program, equations=tuple(equations), constants=constants)


def with_parts(
    program: Program, equations: Sequence[Equation], inputs: Sequence[int], outputs: Sequence[int]
) -> Program:
    """Some equations of a program with other inputs and outputs."""
    return replace(program, equations=tuple(equations), inputs=tuple(inputs), outputs=tuple(outputs))
