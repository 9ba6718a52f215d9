"""Take factors that depend on params into the sums that they multiply.

    p * sum of v       nonlinear for who does not know p, and of as many variables as v has
    becomes            sum of p v, whose terms are elements

Between the product and the sums may stand what is linear: other sums, differences, signs, known factors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from lagrad.elements.classification import Classification, Kind
from lagrad.elements.sums import LONGEST_SUM
from lagrad.primitives.equations import shape_of, size_of
from lagrad.program.equation import Equation

# What adds up all that it takes, each operand by itself; and what moves or sums the elements of one.
ADDING = frozenset({"add", "add_any", "sub", "neg"})
MOVING = frozenset({"reduce_sum", "reshape", "squeeze", "expand_dims", "broadcast_in_dim", "copy"})
# What is linear in its first operand while the second stays, as a known number or the other vector.
SCALING = frozenset({"mul", "div"})
CONTRACTING = "dot_general"


def as_scaled_sum(
    classification: Classification, equation: Equation
) -> tuple[Sequence[int], Callable[..., jax.Array]] | None:
    """The operands of a product with a number of params, and the sum of products that it is; None if none.

    Args:
        classification: a classified program.
        equation: one of its equations.
    """
    place = factor_of(classification, equation)
    if place is None:
        return None
    factor, total = equation.inputs[place], equation.inputs[1 - place]
    passed, leaves = linear_part(classification, total)
    if not any(map(is_long, passed)):
        return None
    others = [
        variable
        for each in passed
        for number, variable in enumerate(each.inputs)
        if number not in scaled_places(classification, each)
    ]
    read = list(dict.fromkeys([factor, *leaves, *others]))

    def function(*operands: jax.Array) -> jax.Array:
        values = dict(zip(read, operands, strict=True))
        by = jnp.reshape(values[factor], ())
        scaled = {leaf: values[leaf] * by if equation.name == "mul" else values[leaf] / by for leaf in leaves}
        for each in passed:
            chosen = scaled_places(classification, each)
            given = [(scaled if number in chosen else values)[i] for number, i in enumerate(each.inputs)]
            (scaled[each.outputs[0]],) = each.bind(*given)
        return jnp.reshape(scaled[total], shape_of(equation.source.outvars[0]))

    return read, function


def factor_of(classification: Classification, equation: Equation) -> int | None:
    """Which operand of a product, or quotient, is one number of params, the other being nonlinear."""
    if equation.name not in SCALING:
        return None
    kinds = [classification.kinds[variable] for variable in equation.inputs]
    for place in (0, 1) if equation.name == "mul" else (1,):
        if kinds[place] is Kind.PARAMETRIC and kinds[1 - place] is Kind.NONLINEAR:
            return place if size_of(equation.source.invars[place]) == 1 else None
    return None


def linear_part(classification: Classification, variable: int) -> tuple[list[Equation], list[int]]:
    """The linear equations behind a nonlinear variable, in order, and the variables that these begin with."""
    places, leaves, waiting, seen = set[int](), [], [variable], set[int]()
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        place = classification.producers.get(current)
        equation = None if place is None else classification.program.equations[place]
        if place is None or equation is None or not is_passed(classification, equation, current):
            leaves.append(current)
            continue
        places.add(place)
        waiting += [equation.inputs[number] for number in scaled_places(classification, equation)]
    return [classification.program.equations[place] for place in sorted(places)], leaves


def is_passed(classification: Classification, equation: Equation, variable: int) -> bool:
    """Whether a factor goes through an equation to what makes its nonlinear result."""
    if classification.kinds[variable] is not Kind.NONLINEAR:
        return False
    is_dot = equation.name == CONTRACTING and shape_of(equation.source.outvars[0]) == ()
    return (
        equation.name in ADDING | MOVING
        or is_dot
        or (equation.name in SCALING and bool(scaled_places(classification, equation)))
    )


def scaled_places(classification: Classification, equation: Equation) -> tuple[int, ...]:
    """Which operands of a linear equation take a factor of its result; none if it is not linear in one."""
    if equation.name == CONTRACTING:
        return (0,)
    if equation.name not in SCALING:
        return tuple(range(len(equation.inputs)))
    first, second = equation.inputs
    if second in classification.values:
        return (0,)
    return (1,) if equation.name == "mul" and first in classification.values else ()


def is_long(equation: Equation) -> bool:
    """Whether an equation adds up more terms than one element has."""
    results = max(size_of(equation.source.outvars[0]), 1)
    is_sum = equation.name in ("reduce_sum", CONTRACTING)
    return is_sum and size_of(equation.source.invars[0]) > LONGEST_SUM * results
