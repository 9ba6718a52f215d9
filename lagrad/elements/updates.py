"""Rewrite products into known places, each written once, as entries that are read, multiplied and written.

x.at[places].multiply(y)      one array of two, in which what is written meets what was there
becomes                       x.at[places].set(x[places] * y)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import numpy as np

from lagrad.elements.classification import Classification, Kind
from lagrad.primitives.equations import shapes_of
from lagrad.primitives.movers import scatter_positions
from lagrad.program.equation import Equation


def as_product_in_places(
    classification: Classification, equation: Equation
) -> tuple[Sequence[int], Callable[..., jax.Array]] | None:
    """The operand and the factors, and the array that they make; None for anything else.

    Args:
        classification: a classified program.
        equation: one of its equations.
    """
    if equation.name != "scatter-mul" or classification.kinds[equation.outputs[0]] < Kind.AFFINE:
        return None
    operand, indices, factors = equation.inputs
    if indices not in classification.values:
        return None
    numbers = {name: equation.params[name] for name in ("dimension_numbers", "mode")}
    found = scatter_positions(shapes_of(equation.source), classification.values[indices], **numbers).reshape(
        -1
    )
    written = np.flatnonzero(found >= 0)
    places = found[written]
    if np.unique(places).size < places.size:
        return None

    def function(operand: jax.Array, factors: jax.Array) -> jax.Array:
        flat = operand.reshape(-1)
        values = flat[places] * factors.reshape(-1)[written]
        return flat.at[places].set(values.astype(flat.dtype), unique_indices=True).reshape(operand.shape)

    return (operand, factors), function
