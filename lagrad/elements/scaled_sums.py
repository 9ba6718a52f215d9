"""Take factors that depend on params into the sums that they multiply.

    p * sum of v       nonlinear for who does not know p, and of as many variables as v has
    becomes            sum of p v, whose terms are elements

Between the product and the sums may stand what is linear: other sums, differences, signs, known factors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax

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
    if place is None or not sums_much(classification, equation.inputs[1 - place]):
        return None
    factor, total = equation.inputs[place], equation.inputs[1 - place]
    leaves, read = [], [factor]
    collect(classification, total, leaves, read)

    def function(*operands: jax.Array) -> jax.Array:
        values = dict(zip(read, operands, strict=True))
        by = jax.numpy.reshape(values[factor], ())
        found = {leaf: values[leaf] * by if equation.name == "mul" else values[leaf] / by for leaf in leaves}
        return jax.numpy.reshape(scaled(classification, total, found, values), equation_shape(equation))

    return read, function


def equation_shape(equation: Equation) -> tuple[int, ...]:
    """Shape of the only result of an equation."""
    return shape_of(equation.source.outvars[0])


def factor_of(classification: Classification, equation: Equation) -> int | None:
    """Which operand of a product, or quotient, is one number of params, the other being nonlinear."""
    if equation.name not in SCALING:
        return None
    kinds = [classification.kinds[variable] for variable in equation.inputs]
    for place in (0, 1) if equation.name == "mul" else (1,):
        if kinds[place] is Kind.PARAMETRIC and kinds[1 - place] is Kind.NONLINEAR:
            return place if size_of(equation.source.invars[place]) == 1 else None
    return None


def producer(classification: Classification, variable: int) -> Equation | None:
    """The equation that makes a nonlinear variable, if it is linear in what it is made of."""
    if classification.kinds[variable] is not Kind.NONLINEAR or variable not in classification.producers:
        return None
    equation = classification.program.equations[classification.producers[variable]]
    is_scaling = equation.name in SCALING and passed(classification, equation) is not None
    return equation if is_scaling or equation.name in ADDING | MOVING or is_dot(equation) else None


def is_dot(equation: Equation) -> bool:
    """Whether an equation is the product of two vectors."""
    return equation.name == CONTRACTING and equation_shape(equation) == ()


def passed(classification: Classification, equation: Equation) -> int | None:
    """The operand of a product, or quotient, that is not known, the other being known."""
    for place in (0, 1) if equation.name == "mul" else (0,):
        if equation.inputs[1 - place] in classification.values:
            return place
    return None


def sums_much(classification: Classification, variable: int) -> bool:
    """Whether a variable adds up more terms than one element has."""
    equation = producer(classification, variable)
    if equation is None:
        return False
    many = size_of(equation.source.invars[0]) > LONGEST_SUM * max(size_of(equation.source.outvars[0]), 1)
    if (equation.name == "reduce_sum" or is_dot(equation)) and many:
        return True
    return not is_dot(equation) and any(sums_much(classification, each) for each in equation.inputs)


def collect(classification: Classification, variable: int, leaves: list[int], read: list[int]) -> None:
    """Add the variables that are scaled, and all that are read."""
    equation = producer(classification, variable)
    if equation is None:
        leaves.append(variable)
        read.append(variable)
    elif is_dot(equation):
        leaves.append(equation.inputs[0])
        read += equation.inputs
    elif equation.name in SCALING:
        place = passed(classification, equation)
        assert place is not None
        collect(classification, equation.inputs[place], leaves, read)
        read.append(equation.inputs[1 - place])
    else:
        for each in equation.inputs:
            collect(classification, each, leaves, read)


def scaled(
    classification: Classification, variable: int, leaves: dict[int, Any], values: dict[int, Any]
) -> Any:
    """A variable with its leaves scaled."""
    equation = producer(classification, variable)
    if equation is None:
        return leaves[variable]
    if is_dot(equation):
        return equation.bind(leaves[equation.inputs[0]], values[equation.inputs[1]])[0]
    if equation.name in SCALING:
        place = passed(classification, equation)
        operands = [
            scaled(classification, each, leaves, values) if number == place else values[each]
            for number, each in enumerate(equation.inputs)
        ]
        return equation.bind(*operands)[0]
    return equation.bind(*(scaled(classification, each, leaves, values) for each in equation.inputs))[0]
