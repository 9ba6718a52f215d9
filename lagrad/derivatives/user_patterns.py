"""Read patterns that a user gives, checked and in canonical form."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from lagrad.errors import ProblemError
from lagrad.pattern import SparsityPattern


def read_pattern(given: Any, shape: tuple[int, int], where: str) -> SparsityPattern | None:
    """A pattern in canonical form: sorted, every entry once.

    Args:
        given: SparsityPattern, SciPy sparse matrix of any format (explicit zeros are entries), or None.
        shape: that it must have.
        where: name of the argument.

    Returns:
        SparsityPattern, None for None.

    Raises:
        ProblemError: another type or shape, or an index outside the shape.

    >>> read_pattern(sp.coo_array(([1, 1], ([1, 1], [0, 0])), shape=(2, 3)), (2, 3), "pattern")
    SparsityPattern(shape=(2, 3), nnz=1)
    """
    if given is None:
        return None
    if not isinstance(given, SparsityPattern) and not sp.issparse(given):
        found = f"a {type(given).__name__}, expected a SparsityPattern or a SciPy sparse matrix"
        raise ProblemError(
            f"`{where}`: {found}. From rows and columns: SparsityPattern.from_triplets(rows, cols, {shape}); "
            "from a dense matrix: SparsityPattern.from_dense(matrix)."
        )
    if tuple(given.shape) != shape:
        found = f"shape {tuple(given.shape)}, expected {shape}, that of the matrix"
        raise ProblemError(f"`{where}`: {found}. Count rows and columns as in the flat x and constraints.")
    try:
        if not isinstance(given, SparsityPattern):
            return SparsityPattern.from_scipy(given)
        return SparsityPattern.from_triplets(given.rows, given.cols, shape)
    except ValueError as error:
        raise ProblemError(f"`{where}`: {error}") from error


def read_symmetric_pattern(given: Any, size: int, where: str) -> SparsityPattern | None:
    """A symmetric pattern, of which either triangle is enough.

    Args:
        given: as in `read_pattern`.
        size: number of rows and columns.
        where: name of the argument.

    Raises:
        ProblemError: see `read_pattern`.

    >>> read_symmetric_pattern(sp.coo_array(([1.0], ([0], [1])), shape=(2, 2)), 2, "pattern").nnz
    2
    """
    pattern = read_pattern(given, (size, size), where)
    if pattern is None:
        return None
    rows = np.concatenate([pattern.rows, pattern.cols])
    return SparsityPattern.from_triplets(rows, np.concatenate([pattern.cols, pattern.rows]), (size, size))
