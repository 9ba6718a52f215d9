"""Laws of periodic coloring."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lagrad.coloring.coloring import Coloring
from lagrad.coloring.graph import adjacency_graph
from lagrad.coloring.periodic import periodic_columns, periodic_symmetric, with_diagonal
from tests.coloring.check import is_acyclic_coloring, is_star_coloring, is_valid
from tests.coloring.matrices import arrow, band, cross_grid, permuted_band
from tests.coloring.strategies import patterns, symmetric_patterns


@given(pattern=patterns(), period=st.none() | st.integers(1, 8), seed=st.integers(0, 3))
@settings(max_examples=80, deadline=None)
def test_periodic_colors_are_given_exactly_if_they_are_valid(pattern, period, seed):
    """Neither a wrong coloring nor a missed one, in any order."""
    n = pattern.shape[1]
    order = np.random.default_rng(seed).permutation(n)
    colors = periodic_columns(pattern, order, period)
    if pattern.nnz == 0:
        assert colors is None
        return
    period = period or int(np.bincount(pattern.rows).max())
    expected = np.empty(n, int)
    expected[order] = np.arange(n) % period + 1
    expected[~pattern.toarray().any(axis=0)] = 0
    valid = is_valid(Coloring("columns", pattern, expected, np.zeros(pattern.shape[0], int)))
    assert valid == (colors is not None)
    assert colors is None or np.array_equal(colors, expected)


@pytest.mark.parametrize("width, build", [(1, band), (3, band), (2, permuted_band)])
def test_full_bands_are_recognised(width, build):
    """As numbered or shuffled, with 2 w + 1 star colors and w + 1 acyclic ones."""
    pattern = build(14, width)
    graph = adjacency_graph(pattern)
    direct, substituted = (periodic_symmetric(pattern, graph, per_width) for per_width in (2, 1))
    assert direct is not None and substituted is not None
    assert is_star_coloring(pattern, direct) and direct.max() == 2 * width + 1
    assert is_acyclic_coloring(pattern, substituted) and substituted.max() == width + 1


@given(pattern=symmetric_patterns(largest=12))
@settings(max_examples=80, deadline=None)
def test_nothing_else_is_taken_for_a_band(pattern):
    """Whatever is recognised is colored correctly."""
    graph = adjacency_graph(pattern)
    direct, substituted = (periodic_symmetric(pattern, graph, per_width) for per_width in (2, 1))
    assert direct is None or is_star_coloring(pattern, direct)
    assert substituted is None or is_acyclic_coloring(pattern, substituted)


def test_an_arrow_is_no_band():
    """A dense row is as wide as the matrix."""
    assert periodic_symmetric(arrow(30), adjacency_graph(arrow(30)), 2) is None


def test_a_grid_with_lucky_strides_is_colored_perfectly():
    """On the 80 x 80 x 40 grid, 7 colors repeat without conflict, where greedy coloring takes 11 or more."""
    pattern = cross_grid(4, 80, 80)
    colors = periodic_columns(pattern, np.arange(pattern.shape[1]))
    assert colors is not None and colors.max() == 7


@given(pattern=symmetric_patterns())
@settings(max_examples=20, deadline=None)
def test_the_diagonal_is_added_once(pattern):
    """Nothing else changes."""
    expected = pattern.toarray() | np.eye(pattern.shape[0], dtype=bool)
    assert np.array_equal(with_diagonal(pattern).toarray(), expected)
