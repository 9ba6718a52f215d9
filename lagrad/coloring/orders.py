"""Order the vertices of a graph for greedy coloring.

An order is a function of a graph. Greedy coloring is only as good as its order: a factor of 20 has been seen.

    natural             as numbered
    random(seed)        shuffled
    breadth_first       from an outlying vertex to its neighbors, to theirs, and so on; narrows a band
    largest_first       many neighbors first
    smallest_last       the vertex with fewest neighbors among those left goes last, again and again
    incidence_degree    next the one with most neighbors already placed
    dynamic_largest_first   next the one with most neighbors not yet placed
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp

from lagrad.coloring.compiled import run
from lagrad.coloring.graph import Graph

Order = Callable[[Graph], np.ndarray]


def natural(graph: Graph) -> np.ndarray:
    """Vertices as numbered.

    Args:
        graph: any graph, n vertices.

    Returns:
        Permutation of 0 to n - 1, shape (n,), int32; so for every order.
    """
    return np.arange(graph.size, dtype=np.int32)


def random(seed: int = 0) -> Order:
    """An order that shuffles the vertices, the same way for the same seed."""

    def shuffled(graph: Graph) -> np.ndarray:
        return np.random.default_rng(seed).permutation(graph.size).astype(np.int32)

    return shuffled


def breadth_first(graph: Graph) -> np.ndarray:
    """Neighbors of placed vertices next, those with few neighbors first: a shuffled band becomes one again.

    Source: Cuthill and McKee (1969). SciPy has it, too, in a module that takes 0.1 s to be imported.
    """
    size, ptr, ids = graph.size, graph.ptr, graph.nets
    if ids.size == 0:
        return natural(graph)
    if graph.edges.size == 0:
        ptr = np.concatenate([ptr, ids.size + graph.members_ptr[1:]])
        ids = np.concatenate([ids + size, graph.members])
    by_degree = np.argsort(np.diff(ptr), kind="stable").astype(np.int32)
    matrix = sp.csr_array((np.ones(ids.size, np.int8), ids, ptr), shape=(ptr.size - 1, ptr.size - 1))
    # Transposed, each row lists its entries in the order of the rows that they were in.
    places = sp.csr_array(matrix[by_degree].T)
    neighbors, seen = by_degree[places.indices], np.zeros(ptr.size - 1, np.int32)
    order = np.full(ptr.size - 1, -1, np.int32)
    given = (places.indptr.astype(np.int32), neighbors, by_degree, seen)
    run(breadth_loop, given, (order,), steps=ids.size + ptr.size)
    return order[order < size]


def breadth_loop(ptr, neighbors, starts, seen, order):
    """Breadth-first search from each start that was not seen; neighbors come as they are listed."""
    count, at = 0, 0
    for start in starts:
        if seen[start] == 0:
            seen[start] = 1
            order[count] = start
            count += 1
        while at < count:
            v = order[at]
            at += 1
            for k in range(ptr[v], ptr[v + 1]):
                w = neighbors[k]
                if seen[w] == 0:
                    seen[w] = 1
                    order[count] = w
                    count += 1


def largest_first(graph: Graph) -> np.ndarray:
    """Vertices with many neighbors first, equals as numbered.

    Source: Welsh and Powell (1967).
    """
    return np.argsort(-neighbor_counts(graph), kind="stable").astype(np.int32)


def smallest_last(graph: Graph) -> np.ndarray:
    """Repeatedly the vertex with fewest neighbors among those left, last to first.

    Source: Matula and Beck (1983).
    """
    return by_changing_degree(graph, neighbor_counts(graph), gain=-1, smallest=1)[::-1].copy()


def incidence_degree(graph: Graph) -> np.ndarray:
    """Repeatedly the vertex with most neighbors already placed.

    Source: Coleman and Moré (1983).
    """
    return by_changing_degree(graph, np.zeros(graph.size, np.int32), gain=1, smallest=0)


def dynamic_largest_first(graph: Graph) -> np.ndarray:
    """Repeatedly the vertex with most neighbors not yet placed.

    Source: Gebremedhin, Nguyen, Patwary, Pothen (2013), section 3.
    """
    return by_changing_degree(graph, neighbor_counts(graph), gain=-1, smallest=0)


ORDERS: dict[str, Order] = {
    "natural": natural,
    "breadth-first": breadth_first,
    "largest-first": largest_first,
    "smallest-last": smallest_last,
    "incidence-degree": incidence_degree,
    "dynamic-largest-first": dynamic_largest_first,
    "random": random(0),
}


def neighbor_counts(graph: Graph) -> np.ndarray:
    """Number of neighbors of each vertex, shape (size,), int32."""
    if graph.edges.size > 0:
        return graph.degrees
    counts = np.zeros(graph.size, np.int32)
    stamp = np.full(graph.size, -1, np.int32)
    run(count_loop, (*graph.hops, stamp), (counts,), steps=graph.steps)
    return counts


def count_loop(ptr, nets, members_ptr, members, stamp, counts):
    """Count distinct vertices two hops away; `stamp` holds the vertex that saw each one last."""
    for v in range(len(counts)):
        stamp[v] = v
        for k in range(ptr[v], ptr[v + 1]):
            for m in range(members_ptr[nets[k]], members_ptr[nets[k] + 1]):
                w = members[m]
                if stamp[w] != v:
                    stamp[w] = v
                    counts[v] += 1


def by_changing_degree(graph: Graph, keys: np.ndarray, *, gain: int, smallest: int) -> np.ndarray:
    """Take the vertex with the largest (or smallest) key, change its neighbors' keys by `gain`, and so on."""
    size = graph.size
    keys = keys.astype(np.int32).copy()
    buckets = int(keys.max(initial=0)) + 2 if gain < 0 else size + 1
    links = [np.full(length, -1, np.int32) for length in (buckets, size, size, size)]
    order = np.full(size, -1, np.int32)
    run(degree_loop, (*graph.hops, gain, smallest, keys, *links), (order,), steps=3 * graph.steps)
    return order


def degree_loop(ptr, nets, members_ptr, members, gain, smallest, keys, head, after, before, stamp, order):
    """Bucket queue in doubly linked lists: `head` of each key, `after` and `before` of each vertex."""
    size, level = len(order), 0
    for i in range(size):
        v = size - 1 - i
        push(head, after, before, keys[v], v)
        level = max(level, keys[v])
    if smallest:
        level = 0
    for place in range(size):
        while head[level] < 0:
            level += 1 if smallest else -1
        v = head[level]
        pop(head, after, before, level, v)
        order[place] = v
        keys[v], stamp[v] = -1, v
        for k in range(ptr[v], ptr[v + 1]):
            for m in range(members_ptr[nets[k]], members_ptr[nets[k] + 1]):
                w = members[m]
                if keys[w] >= 0 and stamp[w] != v:
                    stamp[w] = v
                    pop(head, after, before, keys[w], w)
                    keys[w] += gain
                    push(head, after, before, keys[w], w)
        # A key moved by one, so the best bucket is at most one step away in its direction.
        level = max(level - 1, 0) if smallest else min(level + 1, len(head) - 1)


def push(head, after, before, key, v):
    """Put v at the front of its bucket."""
    first = head[key]
    after[v], before[v] = first, -1
    if first >= 0:
        before[first] = v
    head[key] = v


def pop(head, after, before, key, v):
    """Take v out of its bucket."""
    if before[v] >= 0:
        after[before[v]] = after[v]
    else:
        head[key] = after[v]
    if after[v] >= 0:
        before[after[v]] = before[v]
