"""Follow linear algebra: a dense block for each matrix of the batch."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import scipy.sparse as sp
from jax.extend import core as jex

from lagrad.primitives.small_solve import SMALL_SOLVE
from lagrad.sparsity.deps import boolean_matrix
from lagrad.sparsity.links import Chain, Sparse, Spread, Take
from lagrad.sparsity.rule_result import Bend, RuleResult, linked
from lagrad.sparsity.rules.blocks import blocks
from lagrad.sparsity.rules.moving import lanes_across, through_lanes
from lagrad.sparsity.rules.reductions import steps
from lagrad.sparsity.value import Value

# Rows of a matrix whose factor is looked at entry by entry.
MOST_ROWS = 8
# Entries of triangular matrices times unknowns, up to which these are looked at one by one.
MOST_MET = 2_000_000


def factorization(equation: jex.JaxprEqn, *operands: Value, **params) -> RuleResult:
    """Every output element of a matrix on every element of the operands with the same batch index."""
    return blocks(equation, operands, max(len(value.shape) for value in operands) - 2)


def cholesky(equation: jex.JaxprEqn, matrix: Value, **params) -> RuleResult:
    """L with A = L L': what L[i, j] is computed from, row i of A up to column j and all rows up to j."""
    size = matrix.shape[-1]
    if size > MOST_ROWS:
        return factorization(equation, matrix)
    i, j, p, q = np.ogrid[:size, :size, :size, :size]
    # Rows and columns of A are the same numbers, in two places.
    low, high = np.minimum(p, q), np.maximum(p, q)
    enters = (i >= j) & (low <= j) & ((high <= j) | (high == i))
    one = sp.csr_array(enters.reshape(size**2, size**2))
    link = Sparse(sp.csr_array(sp.kron(sp.eye_array(prod(matrix.shape[:-2]), dtype=bool), one)))
    return linked(equation, (matrix,), {(0, 0): link}, [Bend((0, 0), (link, link))])


def triangular_solve(
    equation: jex.JaxprEqn, matrix: Value, right: Value, *, left_side, **params
) -> RuleResult:
    """Linear in the right-hand sides, which do not meet; each depends on what is met on the way to it."""
    batch, size = prod(matrix.shape[:-2]), matrix.shape[-1]
    if batch * size**2 * prod(right.shape[-2:]) <= MOST_MET:
        links = substituted(matrix, right, left_side=left_side, **params)
        bends = [Bend((0, j), (links[0], links[j])) for j in (0, 1)]
        return linked(equation, (matrix, right), {(0, 0): links[0], (1, 0): links[1]}, bends)
    of_matrix = np.repeat(np.arange(batch), prod(matrix.shape[-2:]))
    of_output = np.repeat(np.arange(batch), prod(right.shape[-2:]))
    to_batch, from_batch = Spread(of_matrix, batch), Take(of_output, batch)
    column = lanes_across(right.shape, {len(right.shape) - (2 if left_side else 1)})
    columns = 1 + int(column.max(initial=-1))
    batch_of_column = np.zeros(columns, dtype=np.int64)
    batch_of_column[column] = of_output
    links = {(0, 0): Chain(to_batch, from_batch), (1, 0): through_lanes(column, column)}
    bends = [
        Bend((0, 0), (to_batch, to_batch), from_batch),
        Bend(
            (0, 1),
            (Chain(to_batch, Take(batch_of_column, batch)), Spread(column, columns)),
            Take(column, columns),
        ),
    ]
    return linked(equation, (matrix, right), links, bends)


def substituted(
    matrix: Value,
    right: Value,
    *,
    left_side: bool,
    lower: bool,
    transpose_a: bool,
    unit_diagonal: bool,
    **params,
) -> tuple[Sparse, Sparse]:
    """What substitution meets on the way to each unknown: entries of the matrix, and of the right-hand sides.

    Of A x = b with A lower triangular, x[i] takes b[k] and row k of A for all k that i leads to by entries of
    A that are not known to be zero.
    """
    size = matrix.shape[-1]
    used = np.ones((prod(matrix.shape[:-2]), size, size), dtype=bool)
    if matrix.zeros is not None:
        used &= ~matrix.zeros.reshape(used.shape)
    # X op(A) = B is op(A)' X' = B'.
    is_transposed = bool(transpose_a) != (not left_side)
    below = np.tri(size, dtype=bool)
    used &= below if lower else below.T
    if is_transposed:
        used = used.swapaxes(1, 2)
    leads = used | np.eye(size, dtype=bool)
    for _ in range(size.bit_length()):
        leads = leads.astype(np.float32) @ leads.astype(np.float32) > 0
    if unit_diagonal:
        used = used & ~np.eye(size, dtype=bool)
    # Numbers of the unknowns, and of the right-hand sides, by batch, row of A and column.
    places = np.arange(prod(right.shape)).reshape(len(used), *right.shape[-2:])
    places = places if left_side else places.swapaxes(1, 2)
    entries = np.arange(used.size).reshape(used.shape)
    entries = entries.swapaxes(1, 2) if is_transposed else entries
    batch, i, k, j = np.nonzero(leads[:, :, :, None] & used[:, None])
    of_matrix = paired(places[batch, i], entries[batch, k, j, None], (places.size, entries.size))
    batch, i, k = np.nonzero(leads)
    return of_matrix, paired(places[batch, i], places[batch, k], (places.size, places.size))


def paired(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> Sparse:
    """A link between the elements of two arrays of numbers that can be broadcast against each other."""
    rows, columns = (each.ravel() for each in np.broadcast_arrays(rows, columns))
    return Sparse(boolean_matrix(rows, columns, shape))


LINALG: dict[str, Callable[..., Any]] = dict.fromkeys(
    [
        "lu",
        "qr",
        "eig",
        "eigh",
        "svd",
        "schur",
        "hessenberg",
        "tridiagonal",
        "householder_product",
        "tridiagonal_solve",
        SMALL_SOLVE,
        "symmetric_product",
        "cholesky_update",
        "geqrf",
        "geqp3",
        "ormqr",
    ],
    factorization,
) | {"cholesky": cholesky, "triangular_solve": triangular_solve, "lu_pivots_to_permutation": steps}
