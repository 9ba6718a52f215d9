"""Hold a sparsity pattern in one canonical, immutable form."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from lagrad.display import spy as picture
from lagrad.display.markup import titled
from lagrad.display.page import Page
from lagrad.display.spy_svg import spy_svg


@dataclass(frozen=True, eq=False)
class SparsityPattern:
    """Positions at which a matrix may be nonzero, without its values.

    Entries are unique and sorted by row, then column; build one with `from_triplets`,
    `from_scipy` or `from_dense`, which see to that.

    Args:
        rows: row of each entry, shape (nnz,), int32.
        cols: column of each entry, shape (nnz,), int32.
        shape: number of rows and columns.

    >>> pattern = SparsityPattern.from_triplets([0, 1, 1, 1], [0, 2, 1, 2], (2, 3))
    >>> pattern
    SparsityPattern(shape=(2, 3), nnz=3)
    >>> print(pattern)
    2 x 3, 3 entries (50 %)
    ●··
    ·●●
    """

    rows: np.ndarray = field(repr=False)
    cols: np.ndarray = field(repr=False)
    shape: tuple[int, int]

    def __repr__(self) -> str:
        return f"SparsityPattern(shape={self.shape}, nnz={self.nnz})"

    def __str__(self) -> str:
        return f"{picture.caption(self)}\n{self.spy()}"

    def _repr_html_(self) -> str:
        return titled(picture.caption(self), "<br>", spy_svg(self))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SparsityPattern):
            return NotImplemented
        return (
            self.shape == other.shape
            and np.array_equal(self.rows, other.rows)
            and np.array_equal(self.cols, other.cols)
        )

    def __hash__(self) -> int:
        return hash((self.shape, self.rows.tobytes(), self.cols.tobytes()))

    @classmethod
    def from_triplets(
        cls, rows: npt.ArrayLike, cols: npt.ArrayLike, shape: tuple[int, int]
    ) -> SparsityPattern:
        """Pattern from indices in any order, repeated ones counted once.

        Args:
            rows: row indices, shape (k,), each in [0, shape[0]).
            cols: column indices, shape (k,), each in [0, shape[1]).
            shape: number of rows and columns.

        Returns:
            SparsityPattern with at most k entries.

        Raises:
            ValueError: the lengths differ, or an index lies outside the shape.
        """
        rows, cols = np.asarray(rows, dtype=np.int64).ravel(), np.asarray(cols, dtype=np.int64).ravel()
        check_indices(rows, cols, shape)
        ones = np.ones(rows.size, dtype=np.int8)
        return cls.from_scipy(sp.csr_array((ones, (rows, cols)), shape=shape))

    @classmethod
    def from_scipy(cls, matrix: Any) -> SparsityPattern:
        """Pattern of the stored entries of a SciPy sparse matrix, explicit zeros included.

        Args:
            matrix: any SciPy sparse array or matrix, two-dimensional.

        Returns:
            SparsityPattern of the same shape.

        >>> import scipy.sparse as sp
        >>> SparsityPattern.from_scipy(sp.eye_array(3)).nnz
        3
        """
        csr = sp.csr_array(matrix)
        if not csr.has_canonical_format:
            # A copy of the values, so that summing duplicates cannot overflow or alter the user's matrix.
            zeros = np.zeros(csr.nnz, np.int8)
            csr = sp.csr_array((zeros, csr.indices, csr.indptr), shape=csr.shape, copy=True)
            csr.sum_duplicates()
        rows = np.repeat(np.arange(csr.shape[0], dtype=np.int32), np.diff(csr.indptr))
        return cls(rows, csr.indices.astype(np.int32, copy=False), (int(csr.shape[0]), int(csr.shape[1])))

    @classmethod
    def from_dense(cls, matrix: npt.ArrayLike) -> SparsityPattern:
        """Pattern of the nonzeros of a dense matrix.

        Raises:
            ValueError: the matrix does not have two axes.

        >>> SparsityPattern.from_dense([[1.0, 0.0], [0.0, 2.0]]).nnz
        2
        """
        dense = np.asarray(matrix)
        if dense.ndim != 2:
            raise ValueError(f"matrix: shape {dense.shape}, expected two axes. Give rows of equal length.")
        rows, cols = np.nonzero(dense)
        return cls(rows.astype(np.int32), cols.astype(np.int32), (int(dense.shape[0]), int(dense.shape[1])))

    @property
    def nnz(self) -> int:
        """Number of entries."""
        return int(self.rows.size)

    @cached_property
    def indptr(self) -> np.ndarray:
        """Start of each row in `cols`, shape (shape[0] + 1,), int64: the compressed-row form."""
        counts = np.bincount(self.rows, minlength=self.shape[0])
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])

    @property
    def T(self) -> SparsityPattern:
        """The transposed pattern."""
        return SparsityPattern.from_scipy(self.to_scipy().T)

    def is_symmetric(self) -> bool:
        """Whether (i, j) is an entry exactly when (j, i) is."""
        return self.shape[0] == self.shape[1] and self == self.T

    def lower(self) -> SparsityPattern:
        """Entries on and below the diagonal."""
        keep = self.rows >= self.cols
        return SparsityPattern(self.rows[keep], self.cols[keep], self.shape)

    def spy(self, width: int = 64, height: int = 32) -> Page:
        """Picture in characters: a sign an entry if that fits, else braille dots that stand for blocks.

        Args:
            width: most characters a line.
            height: most lines.
        """
        return Page(picture.spy(self, width, height))

    def contains(self, other: SparsityPattern) -> bool:
        """Whether every entry of `other` is an entry here."""
        return self.shape == other.shape and bool(np.isin(keys(other), keys(self)).all())

    def toarray(self) -> np.ndarray:
        """Dense Boolean matrix, shape `shape`."""
        dense = np.zeros(self.shape, dtype=bool)
        dense[self.rows, self.cols] = True
        return dense

    def to_scipy(self, values: npt.ArrayLike | None = None) -> sp.csr_array:
        """SciPy matrix with this pattern.

        Args:
            values: one value an entry, shape (nnz,); ones if not given.

        Returns:
            csr_array of shape `shape`, canonical.
        """
        entries = np.ones(self.nnz) if values is None else np.asarray(values)
        matrix = sp.csr_array((entries, self.cols, self.indptr), shape=self.shape)
        matrix.has_canonical_format = True
        return matrix


def keys(pattern: SparsityPattern) -> np.ndarray:
    """One increasing integer an entry, shape (nnz,), int64: its position in the raveled matrix."""
    return pattern.rows.astype(np.int64) * pattern.shape[1] + pattern.cols


def check_indices(rows: np.ndarray, cols: np.ndarray, shape: tuple[int, int]) -> None:
    """Raise ValueError unless the triplets fit the shape."""
    if rows.size != cols.size:
        raise ValueError(f"pattern: {rows.size} rows but {cols.size} columns. Give one column for each row.")
    for name, index, limit in (("row", rows, shape[0]), ("column", cols, shape[1])):
        outside = np.flatnonzero((index < 0) | (index >= limit))
        if outside.size:
            where = f"{name} index {index[outside[0]]} at position {outside[0]}"
            raise ValueError(f"pattern: {where}, expected 0 to {limit - 1}.")
