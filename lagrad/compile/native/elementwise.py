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
from lagrad.program.cse import merged
from lagrad.program.program import INLINED, Equation, Program, numbered
from lagrad.sparsity.rules.folding import fold

# Derivatives are taken already: of functions with a rule of their own only values are left.
PLAIN = INLINED | {"custom_jvp_call": "call_jaxpr", "custom_vjp_call": "call_jaxpr"}


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
        values: dict = dict(self.fixed.constants) | dict(zip(self.fixed.inputs, leaves, strict=True))
        for equation in self.fixed.equations:
            results = equation.bind(*(values[operand] for operand in equation.inputs))
            values |= dict(zip(equation.outputs, results, strict=True))
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
        program = numbered(jax.make_jaxpr(fun)(arrays, leaves), PLAIN)
    program = folded(tidy(program))
    cuts, params = program.inputs[: len(arrays)], program.inputs[len(arrays) :]
    varies, follows = reached(program, cuts), reached(program, params)
    fixed = follows - varies
    loop = needed([each for each in program.equations if not fixed & {*each.outputs}], program.outputs)
    taken = {variable for each in loop for variable in each.inputs}.union(program.outputs)
    frontier = tuple(sorted(taken & fixed))
    varying = with_parts(program, loop, cuts + frontier, program.outputs)
    if not supports(varying, count):
        return None
    before = needed([each for each in program.equations if not varies & {*each.outputs}], frontier)
    return Parted(varying, with_parts(program, before, params, frontier))


def tidy(program: Program) -> Program:
    """The program without what its outputs do not need, equal equations merged."""
    line = merged(program)
    outputs = tuple(line.name(variable) for variable in program.outputs)
    equations = [
        Equation(each.source, tuple(line.name(i) for i in each.inputs), each.outputs)
        for each in (program.equations[index] for index in line.needed(outputs, ()))
    ]
    return with_parts(program, equations, program.inputs, outputs)


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


def needed(equations: Sequence[Equation], targets: Sequence[int]) -> list[Equation]:
    """Those of some equations that other variables need, in order."""
    wanted, found = set(targets), []
    for each in reversed(equations):
        if wanted & {*each.outputs}:
            wanted |= {*each.inputs}
            found.append(each)
    return found[::-1]


def reached(program: Program, starts: Sequence[int]) -> set[int]:
    """Variables that depend on some others, those included."""
    found = set(starts)
    for each in program.equations:
        if found & {*each.inputs}:
            found |= {*each.outputs}
    return found


def with_parts(
    program: Program, equations: Sequence[Equation], inputs: Sequence[int], outputs: Sequence[int]
) -> Program:
    """Some equations of a program with other inputs and outputs."""
    return replace(program, equations=tuple(equations), inputs=tuple(inputs), outputs=tuple(outputs))
