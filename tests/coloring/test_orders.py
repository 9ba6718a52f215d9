"""Laws of orders: permutations, with the extreme vertex where its name says."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from scipy.sparse.csgraph import reverse_cuthill_mckee

from lagrad.coloring.columns import distance_two
from lagrad.coloring.graph import Graph, adjacency_graph, column_graph
from lagrad.coloring.orders import ORDERS, breadth_first, neighbor_counts, random
from lagrad.pattern import SparsityPattern
from tests.coloring.matrices import band, permuted_band
from tests.coloring.strategies import patterns, symmetric_patterns


def neighbors(graph: Graph) -> list[set[int]]:
    """Vertices two hops away from each, by sets."""
    nets = [
        set(graph.members[a:b].tolist())
        for a, b in zip(graph.members_ptr, graph.members_ptr[1:], strict=False)
    ]
    reached = [graph.nets[a:b].tolist() for a, b in zip(graph.ptr, graph.ptr[1:], strict=False)]
    return [set().union(*(nets[i] for i in at)) - {v} for v, at in enumerate(reached)]


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
@given(pattern=patterns())
@settings(max_examples=25, deadline=None)
def test_an_order_is_a_permutation(order, pattern):
    """Every vertex comes once, whatever the shape."""
    assert sorted(order(column_graph(pattern)).tolist()) == list(range(pattern.shape[1]))


@given(pattern=patterns())
@settings(max_examples=25, deadline=None)
def test_neighbors_are_counted_once(pattern):
    """Columns that share several rows are one neighbor."""
    graph = column_graph(pattern)
    assert neighbor_counts(graph).tolist() == [len(found) for found in neighbors(graph)]


RULES = {
    "smallest-last": (lambda placed, left: -len(left), True),
    "incidence-degree": (lambda placed, left: len(placed), False),
    "dynamic-largest-first": (lambda placed, left: len(left), False),
    "largest-first": (lambda placed, left: len(placed) + len(left), False),
}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("build", [column_graph, adjacency_graph])
@given(pattern=symmetric_patterns())
@settings(max_examples=25, deadline=None)
def test_each_vertex_is_extreme_when_it_is_placed(name, build, pattern):
    """Replayed by sets: no other vertex left has a better claim to the next place."""
    graph = build(pattern)
    claim, backward = RULES[name]
    around, left, placed = neighbors(graph), set(range(graph.size)), set()
    order = ORDERS[name](graph).tolist()
    for v in reversed(order) if backward else order:
        claims = {w: claim(around[w] & placed, around[w] & left) for w in left}
        assert claims[v] == max(claims.values())
        left.remove(v)
        placed.add(v)


def test_random_repeats_for_a_seed():
    """The seed decides, nothing else."""
    graph = column_graph(band(50, 2))
    assert np.array_equal(random(3)(graph), random(3)(graph))
    assert not np.array_equal(random(3)(graph), random(4)(graph))


def bandwidth(matrix: sp.csr_array, order: np.ndarray) -> int:
    """Largest distance of two neighbors, by their places."""
    places = np.argsort(order)
    rows, columns = matrix.nonzero()
    return int(np.abs(places[rows] - places[columns]).max(initial=0))


@pytest.mark.parametrize("size", [1, 40, 3000, 30_000])
@pytest.mark.parametrize("width", [1, 4])
def test_breadth_first_narrows_as_scipy_does(size, width):
    """Bands in pieces, shuffled, and single vertices beside them; interpreted and compiled."""
    shuffled = np.random.default_rng(0).permutation(size)
    pairs = np.hstack([np.stack([shuffled[:-k], shuffled[k:]]) for k in range(1, width + 1)])
    rows, columns = pairs[:, np.arange(pairs.shape[1]) % 10 != 0]
    half = sp.csr_array((np.ones(rows.size), (rows, columns)), shape=(size + 5, size + 5))
    pattern = SparsityPattern.from_scipy(half + half.T)
    order, matrix = breadth_first(adjacency_graph(pattern)), pattern.to_scipy()
    assert sorted(order.tolist()) == list(range(size + 5))
    # Equals come in another order.
    narrow = bandwidth(matrix, reverse_cuthill_mckee(matrix, symmetric_mode=True))
    assert bandwidth(matrix, order) <= 1.2 * narrow


def test_breadth_first_unshuffles_a_band():
    """Colored in this order a shuffled band takes as few colors as a straight one."""
    graph = column_graph(permuted_band(500, 5))
    assert distance_two(graph, breadth_first(graph)).max() == 11
    assert distance_two(graph, ORDERS["natural"](graph)).max() > 11
