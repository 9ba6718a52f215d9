"""Tell which equations are linear in what is unknown, and by which maps.

`maps(equation, known)` gives, for each output and each operand that is not known, the sparse matrix by which
the operand enters the output; None where the equation is not linear in them together. A table by primitive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np
import scipy.sparse as sp
from jax.extend import core as jex

from lagrad.elements.indices import Indices, everything, everywhere
from lagrad.elements.maps import Factor, LinearMap, grouped
from lagrad.primitives.contractions import arranged, listed_products
from lagrad.primitives.elementwise import ELEMENTWISE
from lagrad.primitives.equations import is_floating, is_rounded, of_shape, shape_of, size_of
from lagrad.primitives.movers import Known, mover, numbered, scatter_positions
from lagrad.primitives.sparse_products import LAYOUTS, products
from lagrad.primitives.windows import seen, taps
from lagrad.program.entries import possible, zeros_of

Maps = dict[int, LinearMap]
Products = tuple[np.ndarray, np.ndarray, np.ndarray]

# Entries of a map that is written out; sums with more of them are left to coloring.
MOST_TERMS = 4_000_000


def maps(equation: jex.JaxprEqn, known: Known) -> list[Maps | None]:
    """Linear maps from the unknown operands of an equation to each of its outputs.

    Args:
        equation: one traced equation.
        known: value of each operand, None where it is not known.

    Returns:
        for each output, operand index -> LinearMap; None if it is not linear in the unknown operands.
    """
    rule = LINEAR.get(equation.primitive.name)
    unknown = [atom for atom, value in zip(equation.invars, known, strict=True) if value is None]
    if rule is not None and any(map(is_rounded, (*unknown, *equation.outvars))):
        # Sums and products of few digits are rounded, and so no longer linear.
        return [None] * len(equation.outvars)
    if rule is not None:
        # Coefficients are real: what has complex ones is left to kernels and coloring.
        return [
            None
            if any(np.iscomplexobj(value) for value in known if value is not None)
            else rule(equation, known)
        ]
    move = mover(equation, known)
    if move is None:
        return [None] * len(equation.outvars)
    where = move(numbered([shape_of(atom) for atom in equation.invars]), -1)
    return [moved(equation, known, np.asarray(positions).reshape(-1)) for positions in where]


def moved(equation: jex.JaxprEqn, known: Known, where: np.ndarray) -> Maps:
    """Movers: each output element is one element of one operand, or a constant."""
    result, start = {}, 0
    for index, operand in enumerate(equation.invars):
        size = size_of(operand)
        if known[index] is None:
            local = (
                where
                if len(equation.invars) == 1
                else np.where((where >= start) & (where < start + size), where - start, -1)
            )
            result[index] = LinearMap((where.size, size), Indices.of(local))
        start += size
    return result


def same(equation: jex.JaxprEqn, operand: int, factor: Factor = 1.0) -> LinearMap:
    """Elementwise use of an operand."""
    shape = size_of(equation.outvars[0]), size_of(equation.invars[operand])
    return LinearMap(shape, broadcast(equation, operand), factor)


def broadcast(equation: jex.JaxprEqn, operand: int, output: int = 0) -> Indices:
    """Element of an operand that each output element of an elementwise equation takes.

    Operands may be scalars, or have axes of length 1 where the output has longer ones.
    """
    out, shape = shape_of(equation.outvars[output]), shape_of(equation.invars[operand])
    if prod(shape) == prod(out):
        return everything(prod(out))
    if prod(shape) == 1:
        return everywhere(prod(out))
    return Indices.of(np.broadcast_to(np.arange(prod(shape)).reshape(shape), out).reshape(-1))


def flattened(equation: jex.JaxprEqn, value: np.ndarray) -> Factor:
    """A known factor for every output element, one number if it has one."""
    if value.size == 1:
        return float(value.reshape(-1)[0])
    return of_shape(value, shape_of(equation.outvars[0])).reshape(-1).astype(float)


def signed(*signs: float) -> Callable[[jex.JaxprEqn, Known], Maps]:
    """Sums and copies: operand i enters with signs[i]."""
    return lambda equation, known: {
        index: same(equation, index, sign) for index, sign in enumerate(signs) if known[index] is None
    }


def product(equation: jex.JaxprEqn, known: Known) -> Maps | None:
    """x y with one of them known."""
    left, right = known
    if left is not None:
        return {1: same(equation, 1, flattened(equation, left))}
    if right is not None:
        return {0: same(equation, 0, flattened(equation, right))}
    return None


def quotient(equation: jex.JaxprEqn, known: Known) -> Maps | None:
    """x / y with y known."""
    if known[1] is None or not known[1].all():
        return None
    return {0: same(equation, 0, flattened(equation, 1.0 / known[1].astype(float)))}


def converted(equation: jex.JaxprEqn, known: Known) -> Maps | None:
    """A change of dtype among floats is a copy."""
    is_copy = is_floating(equation.invars[0]) and is_floating(equation.outvars[0])
    return {0: same(equation, 0)} if is_copy else None


def summed(equation: jex.JaxprEqn, known: Known) -> Maps:
    """Sum over axes: every element goes to the output of its lane."""
    shape, axes = shape_of(equation.invars[0]), equation.params["axes"]
    kept = tuple(1 if axis in axes else length for axis, length in enumerate(shape))
    targets = np.broadcast_to(np.arange(prod(kept)).reshape(kept), shape).reshape(-1)
    return {0: grouped(targets, (prod(kept), targets.size))}


def cumulated(equation: jex.JaxprEqn, known: Known) -> Maps | None:
    """Running sum along an axis: a triangle of ones for each lane."""
    shape, axis = shape_of(equation.invars[0]), equation.params["axis"]
    length, size = shape[axis], prod(shape)
    if size * length > MOST_TERMS:
        return None
    lanes = np.moveaxis(np.arange(size).reshape(shape), axis, -1).reshape(-1, length)
    later, earlier = np.tril_indices(length) if not equation.params["reverse"] else np.triu_indices(length)
    rows, columns = lanes[:, later].reshape(-1), lanes[:, earlier].reshape(-1)
    return {0: from_triplets(rows, columns, 1.0, (size, size))}


def scattered(equation: jex.JaxprEqn, known: Known) -> Maps | None:
    """Scatter-add at known indices: operand kept, every update added to its target."""
    if known[1] is None:
        return None
    shapes = [shape_of(atom) for atom in equation.invars]
    targets = scatter_positions(shapes, known[1], **equation.params).reshape(-1)
    result = {0: same(equation, 0)} if known[0] is None else {}
    if known[2] is None:
        result[2] = grouped(targets, (size_of(equation.outvars[0]), targets.size))
    return result


def contracted(equation: jex.JaxprEqn, known: Known) -> Maps | None:
    """Product of an unknown array with a known one over some axes."""
    unknown = 0 if known[0] is None else 1
    other = known[1 - unknown]
    if other is None:
        return None
    out, left, right = contraction(equation, [zeros_of(each) for each in known])
    return weighted(equation, (out, right, left) if unknown else (out, left, right), unknown, other)


def contraction(equation: jex.JaxprEqn, zeros: Sequence[np.ndarray | None] = (None, None)) -> Products:
    """Every product of a dot_general: flat index of the output, of the left and of the right factor.

    Args:
        equation: a dot_general.
        zeros: which entries of each factor are zero, raveled; None if none is known to be.

    Returns:
        Three arrays, one entry a product.
    """
    places, sides = factors(equation, zeros)
    out, left, right = listed_products(*sides)
    return out, places[0].reshape(-1)[left], places[1].reshape(-1)[right]


def factors(equation: jex.JaxprEqn, zeros: Sequence[np.ndarray | None]) -> tuple[list, list]:
    """Numbers of both factors' entries as (batch, free, contracted), and which can be other than zero."""
    inner, batch = equation.params["dimension_numbers"]
    places = [
        arranged(shape_of(atom), *axes) for atom, *axes in zip(equation.invars, batch, inner, strict=True)
    ]
    return places, [possible(zero, place) for zero, place in zip(zeros, places, strict=True)]


def stored_product(equation: jex.JaxprEqn, known: Known) -> Maps | None:
    """Product of a matrix in a sparse format with an array, one of them known."""
    last, found = len(known) - 1, products(equation, known)
    unknown = 0 if known[0] is None else last
    other = known[last - unknown]
    if found is None or other is None:
        return None
    out, stored, factor = found
    return weighted(equation, (out, factor, stored) if unknown else found, unknown, other)


def convolved(equation: jex.JaxprEqn, known: Known) -> Maps | None:
    """Convolution of an unknown array with a known one."""
    left, right, out = (shape_of(atom) for atom in (*equation.invars, equation.outvars[0]))
    unknown = 0 if known[0] is None else 1
    other = known[1 - unknown]
    if other is None or prod(out) * prod(right) > MOST_TERMS:
        return None
    targets, image, kernel = taps(left, right, out, **equation.params)
    places = (targets, kernel, image) if unknown else (targets, image, kernel)
    return weighted(equation, places, unknown, other)


def weighted(equation: jex.JaxprEqn, products: Products, unknown: int, known: np.ndarray) -> Maps:
    """Products of elements of an unknown operand with those of a known one.

    Args:
        equation: what was traced.
        products: flat numbers of the output element, of the unknown operand's and of the known one's.
        unknown: number of the unknown operand.
        known: the known operand.

    Returns:
        The one map.
    """
    out, places, known_places = products
    factor = known.reshape(-1).astype(float)[known_places]
    keep, shape = factor != 0, (size_of(equation.outvars[0]), size_of(equation.invars[unknown]))
    return {unknown: from_triplets(out[keep], places[keep], factor[keep], shape)}


def windowed(equation: jex.JaxprEqn, known: Known) -> Maps | None:
    """Sums over a window that slides over an array."""
    shape, out = shape_of(equation.invars[0]), shape_of(equation.outvars[0])
    if prod(out) * prod(equation.params["window_dimensions"]) > MOST_TERMS:
        return None
    rows, columns = seen(shape, out, equation.params)
    return {0: from_triplets(rows, columns, 1.0, (prod(out), prod(shape)))}


def from_triplets(rows: np.ndarray, columns: np.ndarray, values: Factor, shape: tuple[int, int]) -> LinearMap:
    """A map from its entries in any order."""
    values = np.broadcast_to(np.asarray(values, dtype=float), rows.shape)
    return LinearMap(shape, rows=sp.csr_array((values, (rows, columns)), shape=shape))


LINEAR: dict[str, Callable[[jex.JaxprEqn, Known], Maps | None]] = {
    **{name: signed(*facts.signs) for name, facts in ELEMENTWISE.items() if facts.signs},
    "mul": product,
    "div": quotient,
    "convert_element_type": converted,
    "reduce_sum": summed,
    "cumsum": cumulated,
    "scatter-add": scattered,
    "dot_general": contracted,
    "conv_general_dilated": convolved,
    "reduce_window_sum": windowed,
    **dict.fromkeys(LAYOUTS, stored_product),
}
