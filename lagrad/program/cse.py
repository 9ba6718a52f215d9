"""Merge equal equations, so that what is computed alike has one name.

Derivative code repeats itself: each seed evaluates the same sines. Here equal equations become one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from lagrad.program.alike import frozen, number_key
from lagrad.program.equation import Equation
from lagrad.program.program import Program
from lagrad.program.walk import evaluate, needed


@dataclass(frozen=True)
class Merged:
    """A program in which equal equations are one.

    Args:
        program: its equations read and write first names only; so are its outputs.
        names: variable of the original -> the first variable of equal value, where that is another.
    """

    program: Program
    names: dict[int, int]

    def name(self, variable: int) -> int:
        """The variable that stands for all of equal value."""
        return self.names.get(variable, variable)

    def evaluate(self, targets: Sequence[int], known: dict[int, Any], keeps_effects: bool = False) -> list:
        """Values of the targets from those of known variables; equations with effects run too if kept."""
        equations = needed(self.program.equations, targets, known, has_effects if keeps_effects else never)
        values = evaluate(equations, known)
        return [values[target] for target in targets]


def merged(program: Program) -> Merged:
    """Give equal equations one name: same primitive, same parameters, same operands."""
    names: dict[int, int] = {}
    seen: dict[Any, Any] = {}
    equations: list[Equation] = []
    for number, value in program.constants.items():
        first = seen.setdefault(number_key(number, value), number)
        if first != number:
            names[number] = first
    for equation in program.equations:
        inputs = tuple(names.get(i, i) for i in equation.inputs)
        key = id(equation) if has_effects(equation) else (equation.name, frozen(equation.params), inputs)
        first = seen.setdefault(key, equation.outputs)
        if first is equation.outputs:
            equations.append(equation._replace(inputs=inputs))
        else:
            names |= dict(zip(equation.outputs, first, strict=True))
    outputs = tuple(names.get(i, i) for i in program.outputs)
    return Merged(replace(program, equations=tuple(equations), outputs=outputs), names)


def tidy(program: Program) -> Program:
    """The program with equal equations merged, and without what its outputs do not need."""
    line = merged(program).program
    return replace(line, equations=tuple(needed(line.equations, line.outputs)))


def has_effects(equation: Equation) -> bool:
    """Whether an equation does more than give results."""
    return bool(equation.source.effects)


def never(equation: Equation) -> bool:
    """No equation is kept for its own sake."""
    return False
