"""Find which stored entry meets which element in products with matrices of `jax.experimental.sparse`."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np
from jax.extend import core as jex

from lagrad.primitives.contractions import arranged
from lagrad.primitives.equations import output_shapes, shapes_of
from lagrad.primitives.movers import Known, row_major

# Row and contracted index of each stored entry, both flat; numbers of the other factor, (contracted, j).
Layout = tuple[np.ndarray, np.ndarray, np.ndarray]


def products(equation: jex.JaxprEqn, known: Known) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Every product of a stored entry with an element of the other factor.

    Args:
        equation: stored entries, indices, and a dense factor.
        known: value of each operand; only the indices count.

    Returns:
        flat numbers of the output element, of the stored entry and of the other factor's element; None if
        the indices are not known, or there are batches.
    """
    layout = LAYOUTS[equation.primitive.name](equation, known, **equation.params)
    if layout is None:
        return None
    rows, inner, table = layout
    size, columns = prod(output_shapes(equation)[0]), table.shape[1]
    used = np.flatnonzero((inner >= 0) & (inner < table.shape[0]) & (rows >= 0) & (rows * columns < size))
    out = (rows[used, None] * columns + np.arange(columns)).reshape(-1)
    return out, np.repeat(used, columns), table[inner[used]].reshape(-1)


def bcoo_layout(equation: jex.JaxprEqn, known: Known, *, dimension_numbers, lhs_spinfo, **params):
    """Coordinate format times dense."""
    (inner, right_inner), (batch, _) = dimension_numbers
    stored, _, right = shapes_of(equation)
    if len(stored) != 1 or batch or known[1] is None:
        return None
    places, shape = np.asarray(known[1]).astype(np.int64), lhs_spinfo.shape
    free = [axis for axis in range(len(shape)) if axis not in inner]
    inside = (places < np.asarray(shape)).all(axis=1)
    rows, contracted = flat_index(places, shape, free), flat_index(places, shape, inner)
    return rows, np.where(inside, contracted, -1), arranged(right, (), right_inner)[0].T


def flat_index(places: np.ndarray, shape: tuple[int, ...], axes) -> np.ndarray:
    """Flat index along some axes of each row of coordinates."""
    strides = row_major([shape[axis] for axis in axes])
    return places[:, list(axes)] @ np.asarray(strides, dtype=np.int64)


def rows_layout(equation: jex.JaxprEqn, known: Known, **params) -> Layout | None:
    """Compressed rows times dense."""
    _, indices, indptr, _ = known
    (stored, *_), plain = shapes_of(equation), (((1,), (0,)), ((), ()))
    if (
        indices is None
        or indptr is None
        or len(stored) != 1
        or params.get("dimension_numbers", plain) != plain
    ):
        return None
    counts = np.diff(np.asarray(indptr).astype(np.int64))
    rows = np.full(stored[0], -1)
    rows[: counts.sum()] = np.repeat(np.arange(counts.size), counts)
    return matrix_layout(equation, rows, np.asarray(indices), params)


def coordinates_layout(equation: jex.JaxprEqn, known: Known, **params) -> Layout | None:
    """Coordinates times dense."""
    _, rows, columns, _ = known
    if rows is None or columns is None:
        return None
    return matrix_layout(equation, np.asarray(rows), np.asarray(columns), params)


def matrix_layout(equation: jex.JaxprEqn, rows: np.ndarray, columns: np.ndarray, params: dict) -> Layout:
    """A matrix of stored entries, transposed if the parameters say so, times a vector or matrix."""
    rows, columns = rows.astype(np.int64), columns.astype(np.int64)
    right = shapes_of(equation)[-1]
    table = np.arange(prod(right)).reshape(right[0], -1)
    return (columns, rows, table) if params.get("transpose", False) else (rows, columns, table)


LAYOUTS: dict[str, Callable[..., Layout | None]] = {
    "bcoo_dot_general": bcoo_layout,
    "bcsr_dot_general": rows_layout,
    "csr_matvec": rows_layout,
    "csr_matmat": rows_layout,
    "coo_matvec": coordinates_layout,
    "coo_matmat": coordinates_layout,
}
