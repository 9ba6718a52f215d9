"""Color a column or row graph so that all members of one net differ (distance 2)."""

from __future__ import annotations

import numpy as np

from lagrad.coloring.compiled import run
from lagrad.coloring.graph import Graph, running

# Nets this much wider than the square root of the number of entries would make the sweep quadratic.
WIDE = 4
# One bit each in a signed 64-bit integer.
MOST_WIDE_NETS = 62


def distance_two(graph: Graph, order: np.ndarray) -> np.ndarray:
    """Color greedily so that no net holds a color twice.

    Time is linear in the entries times the size of an ordinary net; a few nets may be of any size.

    Args:
        graph: column graph or row graph, n vertices.
        order: permutation of the vertices, shape (n,).

    Returns:
        Colors from 1, shape (n,), int32; 0 for vertices without a net.

    Source: Gebremedhin, Manne, Pothen (2005), algorithm 3.1 (partial distance-2 coloring).

    >>> from lagrad.coloring.graph import column_graph
    >>> from lagrad.pattern import SparsityPattern
    >>> graph = column_graph(SparsityPattern.from_dense([[1, 1, 0], [0, 1, 1]]))
    >>> distance_two(graph, np.arange(3)).tolist()
    [1, 2, 1]
    """
    wide = wide_nets(graph)
    narrow = drop_nets(graph, wide)
    masks, widest = wide_memberships(graph, wide)
    colors = np.zeros(graph.size, np.int32)
    forbidden = np.full(graph.size + 2, -1, np.int32)
    used, lowest = np.zeros(graph.size + 2, np.int64), np.ones(wide.size + 1, np.int32)
    inputs = (*narrow.hops, order.astype(np.int32), masks, widest, forbidden, used, lowest)
    run(greedy_loop, inputs, (colors,), steps=narrow.steps)
    return colors


def greedy_loop(ptr, nets, members_ptr, members, order, masks, widest, forbidden, used, lowest, colors):
    """Smallest free color for each vertex; `used[c]` has a bit for each wide net that holds color c."""
    for v in order:
        mask = masks[v]
        if ptr[v] == ptr[v + 1] and mask == 0:
            continue
        for k in range(ptr[v], ptr[v + 1]):
            for m in range(members_ptr[nets[k]], members_ptr[nets[k] + 1]):
                forbidden[colors[members[m]]] = v
        c = lowest_free(used, lowest, widest[v])
        while forbidden[c] == v or used[c] & mask != 0:
            c += 1
        colors[v] = c
        used[c] |= mask


def lowest_free(used, lowest, net):
    """First color that a wide net does not hold yet; each net only ever moves up."""
    if net < 0:
        return 1
    while (used[lowest[net]] >> net) & 1:
        lowest[net] += 1
    return lowest[net]


def wide_nets(graph: Graph) -> np.ndarray:
    """The widest nets whose square outweighs the rest of the work, widest first."""
    sizes = graph.net_sizes
    wide = np.flatnonzero(sizes > WIDE * np.sqrt(graph.nets.size + 256))
    return wide[np.argsort(-sizes[wide], kind="stable")][:MOST_WIDE_NETS]


def drop_nets(graph: Graph, gone: np.ndarray) -> Graph:
    """The same vertices without some of their nets; the emptied nets keep their numbers."""
    if gone.size == 0:
        return graph
    keep = np.ones(graph.net_sizes.size, bool)
    keep[gone] = False
    stays, kept = keep[graph.nets], np.repeat(keep, graph.net_sizes)
    ptr, members_ptr = running(stays)[graph.ptr], running(kept)[graph.members_ptr]
    return Graph(ptr, graph.nets[stays], members_ptr, graph.members[kept])


def wide_memberships(graph: Graph, wide: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each vertex, one bit for each wide net it lies in, and the widest of them or -1."""
    masks, widest = np.zeros(graph.size, np.int64), np.full(graph.size, -1, np.int32)
    for number in range(wide.size)[::-1]:
        members = graph.members[graph.members_ptr[wide[number]] : graph.members_ptr[wide[number] + 1]]
        masks[members] |= np.int64(1) << number
        widest[members] = number
    return masks, widest
