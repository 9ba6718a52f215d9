"""Laws of acyclic coloring."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from lagrad.coloring.acyclic import acyclic
from lagrad.coloring.coloring import Coloring
from lagrad.coloring.graph import adjacency_graph
from lagrad.coloring.orders import ORDERS
from lagrad.coloring.portfolio import fewest_colors
from tests.coloring.check import fewest_colors_by_search, is_acyclic_coloring, is_solvable
from tests.coloring.matrices import band
from tests.coloring.strategies import symmetric_patterns


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
@given(pattern=symmetric_patterns(largest=9))
@settings(max_examples=25, deadline=None)
def test_every_two_colors_induce_a_forest(order, pattern):
    """The definition, pair by pair, and its meaning: the entries can be found one after the other."""
    graph = adjacency_graph(pattern)
    colors = acyclic(graph, order(graph))
    assert is_acyclic_coloring(pattern, colors)
    assert is_solvable(Coloring("acyclic", pattern, colors, np.zeros(colors.size, np.int32)))


@given(pattern=symmetric_patterns(largest=6))
@settings(max_examples=40, deadline=None)
def test_the_optimum_lies_between_bound_and_greedy(pattern):
    """The edge count gives a lower bound, the greedy coloring an upper one."""
    graph = adjacency_graph(pattern)
    best = fewest_colors_by_search(pattern, lambda colors: is_acyclic_coloring(pattern, colors))
    assert fewest_colors(graph) <= max(best, 1)
    assert acyclic(graph, ORDERS["natural"](graph)).max(initial=0) >= best


@pytest.mark.parametrize("width", [1, 5, 10])
def test_a_band_takes_half_as_many_as_a_star_coloring(width):
    """w + 1 colors for a band of half-width w: the bound by edges shows that no fewer will do."""
    graph = adjacency_graph(band(200, width))
    assert acyclic(graph, ORDERS["natural"](graph)).max() == width + 1 == fewest_colors(graph)
