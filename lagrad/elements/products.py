"""Rewrite contractions with known zeros as the products that are left, and arrays of many parts: see `moves`.

    diag(x) @ u        n^2 products, n of which are not a known zero times something
    becomes            x[i] u[i], added up where they belong

Each product is an element then, and the sum is linear.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.elements.classification import Classification, Kind
from lagrad.elements.linear import MOST_TERMS, contraction, factors
from lagrad.elements.moves import as_moves
from lagrad.precision import float64
from lagrad.primitives.contractions import products_left
from lagrad.primitives.equations import aval_of, is_floating, size_of
from lagrad.program.cse import tidy
from lagrad.program.entries import zeros_of
from lagrad.program.equation import Equation
from lagrad.program.program import Program, numbered
from lagrad.program.walk import walk


def rewritten(classification: Classification) -> Program | None:
    """Write contractions and arrays of many parts so that their elements are few and alike.

    Args:
        classification: a classified program.

    Returns:
        Program of the same inputs and outputs; None if there is nothing to rewrite.
    """
    program = classification.program
    written = {
        each.outputs: found
        for each in program.equations
        if (found := as_sum(classification, each) or as_moves(classification, each))
    }
    if not written:
        return None

    def run(*arguments):
        values = program.constants | dict(zip(program.inputs, arguments, strict=True))
        for equation in program.equations:
            if equation.outputs in written:
                operands, function = written[equation.outputs]
                values[equation.outputs[0]] = function(*(values[operand] for operand in operands))
            else:
                walk([equation], values, lambda each, operands: each.bind(*operands))
        return [values[output] for output in program.outputs]

    with float64():
        line = numbered(jax.make_jaxpr(run)(*program.closed.in_avals))
    return line if line.closed.effects else tidy(line)


def as_sum(
    classification: Classification, equation: Equation
) -> tuple[Sequence[int], Callable[..., jax.Array]] | None:
    """The factors of a contraction and the sum of the products that its known zeros leave; None without."""
    if equation.name != "dot_general" or not all(map(is_floating, equation.source.invars)):
        return None
    kinds = [classification.kinds[variable] for variable in equation.inputs]
    if min(kinds) is Kind.KNOWN or max(kinds) < Kind.AFFINE:
        return None
    zeros = [zeros_of(classification.knowledge(variable)) for variable in equation.inputs]
    if all(each is None for each in zeros) or products_left(*factors(equation.source, zeros)[1]) > MOST_TERMS:
        return None
    out, left, right = contraction(equation.source, zeros)
    order = np.argsort(out, kind="stable")
    out, left, right = (each[order] for each in (out, left, right))
    aval = aval_of(equation.source.outvars[0])
    size = size_of(equation.source.outvars[0])

    def function(one, other):
        products = one.reshape(-1)[left] * other.reshape(-1)[right]
        return jnp.zeros(size, aval.dtype).at[out].add(products.astype(aval.dtype)).reshape(aval.shape)

    return equation.inputs, function
