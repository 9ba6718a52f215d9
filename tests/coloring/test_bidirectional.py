"""Laws of bidirectional coloring from the graph of both sides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from lagrad.coloring.acyclic import acyclic
from lagrad.coloring.bidirectional import bicolored
from lagrad.coloring.graph import both_sides_graph
from lagrad.coloring.orders import ORDERS
from lagrad.coloring.star import star, star_by_low_centers
from lagrad.pattern import SparsityPattern
from tests.coloring.check import determines, is_valid
from tests.coloring.strategies import patterns

WAYS = {
    "star": (star, "bidirectional-star"),
    "low centers": (star_by_low_centers, "bidirectional-star"),
    "acyclic": (acyclic, "bidirectional-acyclic"),
}


@pytest.mark.parametrize("algorithm, kind", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("order", ["natural", "smallest-last", "random"])
@given(pattern=patterns())
@settings(max_examples=30, deadline=None)
def test_both_sides_of_one_graph_read_every_entry(algorithm, kind, order, pattern):
    """A star or acyclic coloring of columns and rows together, its unused colors dropped, is valid."""
    graph = both_sides_graph(pattern)
    coloring = bicolored(pattern, algorithm(graph, ORDERS[order](graph)), kind)
    assert is_valid(coloring)
    assert determines(coloring)


@given(pattern=patterns())
@settings(max_examples=30, deadline=None)
def test_the_graph_of_both_sides_is_the_matrix_beside_its_transpose(pattern):
    """Its adjacency matrix is [[0, J'], [J, 0]], and each entry is one edge seen from both ends."""
    graph, (m, n) = both_sides_graph(pattern), pattern.shape
    found = np.zeros((m + n, m + n), int)
    ends = np.repeat(np.arange(m + n), graph.degrees)
    found[ends, graph.nets] = graph.edges + 1
    assert np.array_equal(found, found.T)
    entries = pattern.to_scipy(np.arange(pattern.nnz) + 1.0).toarray()
    assert np.array_equal(found[n:, :n], entries)
    assert not found[:n, :n].any() and not found[n:, n:].any()


def test_one_dense_row_is_one_product():
    """A single full row is read from one row seed, a single full column from one column seed."""
    wide = SparsityPattern.from_dense(np.ones((1, 6)))
    graph = both_sides_graph(wide)
    coloring = bicolored(wide, star(graph, ORDERS["natural"](graph)), "bidirectional-star")
    assert (coloring.num_column_colors, coloring.num_row_colors) == (0, 1)
