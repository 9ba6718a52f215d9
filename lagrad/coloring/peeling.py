"""Peel dense rows and columns: decide which entries are read from products with column seeds.

A dense row makes every column need its own color; read that row from one product with a row seed, and the
rest may need very few. Each function proposes such a split; `bidirectional.split_coloring` colors it. For
symmetric matrices a hub, a vertex of very high degree, gets a color of its own.
"""

from __future__ import annotations

import numpy as np

from lagrad.coloring.compiled import run
from lagrad.coloring.graph import Graph, both_sides_graph, by_columns, neighbors_as_nets, running
from lagrad.coloring.orders import pop, push
from lagrad.pattern import SparsityPattern

MOST_PEELED = 256
# Hubs this much above the square root of the number of entries would make coloring quadratic.
WIDE = 4
MOST_HUBS = 62


def peel_rows(pattern: SparsityPattern) -> np.ndarray:
    """Split off the k fullest rows, k minimising the lower bound of all colors together.

    The k rows need as many row colors as they have entries in one column, the rest as many column colors as
    its fullest row has entries.

    Args:
        pattern: m rows, n columns.

    Returns:
        Whether each entry is read from a column seed, shape (nnz,), bool.

    >>> peel_rows(SparsityPattern.from_dense([[1, 1, 1], [0, 1, 0], [1, 0, 0]])).tolist()
    [False, False, False, True, True]
    """
    sizes = np.diff(pattern.indptr)
    fullest = np.argsort(-sizes, kind="stable")
    bounds = peeling_bounds(pattern, sizes, fullest)
    peeled = fullest[: int(np.argmin(bounds))]
    by_column = np.ones(sizes.size, bool)
    by_column[peeled] = False
    return by_column[pattern.rows]


def peel_columns(pattern: SparsityPattern) -> np.ndarray:
    """Split off the k fullest columns; as `peel_rows` of the transposed pattern.

    >>> peel_columns(SparsityPattern.from_dense([[1, 1, 0], [1, 0, 0], [1, 0, 1]])).tolist()
    [True, False, True, True, False]
    """
    mirrored = by_columns(pattern)
    by_column = np.empty(pattern.nnz, bool)
    by_column[mirrored.positions] = ~peel_rows(pattern.T)
    return by_column


def peeling_bounds(pattern: SparsityPattern, sizes: np.ndarray, fullest: np.ndarray) -> np.ndarray:
    """Lower bound of the colors with the k fullest rows peeled, for k = 0, 1, ..."""
    count = min(sizes.size, MOST_PEELED)
    heights, height, bounds = np.zeros(pattern.shape[1], np.int64), 0, []
    for k in range(count + 1):
        bounds.append(height + (sizes[fullest[k]] if k < sizes.size else 0))
        if k < count:
            cols = pattern.cols[pattern.indptr[fullest[k]] : pattern.indptr[fullest[k] + 1]]
            heights[cols] += 1
            height = max(height, heights[cols].max(initial=0))
    return np.array(bounds)


def shortest_first(pattern: SparsityPattern, row_weight: float = 1.0) -> np.ndarray:
    """Read the shortest row from column seeds or the shortest column from row seeds, the cheaper one; repeat.

    Args:
        pattern: m rows, n columns.
        row_weight: cost of a product with a row seed, that with a column seed being 1.

    Returns:
        Whether each entry is read from a column seed, shape (nnz,), bool.

    Source: Coleman and Verma (1998), section 3: minimum nonzero count ordering.

    >>> shortest_first(SparsityPattern.from_dense([[1, 1, 1], [0, 1, 0], [1, 0, 0]])).tolist()
    [False, False, True, True, True]
    """
    n, graph = pattern.shape[1], both_sides_graph(pattern)
    counts = graph.degrees.astype(np.int32)
    heads = [np.full(int(side.max(initial=0)) + 1, -1, np.int32) for side in (counts[:n], counts[n:])]
    links = [np.full(graph.size, -1, np.int32) for _ in range(2)]
    by_column = np.zeros(pattern.nnz, np.int32)
    inputs = (graph.ptr, graph.nets, graph.edges, n, float(row_weight), counts, *heads, *links)
    run(shortest_loop, inputs, (by_column,), steps=8 * pattern.nnz + 4 * graph.size)
    return by_column.astype(bool)


def shortest_loop(ptr, neighbors, edges, n, weight, counts, col_head, row_head, after, before, by_column):
    """Columns are vertices below n, rows those from n on; `tall` and `wide` are the bounds reached so far."""
    for i in range(len(counts)):
        v = len(counts) - 1 - i
        push(col_head if v < n else row_head, after, before, counts[v], v)
    tall = wide = 0
    short_col, short_row = occupied_from(col_head, 0), occupied_from(row_head, 0)
    while short_col < len(col_head) and short_row < len(row_head):
        if max(wide, short_row) + weight * tall <= wide + weight * max(tall, short_col):
            wide = max(wide, short_row)
            take(ptr, neighbors, edges, counts, row_head, col_head, after, before, short_row, 1, by_column)
        else:
            tall = max(tall, short_col)
            take(ptr, neighbors, edges, counts, col_head, row_head, after, before, short_col, 0, by_column)
        short_col = occupied_from(col_head, max(short_col - 1, 0))
        short_row = occupied_from(row_head, max(short_row - 1, 0))


def occupied_from(head, level):
    """First bucket at or above `level` that holds something, or the number of buckets."""
    while level < len(head) and head[level] < 0:
        level += 1
    return level


def take(ptr, neighbors, edges, counts, head, other_head, after, before, level, mark, by_column):
    """Remove the first vertex of a bucket with its remaining entries, and mark those."""
    v = head[level]
    pop(head, after, before, level, v)
    counts[v] = -1
    for k in range(ptr[v], ptr[v + 1]):
        w = neighbors[k]
        if counts[w] >= 0:
            by_column[edges[k]] = mark
            pop(other_head, after, before, counts[w], w)
            counts[w] -= 1
            push(other_head, after, before, counts[w], w)


def without_hubs(graph: Graph) -> tuple[Graph, np.ndarray]:
    """Take vertices of very high degree out of an adjacency graph, to give them colors of their own.

    That is valid for star and acyclic coloring, whose forbidden paths and cycles hold each color twice, and
    keeps their time linear.

    Args:
        graph: adjacency graph, n vertices.

    Returns:
        The graph without the hubs' edges, and the hubs, highest degree first.
    """
    hubs = hubs_of(graph)
    return (without_vertices(graph, hubs) if hubs.size else graph), hubs


def with_hubs(colors: np.ndarray, hubs: np.ndarray) -> np.ndarray:
    """Colors of the rest, shape (n,), with a new color for each hub.

    >>> with_hubs(np.array([1, 1, 2]), np.array([0])).tolist()
    [3, 1, 2]
    """
    colors = colors.copy()
    colors[hubs] = 0
    colors[hubs] = colors.max(initial=0) + 1 + np.arange(hubs.size)
    return colors


def hubs_of(graph: Graph) -> np.ndarray:
    """The vertices whose squared degree outweighs the rest of the work, highest degree first."""
    hubs = np.flatnonzero(graph.degrees > WIDE * np.sqrt(graph.nets.size + 256))
    return hubs[np.argsort(-graph.degrees[hubs], kind="stable")][:MOST_HUBS]


def without_vertices(graph: Graph, gone: np.ndarray) -> Graph:
    """The adjacency graph without the edges of some vertices; vertices and edges keep their numbers."""
    stays = np.ones(graph.size, bool)
    stays[gone] = False
    kept = stays[graph.nets] & np.repeat(stays, graph.degrees)
    return neighbors_as_nets(running(kept)[graph.ptr], graph.nets[kept], graph.edges[kept])
