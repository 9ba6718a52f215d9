"""Color a graph with stars: three or more colors on every path of four vertices.

Any two color classes then induce stars: a hub and its leaves. The leaf's row holds the hub's color once,
so the entry (leaf, hub) stands by itself in the compressed matrix.
"""

from __future__ import annotations

import numpy as np

from lagrad.coloring.compiled import run
from lagrad.coloring.graph import Graph


def star(graph: Graph, order: np.ndarray) -> np.ndarray:
    """Star coloring that keeps the two-colored stars while it goes.

    Args:
        graph: adjacency graph, n vertices.
        order: permutation of the vertices, shape (n,).

    Returns:
        Colors from 1, shape (n,), int32.

    Source: Gebremedhin, Tarafdar, Manne, Pothen (2007), algorithm 4.1.

    >>> from lagrad.coloring.graph import adjacency_graph
    >>> from lagrad.pattern import SparsityPattern
    >>> arrow = SparsityPattern.from_triplets([0, 0, 0, 1, 2, 3], [1, 2, 3, 0, 0, 0], (4, 4))
    >>> star(adjacency_graph(arrow), np.arange(4)).tolist()
    [1, 2, 2, 2]
    """
    size, edges = graph.size, graph.num_edges
    colors = np.zeros(size, np.int32)
    scratch = [np.full(size + 2, -1, np.int32) for _ in range(4)]
    star_of, hub = np.zeros(edges, np.int32), np.full(edges, -1, np.int32)
    inputs = (graph.ptr, graph.nets, graph.edges, order.astype(np.int32), *scratch, star_of, hub)
    run(star_loop, inputs, (colors,), steps=2 * graph.wide_steps)
    return colors


def star_loop(ptr, neighbors, edges, order, forbidden, seen_by, seen_at, treated, star_of, hub, colors):
    """`seen_at[c]`: where v's first neighbor of color c stands in its list, valid if `seen_by[c]` is v."""
    stars = 0
    for v in order:
        for k in range(ptr[v], ptr[v + 1]):
            w = neighbors[k]
            c = colors[w]
            if c == 0:
                continue
            forbidden[c] = v
            if seen_by[c] != v:
                seen_by[c], seen_at[c] = v, k
                forbid_hubs(ptr, neighbors, edges, star_of, hub, colors, forbidden, v, w)
                continue
            # v would be the hub of two neighbors of one color: neither may have a second neighbor of v's.
            first = neighbors[seen_at[c]]
            if treated[first] != v:
                forbid_neighbors(ptr, neighbors, colors, forbidden, treated, v, first)
            forbid_neighbors(ptr, neighbors, colors, forbidden, treated, v, w)
        c = 1
        while forbidden[c] == v:
            c += 1
        colors[v] = c
        stars = join_stars(ptr, neighbors, edges, star_of, hub, colors, seen_at, v, stars)


def forbid_neighbors(ptr, neighbors, colors, forbidden, treated, v, w):
    """Forbid v the colors of all neighbors of w."""
    treated[w] = v
    for k in range(ptr[w], ptr[w + 1]):
        forbidden[colors[neighbors[k]]] = v


def forbid_hubs(ptr, neighbors, edges, star_of, hub, colors, forbidden, v, w):
    """Forbid v the colors of the hubs of stars in which w is a leaf: v-w-hub-leaf would have two colors."""
    for k in range(ptr[w], ptr[w + 1]):
        x = neighbors[k]
        if colors[x] != 0 and hub[star_of[edges[k]]] == x:
            forbidden[colors[x]] = v


def join_stars(ptr, neighbors, edges, star_of, hub, colors, seen_at, v, stars):
    """Put each edge from v into the star it completes, or into a new one; the number of stars so far."""
    for k in range(ptr[v], ptr[v + 1]):
        w = neighbors[k]
        if colors[w] == 0:
            continue
        partner = same_color_neighbor(ptr, neighbors, colors, v, w)
        first = seen_at[colors[w]]
        if partner >= 0:
            star_of[edges[k]] = star_of[edges[partner]]
            hub[star_of[edges[k]]] = w
        elif first != k:
            star_of[edges[k]] = star_of[edges[first]]
            hub[star_of[edges[k]]] = v
        else:
            star_of[edges[k]] = stars
            stars += 1
    return stars


def same_color_neighbor(ptr, neighbors, colors, v, w):
    """Where in w's list another vertex of v's color stands, or -1."""
    for k in range(ptr[w], ptr[w + 1]):
        if neighbors[k] != v and colors[neighbors[k]] == colors[v]:
            return k
    return -1


def star_by_low_centers(graph: Graph, order: np.ndarray) -> np.ndarray:
    """Star coloring in which the middle of every two-colored path has the lower color.

    Simpler and stricter than `star`; now and then it needs fewer colors all the same.

    Args:
        graph: adjacency graph, n vertices.
        order: permutation of the vertices, shape (n,).

    Returns:
        Colors from 1, shape (n,), int32.

    Source: Gebremedhin, Manne, Pothen (2005), algorithm 4.1.

    >>> from lagrad.coloring.graph import adjacency_graph
    >>> from lagrad.pattern import SparsityPattern
    >>> path = SparsityPattern.from_triplets([0, 1, 1, 2], [1, 0, 2, 1], (3, 3))
    >>> star_by_low_centers(adjacency_graph(path), np.array([1, 0, 2])).tolist()
    [2, 1, 2]
    """
    colors = np.zeros(graph.size, np.int32)
    forbidden = np.full(graph.size + 2, -1, np.int32)
    inputs = (graph.ptr, graph.nets, order.astype(np.int32), forbidden)
    run(low_center_loop, inputs, (colors,), steps=graph.wide_steps)
    return colors


def low_center_loop(ptr, neighbors, order, forbidden, colors):
    """Forbid v the color of x behind w unless w is colored, and lower than x."""
    for v in order:
        for k in range(ptr[v], ptr[v + 1]):
            w = neighbors[k]
            forbidden[colors[w]] = v
            for m in range(ptr[w], ptr[w + 1]):
                c = colors[neighbors[m]]
                if colors[w] == 0 or c < colors[w]:
                    forbidden[c] = v
        c = 1
        while forbidden[c] == v:
            c += 1
        colors[v] = c
