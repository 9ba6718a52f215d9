"""Color some columns and some rows, so that every entry can be read from one or the other.

    B = J S, C = W' J     one dense row costs one product with a row seed instead of a color for every column

Two ways: color the graph of columns and rows joined by the entries (star or acyclic) and drop the colors that
nobody reads; or decide first which entries are read from columns and color only against their conflicts.
"""

from __future__ import annotations

import numpy as np

from lagrad.coloring.coloring import Coloring
from lagrad.coloring.compiled import run
from lagrad.coloring.graph import Graph, by_columns, running
from lagrad.coloring.neutral import renumbered, without_unused
from lagrad.coloring.orders import Order, natural
from lagrad.coloring.periodic import occupied
from lagrad.pattern import SparsityPattern


def bicolored(pattern: SparsityPattern, colors: np.ndarray, kind: str) -> Coloring:
    """Make a bidirectional coloring of colors for columns and rows as the two sides of one graph.

    Args:
        pattern: m rows, n columns.
        colors: star or acyclic coloring of its `both_sides_graph`, shape (n + m,).
        kind: "bidirectional-star" or "bidirectional-acyclic", to match.

    Returns:
        Coloring of that kind, unused colors made neutral.

    Source: Gebremedhin, Manne, Pothen (2005), section 7.

    >>> wide = SparsityPattern.from_dense([[1, 1, 1]])
    >>> bicolored(wide, np.array([2, 2, 2, 1]), "bidirectional-star").num_colors
    1
    """
    n = pattern.shape[1]
    columns = np.where(occupied(pattern.cols, n), colors[:n], 0)
    rows = np.where(np.diff(pattern.indptr) > 0, colors[n:], 0)
    return without_unused(Coloring(kind, pattern, compact(columns), compact(rows)))


def compact(colors: np.ndarray) -> np.ndarray:
    """The same classes numbered 1, 2, ... without gaps; 0 stays."""
    present = np.bincount(colors, minlength=1)[1:] > 0
    return renumbered(colors, present)


def split_coloring(pattern: SparsityPattern, by_column: np.ndarray, order: Order = natural) -> Coloring:
    """Color columns for the entries read from columns, and rows for the others.

    Args:
        pattern: m rows, n columns.
        by_column: whether each entry is read from a product with a column seed, shape (nnz,), bool.
        order: in which each side is colored.

    Returns:
        Coloring of kind "bidirectional-star".

    Source: Coleman and Verma (1998), section 4; Hossain and Steihaug (1998).

    >>> arrow = SparsityPattern.from_dense([[1, 1, 1], [1, 1, 0], [1, 0, 1]])
    >>> split_coloring(arrow, arrow.rows > 0)
    Coloring(kind='bidirectional-star', shape=(3, 3), num_colors=3, columns=2, rows=1, method='')
    """
    columns = colors_against_conflicts(pattern, by_column, order)
    mirrored = by_columns(pattern)
    rows = np.repeat(np.arange(pattern.shape[1], dtype=np.int32), np.diff(mirrored.ptr))
    transposed = SparsityPattern(rows, mirrored.rows, (pattern.shape[1], pattern.shape[0]))
    rows = colors_against_conflicts(transposed, ~by_column[mirrored.positions], order)
    return Coloring("bidirectional-star", pattern, columns, rows)


def split_bound(pattern: SparsityPattern, by_column: np.ndarray, row_weight: float = 1.0) -> float:
    """A cost that coloring this split cannot fall below: entries read in one row, and in one column."""
    wide = np.bincount(pattern.rows[by_column], minlength=1).max()
    tall = np.bincount(pattern.cols[~by_column], minlength=1).max()
    return float(wide + row_weight * tall)


def split_steps(pattern: SparsityPattern, by_column: np.ndarray) -> float:
    """About how many visits `split_coloring` makes."""
    widths = np.bincount(pattern.rows[conflicting(pattern, by_column)], minlength=1).astype(float)
    heights = np.bincount(pattern.cols[conflicting(pattern, ~by_column)], minlength=1).astype(float)
    return float(widths @ widths + heights @ heights)


def colors_against_conflicts(pattern: SparsityPattern, read: np.ndarray, order: Order) -> np.ndarray:
    """Color columns so that an entry that is read meets no other entry of its color in its row.

    Columns of which nothing is read are neutral. Shape (n,), int32.
    """
    graph, read_by_column, read_by_row = conflict_graph(pattern, read)
    colors, forbidden = np.zeros(graph.size, np.int32), np.full(graph.size + 2, -1, np.int32)
    inputs = (*graph.hops, read_by_column, read_by_row, order(graph), forbidden)
    run(conflict_loop, inputs, (colors,), steps=graph.steps)
    return colors


def conflict_graph(pattern: SparsityPattern, read: np.ndarray) -> tuple[Graph, np.ndarray, np.ndarray]:
    """Column graph where something is read; whether each entry is, by columns and by rows."""
    kept = conflicting(pattern, read)
    smaller = SparsityPattern(pattern.rows[kept], pattern.cols[kept], pattern.shape)
    by_column = by_columns(smaller)
    by_row = read[kept].astype(np.int8)
    graph = Graph(by_column.ptr, by_column.rows, running(kept)[pattern.indptr], smaller.cols)
    return graph, by_row[by_column.positions], by_row


def conflicting(pattern: SparsityPattern, read: np.ndarray) -> np.ndarray:
    """Whether each entry lies in a row and in a column in which something is read, shape (nnz,), bool."""
    m, n = pattern.shape
    rows, cols = occupied(pattern.rows[read], m), occupied(pattern.cols[read], n)
    return rows[pattern.rows] & cols[pattern.cols]


def conflict_loop(ptr, nets, members_ptr, members, read, member_read, order, forbidden, colors):
    """Two columns conflict in a row where either of them is read."""
    for v in order:
        if ptr[v] == ptr[v + 1]:
            continue
        for k in range(ptr[v], ptr[v + 1]):
            for m in range(members_ptr[nets[k]], members_ptr[nets[k] + 1]):
                if read[k] or member_read[m]:
                    forbidden[colors[members[m]]] = v
        c = 1
        while forbidden[c] == v:
            c += 1
        colors[v] = c
