"""Color a graph acyclically: three or more colors on every cycle.

Any two color classes then induce trees. A tree's leaf has a single entry toward the other color; read it,
subtract it, and the next leaf is free. Fewer colors than star coloring, at the price of substitution.
"""

from __future__ import annotations

import numpy as np

from lagrad.coloring.compiled import run
from lagrad.coloring.graph import Graph


def acyclic(graph: Graph, order: np.ndarray) -> np.ndarray:
    """Acyclic coloring that keeps the two-colored trees while it goes.

    Args:
        graph: adjacency graph, n vertices.
        order: permutation of the vertices, shape (n,).

    Returns:
        Colors from 1, shape (n,), int32.

    Source: Gebremedhin, Tarafdar, Manne, Pothen (2007), algorithm 3.1.

    >>> from lagrad.coloring.graph import adjacency_graph
    >>> from lagrad.pattern import SparsityPattern
    >>> path = SparsityPattern.from_triplets([0, 1, 1, 2, 2, 3], [1, 0, 2, 1, 3, 2], (4, 4))
    >>> acyclic(adjacency_graph(path), np.arange(4)).tolist()
    [1, 2, 1, 2]
    """
    size, edges = graph.size, graph.num_edges
    colors = np.zeros(size, np.int32)
    forbidden, seen_by, seen_at = (np.full(size + 2, -1, np.int32) for _ in range(3))
    trees = np.arange(edges, dtype=np.int32)
    tree_by, tree_at = (np.full(edges, -1, np.int32) for _ in range(2))
    inputs = (graph.ptr, graph.nets, graph.edges, order.astype(np.int32), forbidden, seen_by, seen_at)
    run(acyclic_loop, (*inputs, trees, tree_by, tree_at), (colors,), steps=3 * graph.wide_steps)
    return colors


def acyclic_loop(ptr, neighbors, edges, order, forbidden, seen_by, seen_at, trees, tree_by, tree_at, colors):
    """`tree_at[t]`: through which neighbor v first met tree t, valid if `tree_by[t]` is v."""
    for v in order:
        for k in range(ptr[v], ptr[v + 1]):
            forbidden[colors[neighbors[k]]] = v
        for k in range(ptr[v], ptr[v + 1]):
            w = neighbors[k]
            if colors[w] != 0:
                forbid_cycles(ptr, neighbors, edges, trees, tree_by, tree_at, colors, forbidden, v, w)
        c = 1
        while forbidden[c] == v:
            c += 1
        colors[v] = c
        join_trees(ptr, neighbors, edges, trees, seen_by, seen_at, colors, v)


def forbid_cycles(ptr, neighbors, edges, trees, tree_by, tree_at, colors, forbidden, v, w):
    """Forbid v the colors behind w whose tree also reaches v through another neighbor."""
    for k in range(ptr[w], ptr[w + 1]):
        c = colors[neighbors[k]]
        if c == 0 or forbidden[c] == v:
            continue
        tree = root(trees, edges[k])
        if tree_by[tree] != v:
            tree_by[tree], tree_at[tree] = v, w
        elif tree_at[tree] != w:
            forbidden[c] = v


def join_trees(ptr, neighbors, edges, trees, seen_by, seen_at, colors, v):
    """Join each edge from v with those of its two colors at v, and with those at its other end."""
    for k in range(ptr[v], ptr[v + 1]):
        w = neighbors[k]
        c = colors[w]
        if c == 0:
            continue
        if seen_by[c] == v:
            unite(trees, edges[k], edges[seen_at[c]])
        seen_by[c], seen_at[c] = v, k
        for m in range(ptr[w], ptr[w + 1]):
            if neighbors[m] != v and colors[neighbors[m]] == colors[v]:
                unite(trees, edges[k], edges[m])


def root(trees, edge):
    """Representative of the edge's tree; each visit halves the path to it."""
    while trees[edge] != edge:
        trees[edge] = trees[trees[edge]]
        edge = trees[edge]
    return edge


def unite(trees, one, other):
    """Make one tree of the trees of two edges; the lower number represents it."""
    one, other = root(trees, one), root(trees, other)
    if one < other:
        trees[other] = one
    else:
        trees[one] = other
