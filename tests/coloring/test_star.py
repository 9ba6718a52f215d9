"""Laws of star coloring."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from lagrad.coloring.coloring import Coloring
from lagrad.coloring.graph import adjacency_graph
from lagrad.coloring.orders import ORDERS
from lagrad.coloring.star import star, star_by_low_centers
from tests.coloring.check import fewest_colors_by_search, is_readable, is_star_coloring
from tests.coloring.matrices import band, box_grid
from tests.coloring.strategies import symmetric_patterns

ALGORITHMS = {"star": star, "low centers": star_by_low_centers}


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=ALGORITHMS)
@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
@given(pattern=symmetric_patterns(largest=9))
@settings(max_examples=25, deadline=None)
def test_every_path_on_four_vertices_has_three_colors(algorithm, order, pattern):
    """The definition, path by path, and its meaning: each entry or its mirror image stands alone."""
    graph = adjacency_graph(pattern)
    colors = algorithm(graph, order(graph))
    assert is_star_coloring(pattern, colors)
    assert is_readable(Coloring("star", pattern, colors, np.zeros(colors.size, np.int32)))


@given(pattern=symmetric_patterns(largest=6))
@settings(max_examples=25, deadline=None)
def test_no_order_beats_the_optimum(pattern):
    """Greedy colorings never fall below what a search over all colorings finds."""
    best = fewest_colors_by_search(pattern, lambda colors: is_star_coloring(pattern, colors))
    graph = adjacency_graph(pattern)
    assert star(graph, ORDERS["natural"](graph)).max(initial=0) >= best


def test_each_algorithm_wins_somewhere():
    """Stars kept explicitly do better on a 27-point grid in random order, low centers on a 9-point grid."""
    plane, space = adjacency_graph(box_grid(30, 30)), adjacency_graph(box_grid(9, 9, 9))
    natural, shuffled = ORDERS["natural"](plane), ORDERS["random"](space)
    assert star_by_low_centers(plane, natural).max() == 9 < star(plane, natural).max()
    assert star(space, shuffled).max() < star_by_low_centers(space, shuffled).max()


def test_a_band_takes_as_many_as_it_is_wide():
    """In natural order the greedy coloring of a band is periodic."""
    graph = adjacency_graph(band(100, 5))
    assert star(graph, ORDERS["natural"](graph)).max() == 11
