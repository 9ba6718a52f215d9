"""Rewrite contractions as products and sums, where that makes elements of them; what else, see `moves`.

    diag(x) @ u        n^2 products, n of which are not a known zero times something
    becomes            x[i] u[i], added up where they belong

    r @ r              one number of as many variables as r has
    becomes            sum of r[i] r[i]

Each product is an element then, and the sum is linear.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.elements.classification import Classification, Kind
from lagrad.elements.linear import MOST_TERMS, contraction, factors
from lagrad.elements.moves import as_moves
from lagrad.elements.scaled_sums import as_scaled_sum
from lagrad.elements.sums import LONGEST_SUM
from lagrad.elements.updates import as_product_in_places
from lagrad.precision import float64
from lagrad.primitives.contractions import products_left
from lagrad.primitives.equations import aval_of, is_floating, size_of
from lagrad.program.cse import tidy
from lagrad.program.entries import zeros_of
from lagrad.program.equation import Equation
from lagrad.program.program import Program, numbered
from lagrad.program.walk import walk

# Products of numbers that long products of matrices are written out as.
MOST_WRITTEN = 20_000


def rewritten(classification: Classification, matrices: bool = False) -> Program | None:
    """Write contractions and arrays of many parts so that their elements are few and alike.

    Args:
        classification: a classified program.
        matrices: whether long products of matrices are written out, too: only elements like them so.

    Returns:
        Program of the same inputs and outputs; None if there is nothing to rewrite.
    """
    program = classification.program
    written = {
        each.outputs: found
        for each in program.equations
        if (found := rewriting(classification, each, matrices)) is not None
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


def rewriting(
    classification: Classification, equation: Equation, matrices: bool
) -> tuple[Sequence[int], Callable[..., jax.Array]] | None:
    """What an equation becomes, as a function of variables; None if it stays."""
    sums = partial(as_sum_of_products, matrices=matrices)
    for write in (as_sum, sums, as_moves, as_scaled_sum, as_product_in_places):
        if (found := write(classification, equation)) is not None:
            return found
    return None


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


def as_sum_of_products(
    classification: Classification, equation: Equation, matrices: bool
) -> tuple[Sequence[int], Callable[..., jax.Array]] | None:
    """A long product of vectors, or of pairs of them, as the sum that it is; None for any other.

    Args:
        classification: a classified program.
        equation: one of its equations.
        matrices: whether products of matrices are written so, too.
    """
    if equation.name != "dot_general" or not all(map(is_floating, equation.source.invars)):
        return None
    kinds = [classification.kinds[variable] for variable in equation.inputs]
    if min(kinds) is Kind.KNOWN or max(kinds) < Kind.AFFINE:
        return None
    (left, right), (left_batch, right_batch) = equation.params["dimension_numbers"]
    sizes, aval = [size_of(atom) for atom in equation.source.invars], aval_of(equation.source.outvars[0])
    shape = aval_of(equation.source.invars[0]).shape
    length, count = prod(shape[axis] for axis in left), size_of(equation.source.outvars[0])
    if length <= LONGEST_SUM or length * count > (MOST_WRITTEN if matrices else min(sizes)):
        return None
    batch = prod(shape[axis] for axis in left_batch)

    def rows(value: jax.Array, batch_axes: Sequence[int], contracted: Sequence[int]) -> jax.Array:
        free = [axis for axis in range(value.ndim) if axis not in (*batch_axes, *contracted)]
        return jnp.transpose(value, (*batch_axes, *free, *contracted)).reshape(batch, -1, length)

    def function(one, other):
        first, second = rows(one, left_batch, left), rows(other, right_batch, right)
        products = first[:, :, None, :] * second[:, None, :, :]
        return jnp.sum(products, axis=-1).astype(aval.dtype).reshape(aval.shape)

    return equation.inputs, function
