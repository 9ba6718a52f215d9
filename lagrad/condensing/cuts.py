"""Find long sums that something nonlinear is made of: taken as states, they leave elements of few inputs.

    log(sum of exp(x_k))      one element of all x       ->      s = sum of exp(x_k),  log(s)

What is only there to keep numbers in range, and has no derivative, as the largest x_k in front of such a sum,
is taken as well; running sums and products are loops of a step each.
"""

from __future__ import annotations

from math import prod

from lagrad.elements.classification import Classification, Kind
from lagrad.elements.sums import LONGEST_SUM
from lagrad.elements.tape import FLOAT
from lagrad.primitives.equations import shape_of, size_of
from lagrad.program.cuts import RUNNING, Cut, Running
from lagrad.program.equation import Equation
from lagrad.program.walk import reached

SUMS, ON_THE_WAY = frozenset({"reduce_sum", "dot_general"}), frozenset({"cumsum", "cumprod"})
PRODUCT = "reduce_prod"
STILL = "stop_gradient"


def long_sums(classification: Classification, least: Kind) -> dict[int, Cut | Running]:
    """The variables that are taken as states, by the place of their equation.

    Args:
        classification: a classified program.
        least: sums of what is affine are taken, too, or only those of what is nonlinear.
    """
    kinds, equations = classification.kinds, classification.program.equations
    bent: set[int] = set()
    found: dict[int, Cut | Running] = {}
    for place in range(len(equations) - 1, -1, -1):
        equation = equations[place]
        outputs = [i for i in equation.outputs if kinds[i] >= least]
        if not outputs:
            continue
        is_linear = classification.linear[outputs[0]] is not None
        is_bent = not bent.isdisjoint(outputs)
        if classification.program.avals[outputs[0]].dtype != FLOAT:
            bent.update(equation.inputs if is_bent or not is_linear else ())
            continue
        if (is_bent or not is_linear) and (running := as_running(equation)) is not None:
            found[place] = running
            if not is_linear:
                bent.update(i for i in equation.inputs if kinds[i] >= least)
            continue
        if is_bent and equation.name in SUMS and is_linear and is_long(equation):
            found[place] = Cut(outputs[0], True)
            continue
        if is_bent and equation.name == STILL and (taken := extremes(classification, equation)):
            found |= taken
            continue
        if is_bent or not is_linear:
            bent.update(i for i in equation.inputs if kinds[i] >= least)
    return found


def as_running(equation: Equation) -> Running | None:
    """A long product, or running sum or product; None for anything else."""
    if equation.name == PRODUCT and is_long(equation):
        return last_of(equation, moves=True)
    if equation.name not in ON_THE_WAY:
        return None
    shape, axis = shape_of(equation.source.outvars[0]), equation.params["axis"]
    if shape[axis] <= LONGEST_SUM:
        return None
    rows = shape[axis], prod(shape) // shape[axis]
    return Running(equation.name, rows, (axis,), equation.params["reverse"])


def last_of(equation: Equation, moves: bool) -> Running:
    """A reduction as the last of what is on the way to it."""
    results = max(size_of(equation.source.outvars[0]), 1)
    rows = size_of(equation.source.invars[0]) // results, results
    return Running(equation.name, rows, tuple(equation.params["axes"]), moves=moves)


def is_long(equation: Equation) -> bool:
    """Whether each result adds up more terms than an element may."""
    results = max(size_of(equation.source.outvars[0]), 1)
    return max(map(size_of, equation.source.invars)) > LONGEST_SUM * results


def extremes(classification: Classification, equation: Equation) -> dict[int, Cut | Running]:
    """What is taken in place of a number without derivatives that is made of many others.

    The largest or smallest of these, if nothing else is made of them; else the number itself.
    """
    program = classification.program
    found: dict[int, Cut | Running] = {}
    is_alone = True
    for place in makers(classification, equation):
        maker = program.equations[place]
        if not (maker.name.startswith("reduce_") and is_long(maker)):
            continue
        moved = reached(program.equations, maker.outputs, lambda each: each.name != STILL)
        is_alone &= maker.name in RUNNING and moved.isdisjoint(program.outputs)
        found[place] = last_of(maker, moves=False)
    if found and not is_alone:
        return {classification.producers[equation.outputs[0]]: Cut(equation.outputs[0], False)}
    return found


def makers(classification: Classification, equation: Equation) -> set[int]:
    """Places of the equations that an equation takes, those of affine and nonlinear variables."""
    found: set[int] = set()
    waiting = [*equation.inputs]
    while waiting:
        variable = waiting.pop()
        place = classification.producers.get(variable)
        if place is not None and place not in found and classification.kinds[variable] >= Kind.AFFINE:
            found.add(place)
            waiting += classification.program.equations[place].inputs
    return found
