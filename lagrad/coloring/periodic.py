"""Color band matrices and grids by colors that repeat along an order.

Toy version: in a band of width k, columns k apart share no row, so 1, 2, ..., k, 1, 2, ... will do, and since
some row has k entries nothing less will. No search and no loop: a million columns take milliseconds.
"""

from __future__ import annotations

import numpy as np

from lagrad.coloring.graph import Graph
from lagrad.coloring.orders import breadth_first, natural
from lagrad.pattern import SparsityPattern

# A full band this much shorter than its matrix is in no way special at its ends.
LONG = 4


def periodic_columns(
    pattern: SparsityPattern, order: np.ndarray, period: int | None = None
) -> np.ndarray | None:
    """Colors by place in the order, if no row holds a color twice.

    Args:
        pattern: m rows, n columns.
        order: permutation of the columns, shape (n,).
        period: number of colors; if None, as many as the fullest row has entries, the fewest possible.

    Returns:
        Colors from 1, shape (n,), int32, 0 for empty columns; or None.

    >>> band = SparsityPattern.from_dense([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]])
    >>> periodic_columns(band, np.arange(4)).tolist()
    [1, 2, 1, 2]
    """
    if pattern.nnz == 0:
        return None
    place = places(pattern.shape[1], order)
    period = int(np.diff(pattern.indptr).max()) if period is None else period
    if not (is_narrow(pattern, place, period) or is_distinct(pattern, place, period)):
        return None
    return np.where(occupied(pattern.cols, place.size), place % period + 1, 0).astype(np.int32)


def is_narrow(pattern: SparsityPattern, place: np.ndarray, period: int) -> bool:
    """Whether every row lies within `period` consecutive places."""
    starts = pattern.indptr[:-1][np.diff(pattern.indptr) > 0]
    of_entries = place[pattern.cols]
    spans = np.maximum.reduceat(of_entries, starts) - np.minimum.reduceat(of_entries, starts)
    return int(spans.max()) < period


def is_distinct(pattern: SparsityPattern, place: np.ndarray, period: int) -> bool:
    """Whether no row holds two places that agree modulo `period`."""
    kept = pattern.rows.astype(np.int64) * period + place[pattern.cols] % period
    return int(np.bincount(kept).max()) == 1


def periodic_symmetric(pattern: SparsityPattern, graph: Graph, per_width: int) -> np.ndarray | None:
    """Colors by place, if the pattern is a full band as numbered or in breadth-first order.

    For a full band of half-width w, 2 w + 1 colors are the best star coloring and w + 1 the best acyclic one.

    Args:
        pattern: symmetric, shape (n, n).
        graph: its adjacency graph.
        per_width: 2 for star coloring, 1 for acyclic coloring.

    Returns:
        Colors from 1, shape (n,), int32; or None.

    Source: Coleman and Moré (1984), section 4.

    >>> from lagrad.coloring.graph import adjacency_graph
    >>> path = SparsityPattern.from_dense(np.tri(9, k=1) * np.tri(9, k=1).T)
    >>> periodic_symmetric(path, adjacency_graph(path), per_width=1).tolist()
    [1, 2, 1, 2, 1, 2, 1, 2, 1]
    """
    n, width = pattern.shape[0], int(graph.degrees.max(initial=0)) // 2
    if n <= LONG * width or width == 0 or pattern.nnz != n * (2 * width + 1) - width * (width + 1):
        return None
    for order in (natural, breadth_first):
        place = places(n, order(graph))
        if int(np.abs(place[pattern.rows] - place[pattern.cols]).max()) == width:
            return (place % (per_width * width + 1) + 1).astype(np.int32)
    return None


def places(size: int, order: np.ndarray) -> np.ndarray:
    """Place of each vertex in the order, shape (size,)."""
    place = np.empty(size, np.int32)
    place[order] = np.arange(size)
    return place


def with_diagonal(pattern: SparsityPattern) -> SparsityPattern:
    """A square pattern and its whole diagonal."""
    n = pattern.shape[0]
    if np.count_nonzero(pattern.rows == pattern.cols) == n:
        return pattern
    diagonal = np.arange(n)
    rows, cols = (np.concatenate([indices, diagonal]) for indices in (pattern.rows, pattern.cols))
    return SparsityPattern.from_triplets(rows, cols, pattern.shape)


def occupied(indices: np.ndarray, size: int) -> np.ndarray:
    """Whether each index below `size` occurs."""
    found = np.zeros(size, bool)
    found[indices] = True
    return found
