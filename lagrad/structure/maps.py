"""Static linear maps of single equations: index arrays and coefficients in, sparse rows out.

An equation that is linear in an operand, its other operands known, is a sparse matrix M with
output = M operand + something without it. Most have one entry a row (slices, gathers, scalings), so that
both products needed here, M A and B M, are one indexing of arrays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp


@dataclass(frozen=True, eq=False)
class LinearMap:
    """Sparse matrix M of shape (size of the output, size of the operand).

    Args:
        shape: size of the output, size of the operand.
        indptr: start of each row in `indices`; None if every row has one entry.
        indices: column of each entry, -1 for none (only with `indptr` None); None for the identity.
        coefficients: value of each entry, or one for all.
    """

    shape: tuple[int, int]
    indptr: np.ndarray | None = None
    indices: np.ndarray | None = None
    coefficients: np.ndarray | float = 1.0

    def rows_of(self, matrix: sp.csr_array) -> sp.csr_array:
        """M A for a sparse A with as many rows as the operand has elements."""
        if self.indptr is not None:
            return self.to_scipy() @ matrix
        taken = matrix if self.indices is None else take_rows(matrix, self.indices)
        return scale_rows(taken, self.coefficients)

    def apply(self, values: np.ndarray) -> np.ndarray:
        """M v for a dense v, shape (size of the operand,)."""
        if self.indptr is not None:
            return self.to_scipy() @ values
        if self.indices is None:
            return values * self.coefficients
        return np.where(self.indices >= 0, values[self.indices], 0.0) * self.coefficients

    def to_scipy(self) -> sp.csr_array:
        """The same as a SciPy matrix."""
        rows, size = self.shape
        if self.indptr is None:
            identity = sp.csr_array((np.ones(size), np.arange(size), np.arange(size + 1)), shape=(size, size))
            return self.rows_of(identity)
        values = np.broadcast_to(np.asarray(self.coefficients, dtype=float), self.indices.shape)
        return sp.csr_array((values, self.indices, self.indptr), shape=self.shape)


@dataclass(frozen=True, eq=False)
class Adjoint:
    """Sparse B of shape (number of outputs, size) as triplets: what the outputs take from a variable linearly."""

    rows: np.ndarray
    columns: np.ndarray
    values: np.ndarray

    def through(self, linear: LinearMap) -> Adjoint:
        """B M: the same outputs as functions of the operand."""
        if linear.indptr is None:
            return self.through_selection(linear)
        counts = (linear.indptr[1:] - linear.indptr[:-1])[self.columns]
        entries = spread(linear.indptr[self.columns], counts)
        coefficients = np.broadcast_to(linear.coefficients, linear.indices.shape)[entries]
        values = np.repeat(self.values, counts) * coefficients
        return Adjoint(np.repeat(self.rows, counts), linear.indices[entries], values).nonzero()

    def through_selection(self, linear: LinearMap) -> Adjoint:
        """B M for an M with at most one entry a row."""
        coefficients = linear.coefficients
        scaled = self.values * (coefficients if np.ndim(coefficients) == 0 else np.take(coefficients, self.columns))
        columns = self.columns if linear.indices is None else linear.indices[self.columns]
        return Adjoint(self.rows, columns, scaled).nonzero()

    def nonzero(self) -> Adjoint:
        """Without entries that are zero or belong to no element."""
        keep = (self.columns >= 0) & (self.values != 0)
        return self if keep.all() else self.only(keep)

    def only(self, keep: np.ndarray) -> Adjoint:
        """Some of the entries."""
        return Adjoint(self.rows[keep], self.columns[keep], self.values[keep])

    def to_scipy(self, shape: tuple[int, int]) -> sp.csr_array:
        """The same as a SciPy matrix, repeated entries summed."""
        return sp.coo_array((self.values, (self.rows, self.columns)), shape=shape).tocsr()


def total(parts: list[Adjoint], shape: tuple[int, int]) -> Adjoint:
    """Sum of several adjoints of one variable, repeated entries summed."""
    if len(parts) == 1:
        return parts[0]
    rows, columns, values = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("rows", "columns", "values")
    )
    # Compressed by column: columns are many and short, so that sorting within them is cheap.
    matrix = sp.csr_array((values, (columns, rows)), shape=shape[::-1])
    return Adjoint(matrix.indices, np.repeat(np.arange(shape[1]), np.diff(matrix.indptr)), matrix.data)


def spread(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """[starts[i], starts[i] + 1, ...] of counts[i] each, one after the other."""
    before = np.cumsum(counts) - counts
    return np.arange(int(counts.sum())) - np.repeat(before - starts, counts)


def take_rows(matrix: sp.csr_array, rows: np.ndarray) -> sp.csr_array:
    """Rows of a sparse matrix in the order given, empty where the index is -1."""
    if rows.size and rows.min() < 0:
        lengths = np.where(rows >= 0, np.diff(matrix.indptr)[rows], 0)
        entries = spread(matrix.indptr[rows], lengths)
        indptr = np.concatenate([[0], np.cumsum(lengths)])
        return sp.csr_array(
            (matrix.data[entries], matrix.indices[entries], indptr), shape=(rows.size, matrix.shape[1])
        )
    return matrix[rows]


def scale_rows(matrix: sp.csr_array, coefficients: np.ndarray | float) -> sp.csr_array:
    """diag(coefficients) A."""
    if np.ndim(coefficients) == 0:
        return matrix if coefficients == 1.0 else matrix * coefficients
    scaled = matrix.data * np.repeat(coefficients, np.diff(matrix.indptr))
    return sp.csr_array((scaled, matrix.indices, matrix.indptr), shape=matrix.shape)


def grouped(targets: np.ndarray, shape: tuple[int, int]) -> LinearMap:
    """The map that adds operand element e into output targets[e], -1 for nowhere."""
    order = np.argsort(targets, kind="stable")
    order = order[np.searchsorted(targets[order], 0) :] if targets.size and targets.min() < 0 else order
    counts = np.bincount(targets[targets >= 0], minlength=shape[0])
    return LinearMap(shape, np.concatenate([[0], np.cumsum(counts)]), order)
