"""Read linear maps as short sums of elements.

An output element of a gather is one element of its operand, of a concatenation one element of one of them,
of a scatter-add none or several with one of the operand below. Elements with as many terms belong together.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lagrad.elements.affine import picked
from lagrad.elements.indices import Indices
from lagrad.elements.linear import Maps, cumulated, summed
from lagrad.elements.maps import Factor, LinearMap
from lagrad.program.equation import Equation

# Longer sums under a nonlinear function are left to coloring.
LONGEST_SUM = 16

# What is done with the elements of a lane, and which lane each output element has.
LANES: dict[str, Callable[..., Maps | None]] = {
    "reduce_max": summed,
    "reduce_min": summed,
    "reduce_prod": summed,
    "cummax": cumulated,
    "cummin": cumulated,
    "cumprod": cumulated,
}
PRODUCTS = frozenset({"reduce_prod", "cumprod"})
LARGEST = frozenset({"reduce_max", "cummax"})


def lanes(equation: Equation) -> Maps | None:
    """Which elements of its operand each output element of a reduction takes; None if they are too many."""
    return LANES[equation.name](equation.source, (None,))


def counts(linear: LinearMap) -> np.ndarray:
    """Number of terms of each output element, shape (size of the output,)."""
    if linear.selection is not None:
        return (linear.places.array >= 0).astype(np.int64)
    return np.diff(linear.to_scipy().indptr).astype(np.int64)


def terms(linear: LinearMap, elements: Indices) -> list[tuple[Indices, Factor]]:
    """What some output elements of equally many terms add up.

    Args:
        linear: map from an operand to the output.
        elements: places in the output.

    Returns:
        for each term, the places in the operand and the factors.
    """
    if elements.size == 0:
        return []
    if linear.selection is not None:
        places = linear.places.at(elements)
        return [(places, picked(linear.factor, elements))] if places.is_complete else []
    rows = linear.to_scipy()
    starts, first = elements.take(rows.indptr[:-1]), elements.array[0]
    found = [starts + term for term in range(rows.indptr[first + 1] - rows.indptr[first])]
    return [(Indices.of(rows.indices[entries]), rows.data[entries]) for entries in found]


def alike(linear: Maps) -> tuple[np.ndarray, np.ndarray]:
    """Output elements with the same number of terms from each operand have the same label.

    Args:
        linear: operand -> its map to the output.

    Returns:
        label of each output element, counted from zero; and the number of all terms for each label.
    """
    table = [counts(each) for each in linear.values()]
    codes = table[0]
    for column in table[1:]:
        codes = codes * (int(column.max(initial=0)) + 1) + column
    _, first, labels = np.unique(codes, return_index=True, return_inverse=True)
    return labels, np.sum([column[first] for column in table], axis=0)
