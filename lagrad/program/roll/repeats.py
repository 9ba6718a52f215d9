"""Find equal steps that are written one after the other, and write them as a loop.

    z1 = step(z0, u);  z2 = step(z1, u);  z3 = step(z2, u)      ->      scan: z <- step(z, u), three times

A Python loop over the steps of an integrator is traced as equations that repeat with some period. Each takes
results of its own step, of the step before, or what all steps share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax import lax

from lagrad.precision import float64
from lagrad.program.cse import frozen, number_key
from lagrad.program.equation import Equation
from lagrad.program.program import Program, numbered
from lagrad.program.walk import evaluate

# Steps of fewer equations, or fewer steps, stay as they are written.
SHORTEST, FEWEST = 16, 3
# Programs of fewer equations are not worth a loop.
FEWEST_EQUATIONS = 400
# Periods that are tried: the commonest distances between an equation and the next ones like it.
NEXT, TRIED = 24, 32

# A result of a step: which equation of it, and which of its outputs.
Result = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Steps:
    """Equal steps in a program.

    Args:
        start: first equation of the first step.
        period: equations of a step.
        count: number of steps.
        operands: for each equation of a step, for each operand, what it is: the number of what is handed on,
            a result of the same step, or a variable that all steps share.
        handed: result that the next step takes, and the variable in its place in the first step.
    """

    start: int
    period: int
    count: int
    operands: list[list[int | Result | Shared]]
    handed: list[tuple[Result, int]]

    @property
    def stop(self) -> int:
        """The equation after the last step."""
        return self.start + self.period * self.count


@dataclass(frozen=True)
class Shared:
    """A variable that all steps share."""

    variable: int


def looped(program: Program) -> Program | None:
    """Write the equal steps of a program as a loop.

    Args:
        program: numbered equations.

    Returns:
        Program of the same inputs and outputs; None if there are no such steps.
    """
    steps = find(program) if len(program.equations) > FEWEST_EQUATIONS else None
    if steps is None:
        return None

    def function(*arguments):
        given = program.constants | dict(zip(program.inputs, arguments, strict=True))
        values = evaluate(program.equations[: steps.start], given)
        values |= results(program, steps, values)
        values = evaluate(program.equations[steps.stop :], values)
        return [values[output] for output in program.outputs]

    with float64():
        return numbered(jax.make_jaxpr(function)(*program.closed.in_avals))


def results(program: Program, steps: Steps, values: dict[int, Any]) -> dict[int, Any]:
    """What the last step hands on, by its variables in the program."""
    template = program.equations[steps.start : steps.start + steps.period]

    def step(carry, _):
        made: list[Sequence[Any]] = []
        for equation, operands in zip(template, steps.operands, strict=True):
            given = [
                values[each.variable]
                if isinstance(each, Shared)
                else carry[each]
                if isinstance(each, int)
                else made[each[0]][each[1]]
                for each in operands
            ]
            made.append(equation.bind(*given))
        return tuple(made[place][output] for (place, output), _ in steps.handed), None

    starts = tuple(values[variable] for _, variable in steps.handed)
    final, _ = lax.scan(step, starts, None, length=steps.count)
    last = program.equations[steps.stop - steps.period : steps.stop]
    return {
        last[place].outputs[output]: value
        for ((place, output), _), value in zip(steps.handed, final, strict=True)
    }


def find(program: Program) -> Steps | None:
    """The equal steps that most equations belong to."""
    equations = program.equations
    codes = codes_of(program)
    best, found = 0, None
    for period in periods(codes):
        alike = codes[:-period] == codes[period:]
        start, length = longest_run(alike)
        count = length // period + 1
        if count >= FEWEST and (count - 1) * period > best:
            best, found = (count - 1) * period, (start, period, count, length % period)
    if found is None or any(equation.source.effects for equation in equations):
        return None
    start, period, count, slack = found
    tried = [steps_at(program, start + shift, period, count) for shift in range(slack + 1)]
    fitting = [steps for steps in tried if steps is not None]
    return min(fitting, key=lambda steps: len(steps.handed), default=None)


def periods(codes: np.ndarray) -> list[int]:
    """Distances at which equations are repeated most often."""
    order = np.argsort(codes, kind="stable")
    found = [np.zeros(0, int)]
    for lag in range(1, min(NEXT, codes.size - 1) + 1):
        distances = order[lag:] - order[:-lag]
        found.append(distances[codes[order[lag:]] == codes[order[:-lag]]])
    counts = np.bincount(np.concatenate(found))
    commonest = np.argsort(-counts, kind="stable")[:TRIED]
    return [int(each) for each in commonest if each >= SHORTEST and counts[each]]


def codes_of(program: Program) -> np.ndarray:
    """A number for each equation, equal for equations of one kind, shape and constants."""
    seen: dict[Any, int] = {}
    found = []
    for equation in program.equations:
        constants = tuple(
            number_key(i, program.constants[i]) if i in program.constants else None for i in equation.inputs
        )
        shapes = tuple((program.avals[i].shape, program.avals[i].dtype) for i in equation.outputs)
        key = (equation.name, frozen(equation.params), constants, shapes)
        found.append(seen.setdefault(key, len(seen)))
    return np.array(found)


def longest_run(alike: np.ndarray) -> tuple[int, int]:
    """Start and length of the longest stretch that holds.

    >>> longest_run(np.array([True, False, True, True]))
    (2, 2)
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], alike, [False]]).astype(np.int8)))
    if edges.size == 0:
        return 0, 0
    starts, lengths = edges[::2], edges[1::2] - edges[::2]
    best = int(lengths.argmax())
    return int(starts[best]), int(lengths[best])


def steps_at(program: Program, start: int, period: int, count: int) -> Steps | None:
    """The steps that begin at an equation; None if something comes from further back, or is used outside."""
    equations = program.equations[start : start + period * count]
    made = {
        variable: (number // period, (number % period, place))
        for number, equation in enumerate(equations)
        for place, variable in enumerate(equation.outputs)
    }
    handed: dict[tuple[Result, int], int] = {}
    operands = []
    for place in range(period):
        row = [
            origin(column, made, program, handed)
            for column in zip(
                *(equations[step * period + place].inputs for step in range(count)), strict=True
            )
        ]
        if any(each is None for each in row):
            return None
        operands.append(row)
    last = {equations[(count - 1) * period + place].outputs[output] for (place, output), _ in handed}
    outside = [*program.equations[start + period * count :]]
    used = {variable for equation in outside for variable in equation.inputs} | set(program.outputs)
    if (used & made.keys()) - last or not all(
        same_type(program, made, equations, result, variable) for result, variable in handed
    ):
        return None
    return Steps(start, period, count, operands, list(handed))


def origin(
    column: Sequence[int],
    made: dict[int, tuple[int, Result]],
    program: Program,
    handed: dict[tuple[Result, int], int],
) -> int | Result | Shared | None:
    """Where an operand comes from, given its variable in each step; None if steps differ in that."""
    first, *others = column
    if all(i in program.constants for i in column):
        return Shared(first)
    if len(set(column)) == 1:
        return Shared(first) if first not in made else None
    sources = [made.get(variable) for variable in others]
    if any(source is None for source in sources):
        return None
    (step, result), *_ = [source for source in sources if source is not None]
    if list(sources) != [(step + k, result) for k in range(len(others))]:
        return None
    if step == 1:
        return result if made.get(first) == (0, result) else None
    return handed.setdefault((result, first), len(handed)) if step == 0 and first not in made else None


def same_type(
    program: Program, made: dict, equations: Sequence[Equation], result: Result, variable: int
) -> bool:
    """Whether what is handed on is of the shape and precision of what the first step takes."""
    aval, start = program.avals[equations[result[0]].outputs[result[1]]], program.avals[variable]
    return (aval.shape, aval.dtype) == (start.shape, start.dtype)
