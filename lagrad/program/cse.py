"""Merging: a program in, the same program with one name for equal equations out.

Derivative code repeats itself: each seed evaluates the same sines. Here equal equations become one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lagrad.program.program import Program


@dataclass(frozen=True)
class Merged:
    """A program in which equal equations have one name.

    Args:
        program: the equations.
        names: variable -> the first variable of equal value, where that is another.
        producers: variable -> index of its equation.
    """

    program: Program
    names: dict[int, int]
    producers: dict[int, int]

    def name(self, variable: int) -> int:
        """The variable that stands for all of equal value."""
        return self.names.get(variable, variable)

    def needed(self, targets: Iterable[int], known: Iterable[int], also: Iterable[int] = ()) -> list[int]:
        """Equations between known and target variables, and those that others need, in order."""
        found, stack, known = set(also), list(targets), set(known)
        stack += [self.name(operand) for index in found for operand in self.program.equations[index].inputs]
        while stack:
            variable = stack.pop()
            index = self.producers.get(variable)
            if variable not in known and index is not None and index not in found:
                found.add(index)
                stack += [self.name(operand) for operand in self.program.equations[index].inputs]
        return sorted(found)

    def evaluate(self, targets: list[int], known: dict, also: Iterable[int] = ()) -> list:
        """Values of the targets from those of known variables; further equations are evaluated on the way."""
        values = dict(known)
        for index in self.needed(targets, known, also):
            equation = self.program.equations[index]
            results = equation.bind(*(values[self.name(operand)] for operand in equation.inputs))
            values |= dict(zip(equation.outputs, results, strict=True))
        return [values[target] for target in targets]


def merged(program: Program) -> Merged:
    """Give equal equations one name: same primitive, same parameters, same operands."""
    names, producers, seen = {}, {}, {}
    for number, value in program.constants.items():
        first = seen.setdefault((value.dtype, value.shape, value.tobytes()), number)
        if first != number:
            names[number] = first
    for index, equation in enumerate(program.equations):
        key = (equation.name, frozen(equation.params), tuple(names.get(i, i) for i in equation.inputs))
        first = seen.setdefault(key, index) if not equation.source.effects else index
        if first != index:
            names |= dict(zip(equation.outputs, program.equations[first].outputs, strict=True))
        producers |= dict.fromkeys(equation.outputs, first)
    return Merged(program, names, producers)


def frozen(params: dict):
    """Parameters as a key; unequal to any other where they cannot be compared."""
    try:
        key = tuple(sorted(params.items(), key=lambda item: item[0]))
        hash(key)
    except TypeError:
        return id(params)
    return key
