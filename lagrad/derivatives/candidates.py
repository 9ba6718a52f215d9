"""List the colorings worth trying for a pattern, the best by prediction first."""

from __future__ import annotations

import numpy as np

from lagrad.coloring import Coloring, color_bidirectional, color_columns, color_rows, color_symmetric
from lagrad.pattern import SparsityPattern

# A coloring that saves less than this is not worth reading entries out of its products.
LEAST_SAVING = 0.8
# Matrices fuller than this are not colored at all.
MOSTLY_FULL = 0.5
# Coloring both ways is tried where one direction needs more sweeps than this.
MANY_COLORS = 12
# A sweep backwards costs about this many sweeps forwards.
BACKWARD = 1.5
# Predictions closer than this are decided by the clock, where there are enough sweeps to matter.
CLOSE = 2.0
FEWEST_TO_TIME = 4


def jacobian_colorings(pattern: SparsityPattern, dense: bool = False) -> list[Coloring]:
    """The coloring that should cost least, and a second one where only timing can tell.

    Args:
        pattern: of a Jacobian.
        dense: whether to give every column or row a color of its own.

    Returns:
        One or two colorings; one color a column or row where coloring saves little.
    """
    if dense or is_mostly_full(pattern):
        found = [uncolored(pattern, kind) for kind in ("columns", "rows")]
    else:
        found = [color_columns(pattern), color_rows(pattern)]
        if min(coloring.num_colors for coloring in found) > MANY_COLORS:
            found.append(color_bidirectional(pattern))
    best, second, *_ = sorted(found, key=predicted)
    if not dense and best.num_colors >= LEAST_SAVING * min(pattern.shape):
        return jacobian_colorings(pattern, dense=True)
    open_ = predicted(second) <= CLOSE * predicted(best) and predicted(best) > FEWEST_TO_TIME
    return [best, second] if open_ else [best]


def hessian_coloring(pattern: SparsityPattern, dense: bool = False) -> Coloring:
    """The best symmetric coloring; one color a column where that saves little."""
    if dense or is_mostly_full(pattern):
        return uncolored(pattern, "columns")
    best, used = color_symmetric(pattern), np.unique(pattern.cols).size
    return best if best.num_colors < LEAST_SAVING * used else uncolored(pattern, "columns")


def predicted(coloring: Coloring) -> float:
    """Cost in sweeps forwards."""
    return coloring.num_column_colors + BACKWARD * coloring.num_row_colors


def is_mostly_full(pattern: SparsityPattern) -> bool:
    """Whether the rows and columns in use are so full that coloring cannot pay."""
    rows, columns = np.unique(pattern.rows).size, np.unique(pattern.cols).size
    return pattern.nnz >= MOSTLY_FULL * rows * columns


def uncolored(pattern: SparsityPattern, kind: str) -> Coloring:
    """A color of its own for every column, or row, that is not empty."""
    by_columns = kind == "columns"
    used = np.unique(pattern.cols if by_columns else pattern.rows)
    colors = np.zeros(pattern.shape[1 if by_columns else 0], dtype=np.int32)
    colors[used] = np.arange(1, used.size + 1)
    others = np.zeros(pattern.shape[0 if by_columns else 1], dtype=np.int32)
    pair = (colors, others) if by_columns else (others, colors)
    return Coloring(kind, pattern, *pair, method="one color each")


def directions(coloring: Coloring) -> str:
    """The sweeps of a coloring in words.

    >>> directions(color_columns(SparsityPattern.from_dense(np.eye(3))))
    '1 forward'
    """
    counts = {"forward": coloring.num_column_colors, "backward": coloring.num_row_colors}
    return " and ".join(f"{count} {direction}" for direction, count in counts.items() if count)


def name_of(coloring: Coloring) -> str:
    """Strategy of a coloring."""
    return "dense" if coloring.method == "one color each" else "colored"
