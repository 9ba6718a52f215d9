"""Hold a coloring: which columns and rows of a sparse matrix are computed together.

    B = J S      columns of J with one color, summed: one product per column color (a JVP, an HVP)
    C = W' J     rows of J with one color, summed: one product per row color (a VJP)

Color 0 is neutral: such a column or row takes part in no product.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lagrad.display import spy as picture
from lagrad.display.markup import titled
from lagrad.display.spy_svg import spy_svg
from lagrad.pattern import SparsityPattern

DIRECT = ("columns", "rows", "star", "bidirectional-star")
BY_SUBSTITUTION = ("acyclic", "bidirectional-acyclic")
KINDS = DIRECT + BY_SUBSTITUTION


@dataclass(frozen=True, eq=False)
class Coloring:
    """Colors of the columns and rows of a pattern, and how they came about.

    Args:
        kind: one of `KINDS`; "star" and "acyclic" are for symmetric matrices.
        pattern: what was colored, shape (m, n).
        column_colors: color of each column, shape (n,), int32, from 1; 0 is neutral.
        row_colors: color of each row, shape (m,), int32, from 1; 0 is neutral.
        method: algorithm and order, for reports.

    >>> pattern = SparsityPattern.from_dense([[1, 0], [0, 1]])
    >>> one = np.ones(2, np.int32)
    >>> coloring = Coloring("columns", pattern, one, 0 * one)
    >>> coloring.num_colors
    1
    >>> print(coloring)
    columns (given): 1 product instead of 2
    1·
    ·1
    """

    kind: str
    pattern: SparsityPattern = field(repr=False)
    column_colors: np.ndarray = field(repr=False)
    row_colors: np.ndarray = field(repr=False)
    method: str = ""

    def __repr__(self) -> str:
        return (
            f"Coloring(kind={self.kind!r}, shape={self.pattern.shape}, num_colors={self.num_colors}, "
            f"columns={self.num_column_colors}, rows={self.num_row_colors}, method={self.method!r})"
        )

    def __str__(self) -> str:
        colors, rows = self._shown
        return f"{self._title}\n{picture.spy(self.pattern, colors=colors, row_colors=rows)}"

    def _repr_html_(self) -> str:
        return titled(self._title, "<br>", spy_svg(self.pattern, *self._shown))

    @property
    def _title(self) -> str:
        """Kind, method and how many products."""
        rows, cols = self.pattern.shape
        whole = {"rows": rows, "columns": cols}.get(self.kind, min(rows, cols))
        products = f"{self.num_colors} product{'' if self.num_colors == 1 else 's'}"
        return f"{self.kind} ({self.method or 'given'}): {products} instead of {whole}"

    @property
    def _shown(self) -> tuple[np.ndarray | None, np.ndarray]:
        """Colors of columns, None if there are none, and of rows, for pictures."""
        colors = self.column_colors if self.num_column_colors else None
        return colors, self.column_colors if self.is_symmetric else self.row_colors

    @property
    def num_column_colors(self) -> int:
        """Number of products with column seeds (JVPs, HVPs)."""
        return int(self.column_colors.max(initial=0))

    @property
    def num_row_colors(self) -> int:
        """Number of products with row seeds (VJPs)."""
        return int(self.row_colors.max(initial=0))

    @property
    def num_colors(self) -> int:
        """Number of products in all."""
        return self.num_column_colors + self.num_row_colors

    @property
    def colors(self) -> np.ndarray:
        """Colors of the rows for kind "rows", of the columns for every other kind."""
        return self.row_colors if self.kind == "rows" else self.column_colors

    @property
    def is_symmetric(self) -> bool:
        """Whether an entry may be read at its mirror image."""
        return self.kind in ("star", "acyclic")

    @property
    def is_direct(self) -> bool:
        """Whether every entry stands by itself in some product."""
        return self.kind in DIRECT

    def column_seeds(self, dtype=np.float64) -> np.ndarray:
        """S, shape (n, num_column_colors): S[j, c - 1] is 1 where column j has color c."""
        return seeds(self.column_colors, self.num_column_colors, dtype)

    def row_seeds(self, dtype=np.float64) -> np.ndarray:
        """W, shape (m, num_row_colors): W[i, c - 1] is 1 where row i has color c."""
        return seeds(self.row_colors, self.num_row_colors, dtype)


def seeds(colors: np.ndarray, count: int, dtype=np.float64) -> np.ndarray:
    """One indicator column a color, shape (size, count).

    >>> seeds(np.array([2, 0, 1]), 2).tolist()
    [[0.0, 1.0], [0.0, 0.0], [1.0, 0.0]]
    """
    matrix = np.zeros((colors.size, count), dtype)
    taking_part = np.flatnonzero(colors)
    matrix[taking_part, colors[taking_part] - 1] = 1
    return matrix


def compress(matrix, coloring: Coloring) -> np.ndarray:
    """All products of a matrix with the seeds of a coloring, one after the other.

    Args:
        matrix: dense or SciPy sparse, shape (m, n).
        coloring: its coloring.

    Returns:
        Flat array of the num_column_colors products J s, each of length m, then of the num_row_colors
        products w' J, each of length n.

    >>> pattern = SparsityPattern.from_dense([[1, 0], [0, 1]])
    >>> one = np.ones(2, np.int32)
    >>> compress(np.diag([3.0, 4.0]), Coloring("columns", pattern, one, 0 * one)).tolist()
    [3.0, 4.0]
    """
    forward = np.asarray(matrix @ coloring.column_seeds()).T
    reverse = np.asarray(matrix.T @ coloring.row_seeds()).T
    return np.concatenate([forward.ravel(), reverse.ravel()])
