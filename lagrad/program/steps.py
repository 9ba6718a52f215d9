"""Tell whether a result changes with x in steps only: its derivative is zero wherever there is one."""

from __future__ import annotations

from lagrad.primitives.elementwise import ELEMENTWISE
from lagrad.program.equation import Equation
from lagrad.program.program import Program
from lagrad.program.walk import reached


def is_step(equation: Equation) -> bool:
    """Whether an equation has slope zero in all its operands: floor, round, a comparison."""
    facts = ELEMENTWISE.get(equation.name)
    return facts is not None and not any(facts.interaction.first)


def changes_in_steps(program: Program, output: int = 0) -> str:
    """Name of the first operation that takes the slope from a result, empty if something else carries it.

    Args:
        program: (x, ...) -> results.
        output: which result.

    >>> from lagrad.program.trace import trace
    >>> changes_in_steps(trace(lagrad.Problem(lambda x: jnp.floor(x[0]), [1.5])))
    'floor'
    >>> changes_in_steps(trace(lagrad.Problem(lambda x: jnp.floor(x[0]) + x[0], [1.5])))
    ''
    """
    target, starts = program.outputs[output], program.inputs[:1]
    equations = [equation for equation in program.equations if equation.name != "stop_gradient"]
    smooth = reached(equations, starts, lambda equation: not is_step(equation))
    if target in smooth or target not in reached(equations, starts):
        return ""
    steps = (each for each in equations if is_step(each) and not smooth.isdisjoint(each.inputs))
    return next((each.name for each in steps), "")
