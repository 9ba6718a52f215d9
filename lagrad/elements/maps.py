"""Apply the static linear map of an equation to affine forms.

An equation that is linear in an operand, its other operands known, is a sparse matrix M with
output = M operand + something without it. Most have one entry a row (slices, gathers, scalings), so that
the products needed here are one selection.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from lagrad.elements.indices import Indices

Factor = np.ndarray | float


@dataclass(frozen=True, eq=False)
class LinearMap:
    """Sparse matrix M of shape (size of the output, size of the operand).

    Args:
        shape: size of the output, size of the operand.
        selection: column of the one entry of each row, -1 for none; None where rows have several entries.
        factor: value of each of these entries, or one for all.
        rows: the matrix, where rows have several entries.
    """

    shape: tuple[int, int]
    selection: Indices | None = None
    factor: Factor = 1.0
    rows: sp.csr_array | None = None

    @property
    def places(self) -> Indices:
        """`selection`, of a map that is known to have one."""
        assert self.selection is not None
        return self.selection

    def to_scipy(self) -> sp.csr_array:
        """The same as a SciPy matrix."""
        if self.rows is not None:
            return self.rows
        size, columns = self.shape[0], self.places.array
        values = np.broadcast_to(np.asarray(self.factor, dtype=float), (size,))
        if self.places.is_complete:
            return sp.csr_array((values, columns, np.arange(size + 1)), shape=self.shape)
        keep = columns >= 0
        indptr = np.concatenate([[0], np.cumsum(keep)])
        return sp.csr_array((values[keep], columns[keep], indptr), shape=self.shape)


@dataclass(frozen=True, eq=False)
class Adjoint:
    """Sparse B, (number of outputs, size), as triplets: what the outputs take from a variable linearly."""

    rows: np.ndarray
    columns: np.ndarray
    values: np.ndarray

    def through(self, linear: LinearMap) -> Adjoint:
        """B M: the same outputs as functions of the operand."""
        if linear.selection is None:
            return self.through_rows(linear.to_scipy())
        factor = np.asarray(linear.factor)
        values, columns = self.values * (factor[self.columns] if factor.ndim else factor), self.columns
        if linear.selection.listed is not None:
            columns = linear.selection.listed[columns]
        elif not linear.selection.is_everything:
            columns = linear.selection.start + linear.selection.stride * columns
        return Adjoint(self.rows, columns, values).nonzero()

    def through_rows(self, rows: sp.csr_array) -> Adjoint:
        """B M for a general M."""
        counts = (rows.indptr[1:] - rows.indptr[:-1])[self.columns]
        entries = spread(rows.indptr[self.columns], counts)
        values = np.repeat(self.values, counts) * rows.data[entries]
        return Adjoint(np.repeat(self.rows, counts), rows.indices[entries], values).nonzero()

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


def grouped(targets: np.ndarray, shape: tuple[int, int]) -> LinearMap:
    """The map that adds operand element e into output targets[e], -1 for nowhere."""
    order = np.argsort(targets, kind="stable")
    if targets.size and targets.min() < 0:
        order = order[np.searchsorted(targets[order], 0) :]
    indptr = np.concatenate([[0], np.cumsum(np.bincount(targets[targets >= 0], minlength=shape[0]))])
    return LinearMap(shape, rows=sp.csr_array((np.ones(order.size), order, indptr), shape=shape))
