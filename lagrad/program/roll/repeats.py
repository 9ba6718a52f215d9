"""Find equal steps that are written one after the other, and write them as a loop.

    z1 = step(z0, u);  z2 = step(z1, u);  z3 = step(z2, u)      ->      scan: z <- step(z, u), three times

A Python loop over the steps of an integrator is traced as equations that repeat with some period. Each takes
results of its own step, of the step before, or what all steps share. Taken loosely, it may also take what was
there before and is another for each step, as a control, and what it gives on the way may be used behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from lagrad.precision import float64
from lagrad.program.alike import number_key, told_by
from lagrad.program.cse import tidy
from lagrad.program.program import Program, numbered
from lagrad.program.roll.places import CHOOSING
from lagrad.program.roll.roll import rolled
from lagrad.program.walk import evaluate

# Steps of fewer equations, or fewer steps, stay as they are written.
SHORTEST, FEWEST = 16, 3
# Programs of fewer equations are not worth a loop; to XLA shorter ones are.
FEWEST_EQUATIONS, FEWEST_LOOSELY = 400, 150
# So many steps, of more equations in all, are too long to be elements.
MANY, MOST_WRITTEN = 16, 800
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
        kept: results that are used behind the steps, of each.
    """

    start: int
    period: int
    count: int
    operands: list[list[Operand]]
    handed: list[tuple[Result, int]]
    kept: list[Result]

    @property
    def own(self) -> list[Own]:
        """What steps have of their own, each once."""
        return [*dict.fromkeys(each for row in self.operands for each in row if isinstance(each, Own))]

    @property
    def stop(self) -> int:
        """The equation after the last step."""
        return self.start + self.period * self.count


@dataclass(frozen=True)
class Shared:
    """A variable that all steps share."""

    variable: int


@dataclass(frozen=True)
class Own:
    """A variable for each step, all made before the first."""

    variables: tuple[int, ...]


Operand = int | Result | Shared | Own


def without_long_runs(program: Program) -> Program:
    """The program with runs of so many steps as loops that they have no place in an element."""
    return in_loops(program, MOST_WRITTEN, MANY)


def in_loops(program: Program, fewest: int = FEWEST_LOOSELY, count: int = FEWEST) -> Program:
    """The program with all runs of equal steps, taken loosely, as loops, where XLA takes minutes otherwise.

    Args:
        program: numbered equations.
        fewest: equations that the steps of a loop have in all.
        count: steps that it has at least.
    """
    if len(program.equations) <= fewest:
        return program
    found, following = program, views_first(tidy(program))
    while (steps := find(following, True, fewest, count)) is not None:
        found = as_loop(following, steps)
        following = views_first(found)
    return found if found is program else rolled(found)


def looped(program: Program) -> Program | None:
    """The program with its longest run of equal steps as a loop; None if there are no such steps."""
    steps = find(program) if len(program.equations) > FEWEST_EQUATIONS else None
    return None if steps is None else as_loop(program, steps)


def looped_over_data(program: Program) -> Program | None:
    """The same where steps have known numbers of their own, and leave nothing on the way."""
    if len(program.equations) <= FEWEST_EQUATIONS:
        return None
    line = views_first(tidy(program))
    steps = find(line, True)
    if steps is None or steps.kept or not steps.own:
        return None
    are_known = all(line.constants.keys() >= {*each.variables} for each in steps.own)
    return as_loop(line, steps) if are_known else None


def as_loop(program: Program, steps: Steps) -> Program:
    """The program with some steps as a loop."""

    def function(*arguments):
        given = program.constants | dict(zip(program.inputs, arguments, strict=True))
        values = evaluate(program.equations[: steps.start], given)
        values |= results(program, steps, values)
        values = evaluate(program.equations[steps.stop :], values)
        return [values[output] for output in program.outputs]

    with float64():
        return numbered(jax.make_jaxpr(function)(*program.closed.in_avals))


def views_first(program: Program) -> Program:
    """The program with views of what is given before all else: steps that take other entries become alike."""
    given, first, rest = {*program.inputs, *program.constants}, [], []
    for equation in program.equations:
        is_view = equation.name in CHOOSING and given.issuperset(equation.inputs)
        (first if is_view else rest).append(equation)
        given.update(equation.outputs if is_view else ())
    return replace(program, equations=(*first, *rest))


def results(program: Program, steps: Steps, values: dict[int, Any]) -> dict[int, Any]:
    """What the last step hands on and what each keeps, by their variables in the program."""
    own = steps.own
    rows = [jnp.stack([jnp.asarray(values[i]) for i in each.variables]) for each in own]
    template = program.equations[steps.start : steps.start + steps.period]

    def step(carry, row):
        made: list[Sequence[Any]] = []

        def value(operand: Operand) -> Any:
            if isinstance(operand, Shared):
                return values[operand.variable]
            if isinstance(operand, Own):
                return row[own.index(operand)]
            return carry[operand] if isinstance(operand, int) else made[operand[0]][operand[1]]

        for equation, operands in zip(template, steps.operands, strict=True):
            made.append(equation.bind(*map(value, operands)))
        handed = tuple(made[place][output] for (place, output), _ in steps.handed)
        return handed, [made[place][output] for place, output in steps.kept]

    starts = tuple(values[variable] for _, variable in steps.handed)
    final, kept = lax.scan(step, starts, rows, length=steps.count)

    def variable(result: Result, number: int) -> int:
        return program.equations[steps.start + number * steps.period + result[0]].outputs[result[1]]

    found = {
        variable(result, number): each[number]
        for result, each in zip(steps.kept, kept, strict=True)
        for number in range(steps.count)
    }
    handed = zip(steps.handed, final, strict=True)
    return found | {variable(result, steps.count - 1): value for (result, _), value in handed}


def find(program: Program, loosely: bool = False, fewest: int = 0, least: int = FEWEST) -> Steps | None:
    """The equal steps that most equations belong to.

    Args:
        program: numbered equations.
        loosely: whether steps may have operands of their own, and results that are used behind them.
        fewest: equations that the program has, and its steps in all; None if there are no more.
        least: number of steps; None if there are fewer.
    """
    equations = program.equations
    if len(equations) <= fewest:
        return None
    codes = codes_of(program, loosely)
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
    if count < least or count * period <= fewest:
        return None
    # The first few steps tell how much is handed on, by where a step begins.
    few = [links(program, start + shift, period, FEWEST, loosely) for shift in range(slack + 1)]
    fitting = [(len(each[1]), shift) for shift, each in enumerate(few) if each is not None]
    tried = (steps_at(program, start + shift, period, count, loosely) for _, shift in sorted(fitting))
    return next((steps for steps in tried if steps is not None), None)


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


def codes_of(program: Program, loosely: bool = False) -> np.ndarray:
    """A number for each equation, equal for equations of one kind, shape and, unless loosely, constants."""
    seen: dict[Any, int] = {}
    found = []
    known = {} if loosely else program.constants
    for equation in program.equations:
        constants = tuple(number_key(i, known[i]) if i in known else None for i in equation.inputs)
        shapes = tuple((program.avals[i].shape, program.avals[i].dtype) for i in equation.outputs)
        key = (told_by(equation.source), constants, shapes)
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


# Which step makes a variable, and which of its results that is.
Made = dict[int, tuple[int, Result]]
# Operands of the equations of a step, what is handed on, and what all steps make.
Links = tuple[list[list[Operand]], dict[tuple[Result, int], int], Made]


def links(program: Program, start: int, period: int, count: int, loosely: bool) -> Links | None:
    """What steps that begin at an equation take; None if something comes from further back than one step."""
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
            origin(column, made, program, handed, loosely)
            for column in zip(
                *(equations[step * period + place].inputs for step in range(count)), strict=True
            )
        ]
        if any(each is None for each in row):
            return None
        operands.append(row)
    return operands, handed, made


def steps_at(program: Program, start: int, period: int, count: int, loosely: bool = False) -> Steps | None:
    """The steps that begin at an equation; None if they are not alike, or something is used outside."""
    found = links(program, start, period, count, loosely)
    if found is None:
        return None
    operands, handed, made = found
    equations = program.equations[start : start + period * count]
    last = {equations[(count - 1) * period + place].outputs[output] for (place, output), _ in handed}
    outside = [*program.equations[start + period * count :]]
    used = {variable for equation in outside for variable in equation.inputs} | set(program.outputs)
    kept = (used & made.keys()) - last
    if (kept and not loosely) or not all(
        same_type(program, equations[result[0]].outputs[result[1]], variable) for result, variable in handed
    ):
        return None
    return Steps(start, period, count, operands, list(handed), sorted({made[i][1] for i in kept}))


def origin(
    column: Sequence[int],
    made: Made,
    program: Program,
    handed: dict[tuple[Result, int], int],
    loosely: bool,
) -> Operand | None:
    """Where an operand comes from, given its variable in each step; None if steps differ in that."""
    first, *others = column
    if all(i not in made for i in column):
        if len(set(column)) == 1 or are_equal(program, column):
            return Shared(first)
        alike = all(same_type(program, first, other) for other in others)
        return Own(tuple(column)) if loosely and alike else None
    sources = [made.get(variable) for variable in others]
    if any(source is None for source in sources):
        return None
    (step, result), *_ = [source for source in sources if source is not None]
    if list(sources) != [(step + k, result) for k in range(len(others))]:
        return None
    if step == 1:
        return result if made.get(first) == (0, result) else None
    return handed.setdefault((result, first), len(handed)) if step == 0 and first not in made else None


def are_equal(program: Program, column: Sequence[int]) -> bool:
    """Whether variables are known to be equal numbers."""
    constants = program.constants
    if any(i not in constants for i in column):
        return False
    return len({number_key(i, constants[i]) for i in column}) == 1


def same_type(program: Program, one: int, other: int) -> bool:
    """Whether two variables have one shape and precision."""
    first, second = program.avals[one], program.avals[other]
    return (first.shape, first.dtype) == (second.shape, second.dtype)
