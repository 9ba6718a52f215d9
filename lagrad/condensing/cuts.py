"""Find long sums that something nonlinear is made of: taken as states, they leave elements of few inputs.

    log(sum of exp(x_k))      one element of all x       ->      s = sum of exp(x_k),  log(s)

What is only there to keep numbers in range, and has no derivative, as the largest x_k in front of such a sum,
is taken as well; running sums and products are loops of a step each.
"""

from __future__ import annotations

from lagrad.elements.classification import Classification, Kind
from lagrad.elements.sums import LONGEST_SUM
from lagrad.primitives.equations import shape_of, size_of
from lagrad.program.equation import Equation
from lagrad.program.lifting import RUNNING, Cut, Running

SUMS = frozenset({"reduce_sum", "dot_general"})
STILL = "stop_gradient"


def long_sums(classification: Classification) -> dict[int, Cut | Running]:
    """The variables that are taken as states, by the place of their equation.

    Args:
        classification: a classified program.
    """
    kinds, equations = classification.kinds, classification.program.equations
    bent: set[int] = set()
    found: dict[int, Cut | Running] = {}
    for place in range(len(equations) - 1, -1, -1):
        equation = equations[place]
        outputs = [i for i in equation.outputs if kinds[i] >= Kind.AFFINE]
        if not outputs:
            continue
        is_linear = classification.linear[outputs[0]] is not None
        is_bent = not bent.isdisjoint(outputs)
        if (is_bent or not is_linear) and (running := as_running(equation)) is not None:
            found[place] = running
            if not is_linear:
                bent.update(i for i in equation.inputs if kinds[i] >= Kind.AFFINE)
            continue
        if is_bent and equation.name in SUMS and is_linear and is_long(equation):
            found[place] = Cut(outputs[0], True)
            continue
        if is_bent and equation.name == STILL and behind_long(classification, equation):
            found[place] = Cut(outputs[0], False)
            continue
        if is_bent or not is_linear:
            bent.update(i for i in equation.inputs if kinds[i] >= Kind.AFFINE)
    return found


def as_running(equation: Equation) -> Running | None:
    """A long running sum or product; None for anything else."""
    if equation.name not in RUNNING:
        return None
    shape, params = shape_of(equation.source.outvars[0]), equation.params
    if shape[params["axis"]] <= LONGEST_SUM:
        return None
    return Running(equation.outputs[0], equation.name, shape, params["axis"], params["reverse"])


def is_long(equation: Equation) -> bool:
    """Whether each result adds up more terms than an element may."""
    results = max(size_of(equation.source.outvars[0]), 1)
    return max(map(size_of, equation.source.invars)) > LONGEST_SUM * results


def behind_long(classification: Classification, equation: Equation) -> bool:
    """Whether a number without derivatives is made of many others."""
    program, waiting, seen = classification.program, [*equation.inputs], set[int]()
    while waiting:
        variable = waiting.pop()
        place = classification.producers.get(variable)
        if place is None or place in seen:
            continue
        seen.add(place)
        maker = program.equations[place]
        if maker.name.startswith("reduce_") and is_long(maker):
            return True
        waiting += maker.inputs
    return False
