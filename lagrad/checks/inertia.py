"""Count the positive, negative and zero eigenvalues of a symmetric matrix.

Small matrices: eigenvalues. Large sparse ones: A = L D L' without pivoting (SuperLU in symmetric mode), whose
D has the signs of A's eigenvalues (Sylvester). Without pivoting the factors may be inaccurate, so that a
solve with them is checked; None means: not known.

Both questions of the certificate are asked this way. With A the active rows and H the Hessian,

    [ I   A' ]   has as many negative eigenvalues as A has singular values above sqrt(t)
    [ A  t I ]

    [ H   A' ]   has n positive eigenvalues, as t -> 0, when v'H v > 0 for all v with A v = 0
    [ A -t I ]
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.linalg
import scipy.sparse as sp
import scipy.sparse.linalg as splinalg

# Order up to which eigenvalues are computed: 1500 take two seconds and 18 MB.
DENSE = 1500
# Largest order that is factorised at all.
SPARSE = 200_000
ACCURATE = 1e-6
# Singular values below this, relative to the largest, count as zero.
RANK = 1e-7
# Rows of a Hessian below this, relative to its largest entry, may be rounding in part.
FAINT = 1e-5


class Inertia(NamedTuple):
    """Numbers of eigenvalues by sign."""

    positive: int
    negative: int
    zero: int


def inertia(matrix: Any, zero: float = 0.0) -> Inertia | None:
    """Count eigenvalues by sign.

    Args:
        matrix: symmetric, shape (k, k).
        zero: magnitude up to which an eigenvalue counts as zero, for matrices up to order `DENSE`.

    Returns:
        Inertia, or None if the matrix is too large or its factors too inaccurate.

    >>> inertia(sp.csc_array([[0.0, 1.0], [1.0, 0.0]]))
    Inertia(positive=1, negative=1, zero=0)
    """
    size = matrix.shape[0]
    if size <= DENSE:
        return of_values(scipy.linalg.eigvalsh(matrix.toarray()) if size else np.zeros(0), zero)
    return factorised(sp.csc_array(matrix)) if size <= SPARSE else None


def of_values(eigenvalues: np.ndarray, zero: float) -> Inertia:
    """Inertia of a diagonal."""
    positive, negative = int((eigenvalues > zero).sum()), int((eigenvalues < -zero).sum())
    return Inertia(positive, negative, eigenvalues.size - positive - negative)


def factorised(matrix: sp.csc_array) -> Inertia | None:
    """Inertia by L D L' with diagonal pivots, None if that went wrong."""
    settings = {"SymmetricMode": True}
    try:
        factors = splinalg.splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=settings)
    except (RuntimeError, MemoryError):
        return None
    right = np.random.default_rng(0).normal(size=matrix.shape[0])
    found = factors.solve(right)
    error = np.abs(matrix @ found - right).max()
    is_accurate = bool(error <= ACCURATE * max(1.0, float(np.abs(found).max()) * float(abs(matrix).max())))
    if not is_accurate or not np.array_equal(factors.perm_r, factors.perm_c):
        return None
    return of_values(factors.U.diagonal(), 0.0)


def rank(rows: Any) -> int | None:
    """Number of linearly independent rows.

    Args:
        rows: shape (k, n), of length 1 or a little less: see `unit_rows`.

    Returns:
        The rank to a relative accuracy of `RANK`, or None if it is not known.

    >>> rank(sp.csr_array([[1.0, 0.0], [0.6, 0.8], [0.0, 0.0]]))
    2
    """
    scaled: Any = sp.csr_array(rows)
    if 0 in scaled.shape or not scaled.nnz:
        return 0
    if sum(scaled.shape) <= 2 * DENSE:
        values = scipy.linalg.svdvals(scaled.toarray())
        return int((values > RANK * values[0]).sum())
    shift = RANK**2 * sp.eye_array(scaled.shape[0])
    found = inertia(
        sp.block_array([[sp.eye_array(scaled.shape[1]), scaled.T], [scaled, shift]], format="csc")
    )
    return None if found is None else found.negative


def unit_rows(rows: sp.csr_array) -> sp.csr_array:
    """Rows scaled to length 1, zero rows left as they are."""
    length = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    return sp.csr_array(sp.diags_array(1.0 / np.where(length > 0, length, 1.0)) @ rows)


def is_convex_along(hessian: Any, rows: Any, floor: float = 1e-8) -> bool | None:
    """Whether v'H v > 0 for every v other than zero with rows @ v = 0.

    Args:
        hessian: symmetric, shape (n, n).
        rows: shape (k, n), any rank.
        floor: least curvature, of a Hessian in units of which no entry is above 1; may be negative.

    Returns:
        True or False, None if it is not known.

    >>> saddle = sp.csr_array([[1.0, 0.0], [0.0, -1.0]])
    >>> is_convex_along(saddle, sp.csr_array([[0.0, 1.0]])), is_convex_along(saddle, sp.csr_array((0, 2)))
    (True, False)
    """
    n = hessian.shape[0]
    units = sp.diags_array(natural_units(sp.csr_array(hessian)))
    scaled = unit_rows(sp.csr_array(sp.csr_array(rows) @ units))
    shifted = units @ sp.csr_array(hessian) @ units - floor * sp.eye_array(n)
    if n + scaled.shape[0] <= DENSE:
        basis = scipy.linalg.null_space(scaled.toarray(), rcond=RANK) if scaled.shape[0] else np.eye(n)
        reduced = basis.T @ (shifted @ basis)
        return bool(basis.shape[1] == 0 or scipy.linalg.eigvalsh(reduced)[0] > 0)
    corner = -1e-10 * sp.eye_array(scaled.shape[0])
    found = inertia(sp.block_array([[shifted, scaled.T], [scaled, corner]], format="csc"))
    return None if found is None else found.positive == n


def natural_units(hessian: sp.csr_array) -> np.ndarray:
    """Units of the variables, (n,), in which every row of a Hessian has a largest entry of about 1.

    Signs of curvature do not depend on units, but what counts as rounding does: rows that are `FAINT` beside
    the largest entry are left smaller.
    """
    sizes = abs(hessian).max(axis=1).toarray().ravel() if hessian.nnz else np.zeros(hessian.shape[0])
    largest = float(sizes.max(initial=0.0))
    return 1.0 / np.sqrt(np.maximum(sizes, FAINT * largest)) if largest > 0 else np.ones(sizes.size)
