"""Factor the KKT matrix of the active set, and solve with it.

    [ H   A'  E' ] [ u ]   [ b1 ]      A: active rows of J
    [ A   0   0  ] [ v ] = [ b2 ]      E: active bounds, rows of the identity
    [ E   0   0  ] [ w ]   [ b3 ]      inactive rows have v = b2, inactive bounds w = b3

Variables at an active bound are known, u = b3, so only the free ones and the active rows are factored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse as sp
import scipy.sparse.linalg

from lagrad.errors import DerivativeError

# A pivot this far below the largest one, after scaling, is a zero spoilt by rounding.
SMALLEST_PIVOT = 1e-13
# What a solve may leave of its right side after one refinement.
LARGEST_RESIDUAL = 1e-6
# Up to so many active rows the dependent ones are looked for by a dense factorisation.
EXPLAINED = 2000


@dataclass(frozen=True, eq=False)
class Kkt:
    """A factored KKT matrix of n variables and m rows; see `factor`.

    Args:
        hessian: H, shape (n, n).
        jacobian: J, shape (m, n).
        free: variables not at an active bound.
        rows: active rows.
        matrix: [[H, A'], [A, 0]] of the free variables and the active rows.
        scale: D that makes the entries of D matrix D about 1.
        factors: of D matrix D, or None if there is nothing to solve.
    """

    hessian: sp.csr_array
    jacobian: sp.csr_array
    free: np.ndarray
    rows: np.ndarray
    matrix: sp.csc_array = field(repr=False)
    scale: np.ndarray = field(repr=False)
    factors: Any = field(repr=False)

    def solve(self, right: np.ndarray) -> np.ndarray:
        """Solve for one or many right sides.

        Args:
            right: b1, b2 and b3, one below the other, shape (n + m + n, k).

        Returns:
            u, v and w, likewise.

        Raises:
            DerivativeError: the matrix is too close to a singular one.
        """
        n, m = self.hessian.shape[0], self.jacobian.shape[0]
        b1, b2, b3 = np.split(right, [n, n + m])
        held = np.ones(n, bool)
        held[self.free] = False
        u = np.where(held[:, None], b3, 0.0)
        inner = self._solve(
            np.concatenate([(b1 - self.hessian @ u)[self.free], (b2 - self.jacobian @ u)[self.rows]])
        )
        u[self.free] = inner[: self.free.size]
        v = b2.copy()
        v[self.rows] = inner[self.free.size :]
        active = np.zeros_like(v)
        active[self.rows] = v[self.rows]
        w = np.where(held[:, None], b1 - self.hessian @ u - self.jacobian.T @ active, b3)
        return np.concatenate([u, v, w])

    def _solve(self, right: np.ndarray) -> np.ndarray:
        if self.factors is None or right.shape[1] == 0:
            return right
        found = self._once(right)
        found = found + self._once(right - self.matrix @ found)
        left = np.abs(self.matrix @ found - right).max(initial=0.0)
        size = abs(self.matrix).max() * np.abs(found).max(initial=0.0) + np.abs(right).max(initial=0.0)
        if left > LARGEST_RESIDUAL * size:
            raise singular(self.free, self.rows, self.jacobian)
        return found

    def _once(self, right: np.ndarray) -> np.ndarray:
        return self.scale[:, None] * self.factors.solve(self.scale[:, None] * right)


def factor(hessian: sp.csr_array, jacobian: sp.csr_array, rows: np.ndarray, bounds: np.ndarray) -> Kkt:
    """Factor the KKT matrix of a point.

    Args:
        hessian: of the Lagrangian, both triangles, shape (n, n).
        jacobian: of the constraint rows, shape (m, n).
        rows: which rows are active, bool, shape (m,).
        bounds: which variables are at an active bound, bool, shape (n,).

    Returns:
        Kkt.

    Raises:
        DerivativeError: the matrix is singular: active rows depend on one another, or the curvature along
            the feasible directions vanishes. `dependent` has the indices of dependent rows, if any.

    >>> kkt = factor(sp.csr_array([[2.0]]), sp.csr_array((0, 1)), np.zeros(0, bool), np.zeros(1, bool))
    >>> kkt.solve(np.array([[4.0], [0.0]])).tolist()
    [[2.0], [0.0]]
    """
    free, active = np.flatnonzero(~bounds), np.flatnonzero(rows)
    matrix = assemble(hessian, jacobian, free, active)
    if matrix.shape[0] == 0:
        return Kkt(hessian, jacobian, free, active, matrix, np.zeros(0), None)
    if active.size > free.size:
        raise singular(free, active, jacobian)
    scale, scaled = equilibrate(matrix)
    try:
        factors = scipy.sparse.linalg.splu(scaled)
    except RuntimeError as error:
        raise singular(free, active, jacobian) from error
    pivots = np.abs(factors.U.diagonal())
    if not pivots.min() > SMALLEST_PIVOT * pivots.max():
        raise singular(free, active, jacobian)
    return Kkt(hessian, jacobian, free, active, matrix, scale, factors)


def assemble(
    hessian: sp.csr_array, jacobian: sp.csr_array, free: np.ndarray, active: np.ndarray
) -> sp.csc_array:
    """[[H, A'], [A, 0]] of the free variables and the active rows."""
    inner = sp.csr_array(hessian)[free][:, free]
    rows = sp.csr_array(jacobian)[active][:, free]
    if active.size == 0:
        return sp.csc_array(inner)
    return sp.csc_array(sp.block_array([[inner, rows.T], [rows, None]]))


def equilibrate(matrix: sp.csc_array, sweeps: int = 2) -> tuple[np.ndarray, sp.csc_array]:
    """D and D matrix D, whose largest entry in each row is about 1, for a symmetric matrix.

    Source: Ruiz (2001), A scaling algorithm to equilibrate both rows and columns norms in matrices.
    """
    counts = np.diff(matrix.indptr)
    columns, filled = np.repeat(np.arange(counts.size), counts), counts > 0
    scale, data = np.ones(counts.size), matrix.data
    for _ in range(sweeps):
        largest = np.ones(counts.size)
        largest[filled] = np.maximum.reduceat(np.abs(data), matrix.indptr[:-1][filled]) if data.size else 1.0
        scale = scale / np.sqrt(np.where(largest > 0, largest, 1.0))
        data = matrix.data * scale[matrix.indices] * scale[columns]
    return scale, sp.csc_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def singular(free: np.ndarray, active: np.ndarray, jacobian: sp.csr_array) -> DerivativeError:
    """The error of a singular KKT matrix, with the dependent rows as its attribute `dependent`."""
    dependent = dependent_rows(sp.csr_array(jacobian)[active][:, free])
    what = "active rows depend on one another" if dependent.size else "the second-order condition fails"
    error = DerivativeError(f"the KKT matrix is singular: {what}.")
    error.dependent = active[dependent]  # type: ignore[attr-defined]
    return error


def dependent_rows(matrix: Any) -> np.ndarray:
    """Rows that follow from others, none if there are too many rows to tell.

    >>> dependent_rows(sp.csr_array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]])).size
    1
    """
    if min(matrix.shape) == 0 or max(matrix.shape) > EXPLAINED:
        return np.arange(matrix.shape[0]) if matrix.shape[0] > matrix.shape[1] else np.zeros(0, int)
    found: Any = scipy.linalg.qr(matrix.toarray().T, mode="r", pivoting=True)
    triangle, order = found
    pivots = np.abs(np.diagonal(triangle))
    rank = int((pivots > 1e-10 * pivots.max(initial=0.0)).sum())
    return np.sort(order[rank:])
