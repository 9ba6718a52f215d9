"""Laws of graphs: they hold the matrix they come from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from lagrad.coloring.graph import adjacency_graph, by_columns, column_graph
from lagrad.pattern import SparsityPattern
from tests.coloring.strategies import patterns, symmetric_patterns


@given(pattern=patterns())
@settings(max_examples=30, deadline=None)
def test_sorting_by_column_moves_entries(pattern):
    """`positions` leads each entry of the transposed order to its place in the pattern."""
    moved = by_columns(pattern)
    order = np.lexsort((pattern.rows, pattern.cols))
    assert np.array_equal(moved.positions, order)
    assert np.array_equal(moved.rows, pattern.rows[order])


@given(pattern=symmetric_patterns())
@settings(max_examples=30, deadline=None)
def test_an_edge_has_one_number_at_both_ends(pattern):
    """Edges are numbered from 0 without gaps, the diagonal has none."""
    graph = adjacency_graph(pattern)
    numbers = np.full(pattern.shape, -1)
    numbers[np.repeat(np.arange(graph.size), graph.degrees), graph.nets] = graph.edges
    assert np.array_equal(numbers, numbers.T)
    assert sorted(set(numbers[numbers >= 0].tolist())) == list(range(graph.num_edges))
    assert np.array_equal(numbers >= 0, pattern.toarray() & ~np.eye(graph.size, dtype=bool))


@given(pattern=patterns())
@settings(max_examples=30, deadline=None)
def test_steps_count_a_sweep(pattern):
    """One visit for each vertex, each of its nets and each of their members."""
    graph, dense = column_graph(pattern), pattern.toarray().astype(int)
    assert graph.steps == graph.size + pattern.nnz + (dense.sum(axis=1) ** 2).sum()
    assert graph.wide_steps == graph.size + pattern.nnz + (dense.sum(axis=0) ** 2).sum()


@pytest.mark.parametrize("dense", [[[0, 1], [0, 0]], [[1, 0, 1], [0, 1, 0]]])
def test_only_symmetric_patterns_have_an_adjacency_graph(dense):
    """Neither a triangle nor a rectangle."""
    with pytest.raises(ValueError, match=r"pattern: SparsityPattern\(.*\) is not symmetric"):
        adjacency_graph(SparsityPattern.from_dense(dense))
