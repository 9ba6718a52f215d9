"""Laws of neutral colors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings

from lagrad.coloring.coloring import Coloring
from lagrad.coloring.graph import adjacency_graph
from lagrad.coloring.neutral import without_unused
from lagrad.coloring.orders import natural
from lagrad.coloring.star import star
from lagrad.pattern import SparsityPattern
from tests.coloring.check import is_valid
from tests.coloring.strategies import patterns, symmetric_patterns


@given(pattern=symmetric_patterns(largest=9))
@settings(max_examples=60, deadline=None)
def test_nothing_needed_is_dropped(pattern):
    """The coloring stays valid, has no more colors than before, and none of them can be dropped in turn."""
    graph = adjacency_graph(pattern)
    zero = np.zeros(graph.size, np.int32)
    before = Coloring("star", pattern, star(graph, natural(graph)), zero)
    after = without_unused(before)
    assert is_valid(after)
    assert after.num_colors <= before.num_colors
    assert np.array_equal(without_unused(after).colors, after.colors)


@given(pattern=patterns())
@settings(max_examples=60, deadline=None)
def test_no_product_is_left_to_spare(pattern):
    """From all columns and all rows, each in a product of its own, only such stay as nothing can replace."""
    m, n = pattern.shape
    everything = Coloring(
        "bidirectional-star",
        pattern,
        np.arange(1, n + 1, dtype=np.int32),
        np.arange(1, m + 1, dtype=np.int32),
    )
    fewer = without_unused(everything)
    assert is_valid(fewer)
    for spared in range(1, fewer.num_column_colors + 1):
        columns = np.where(fewer.column_colors == spared, 0, fewer.column_colors)
        assert not is_valid(replace(fewer, column_colors=columns))
    for spared in range(1, fewer.num_row_colors + 1):
        assert not is_valid(
            replace(fewer, row_colors=np.where(fewer.row_colors == spared, 0, fewer.row_colors))
        )


def test_a_missing_diagonal_spares_a_color():
    """An arrow without its shaft: every entry lies in the column of the tip."""
    pattern = SparsityPattern.from_dense([[0, 1, 1, 1], [1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]])
    coloring = Coloring("star", pattern, np.array([2, 1, 1, 1], np.int32), np.zeros(4, np.int32))
    assert without_unused(coloring).colors.tolist() == [1, 0, 0, 0]
