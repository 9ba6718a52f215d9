"""Products with matrices of `jax.experimental.sparse`: an equation in, its known entries as links out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from jax.extend import core as jex

from lagrad.structure.deps import boolean_matrix
from lagrad.structure.links import SAME, Sparse, Spread, take
from lagrad.structure.outcome import Bend, Outcome, linked
from lagrad.structure.rules.blocks import dense
from lagrad.structure.rules.contractions import arranged
from lagrad.structure.rules.indexing import output_shapes, row_major
from lagrad.structure.value import Value, known_value


def stored_product(
    equation: jex.JaxprEqn, operands: tuple[Value, ...], rows, inner, right: Value, table
) -> Outcome:
    """out[rows[s], j] += stored[s] right[inner[s], j].

    Args:
        equation: what was traced; its first operand holds the stored entries, its last the right factor.
        operands: its values.
        rows: flat row of each stored entry.
        inner: flat contracted index of each stored entry.
        right: value of the right factor.
        table: numbers of its elements, shape (contracted, j).

    Returns:
        Outcome.
    """
    stored, size, columns = operands[0], prod(output_shapes(equation)[0]), table.shape[1]
    used = np.flatnonzero((inner >= 0) & (inner < table.shape[0]) & (rows >= 0) & (rows * columns < size))
    s = np.repeat(used, columns)
    out = (rows[used, None] * columns + np.arange(columns)).reshape(-1)
    factor = table[inner[used]].reshape(-1)
    nonzero = slice(None) if stored.known is None else np.asarray(stored.known).reshape(-1)[s] != 0
    last = len(operands) - 1
    links = {
        (0, 0): Sparse(boolean_matrix(out, s, (size, stored.size))),
        (last, 0): Sparse(boolean_matrix(out[nonzero], factor[nonzero], (size, right.size))),
    }
    reach = (take(s, stored.size), take(factor, right.size))
    return linked(equation, operands, links, [Bend((0, last), reach, Spread(out, size))])


def bcoo_dot(equation: jex.JaxprEqn, *operands: Value, dimension_numbers, lhs_spinfo, **params) -> Outcome:
    """Coordinate format times dense."""
    stored, indices, right = operands
    (inner, right_inner), (batch, _) = dimension_numbers
    plain = len(stored.shape) == 1 and not batch and indices.known is not None
    if not plain:
        return dense(equation, operands)
    places, shape = np.asarray(indices.known).astype(np.int64), lhs_spinfo.shape
    free = [axis for axis in range(len(shape)) if axis not in inner]
    inside = (places < np.asarray(shape)).all(axis=1)
    rows, contracted = flat_index(places, shape, free), flat_index(places, shape, inner)
    table = arranged(right.shape, (), right_inner)[0].T
    return stored_product(equation, operands, rows, np.where(inside, contracted, -1), right, table)


def flat_index(places: np.ndarray, shape: tuple[int, ...], axes) -> np.ndarray:
    """Flat index along some axes of each row of coordinates."""
    strides = row_major([shape[axis] for axis in axes])
    return places[:, list(axes)] @ np.asarray(strides, dtype=np.int64)


def rows_dot(
    equation: jex.JaxprEqn, stored: Value, indices: Value, indptr: Value, right: Value, **params
) -> Outcome:
    """Compressed rows times dense."""
    operands = (stored, indices, indptr, right)
    contracts_rows = params.get("dimension_numbers", (((1,), (0,)), ((), ()))) != (((1,), (0,)), ((), ()))
    if indices.known is None or indptr.known is None or len(stored.shape) != 1 or contracts_rows:
        return dense(equation, operands)
    counts = np.diff(np.asarray(indptr.known).astype(np.int64))
    rows = np.full(stored.size, -1)
    rows[: counts.sum()] = np.repeat(np.arange(counts.size), counts)
    return matrix_product(equation, operands, rows, np.asarray(indices.known), right, params)


def coordinates_dot(
    equation: jex.JaxprEqn, stored: Value, row: Value, col: Value, right: Value, **params
) -> Outcome:
    """Coordinates times dense."""
    operands = (stored, row, col, right)
    if row.known is None or col.known is None:
        return dense(equation, operands)
    return matrix_product(equation, operands, np.asarray(row.known), np.asarray(col.known), right, params)


def matrix_product(equation: jex.JaxprEqn, operands, rows, cols, right: Value, params: dict) -> Outcome:
    """A matrix of stored entries, transposed if the parameters say so, times a vector or matrix."""
    rows, cols = rows.astype(np.int64), cols.astype(np.int64)
    table = np.arange(right.size).reshape(right.shape[0], -1)
    chosen = (cols, rows) if params.get("transpose", False) else (rows, cols)
    return stored_product(equation, operands, *chosen, right, table)


def bcoo_todense(equation: jex.JaxprEqn, stored: Value, indices: Value, *, spinfo, **params) -> Outcome:
    """Stored entries put, and added, in their places."""
    if indices.known is None or len(stored.shape) != 1:
        return dense(equation, (stored, indices), is_linear=True)
    places, shape = np.asarray(indices.known).astype(np.int64), spinfo.shape
    inside = (places < np.asarray(shape)).all(axis=1)
    targets = np.where(inside, flat_index(places, shape, range(len(shape))), -1)
    return linked(equation, (stored, indices), {(0, 0): Spread(targets, prod(shape))})


def bcoo_transpose(equation: jex.JaxprEqn, stored: Value, indices: Value, *, permutation, **params) -> Any:
    """Stored entries as they are, their coordinates exchanged."""
    if indices.known is None or len(stored.shape) != 1:
        return dense(equation, (stored, indices), is_linear=True)
    outcome = linked(equation, (stored, indices), {(0, 0): SAME})
    swapped = known_value(np.asarray(indices.known)[:, list(permutation)], stored.deps.n)
    kept = replace(outcome.outputs[0], constant=stored.constant)
    return Outcome(outcome.operands, (kept, swapped), outcome.backward, outcome.pairs)


SPARSE: dict[str, Callable[..., Any]] = {
    "bcoo_dot_general": bcoo_dot,
    "bcsr_dot_general": rows_dot,
    "csr_matvec": rows_dot,
    "csr_matmat": rows_dot,
    "coo_matvec": coordinates_dot,
    "coo_matmat": coordinates_dot,
    "bcoo_todense": bcoo_todense,
    "bcoo_transpose": bcoo_transpose,
}
