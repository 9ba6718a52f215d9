"""Laws of distance-2 coloring."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

import lagrad.coloring.columns as columns
from lagrad.coloring.coloring import Coloring
from lagrad.coloring.columns import distance_two
from lagrad.coloring.graph import column_graph, row_graph
from lagrad.coloring.orders import ORDERS
from lagrad.pattern import SparsityPattern
from tests.coloring.check import is_valid
from tests.coloring.strategies import patterns


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
@given(pattern=patterns())
@settings(max_examples=25, deadline=None)
def test_no_row_holds_a_color_twice(order, pattern):
    """In every order; and rows color as the columns of the transposed pattern do."""
    graph = column_graph(pattern)
    colors = distance_two(graph, order(graph))
    assert is_valid(Coloring("columns", pattern, colors, np.zeros(pattern.shape[0], np.int32)))
    rows = row_graph(pattern.T)
    assert np.array_equal(distance_two(rows, order(rows)), colors)


@given(pattern=patterns(largest=9))
@settings(max_examples=60, deadline=None)
def test_wide_rows_change_no_color(pattern):
    """Bits for wide rows give exactly the colors that looking at their members gives."""
    graph, order = column_graph(pattern), np.arange(pattern.shape[1])
    narrow = distance_two(graph, order)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "WIDE", 0)
        assert columns.wide_nets(graph).size == np.count_nonzero(graph.net_sizes)
        assert np.array_equal(distance_two(graph, order), narrow)


def test_dense_rows_take_linear_time():
    """Three dense rows over 200 000 columns: looking at all pairs would take a minute."""
    n = 200_000
    rows = np.concatenate([np.arange(n) % 1000 + 3, *(np.full(n, i) for i in range(3))])
    pattern = SparsityPattern.from_triplets(rows, np.tile(np.arange(n), 4), (1003, n))
    graph = column_graph(pattern)
    assert distance_two(graph, np.arange(n)[::-1]).max() == n
