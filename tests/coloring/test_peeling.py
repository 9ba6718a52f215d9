"""Laws of peeling: what is split off leaves a rest with a low bound."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings

from lagrad.coloring.bidirectional import split_bound, split_coloring
from lagrad.coloring.graph import adjacency_graph, row_graph
from lagrad.coloring.orders import natural, random
from lagrad.coloring.peeling import (
    hubs_of,
    peel_columns,
    peel_rows,
    shortest_first,
    with_hubs,
    without_hubs,
    without_vertices,
)
from lagrad.coloring.star import star
from tests.coloring.check import is_star_coloring, is_valid
from tests.coloring.matrices import arrow, multiple_shooting
from tests.coloring.strategies import patterns, symmetric_patterns


def bound(dense: np.ndarray, peeled: tuple[int, ...]) -> int:
    """Colors that cannot be avoided: entries in one column of the peeled rows, in one row of the rest."""
    rest = np.delete(dense, peeled, axis=0)
    return int(dense[list(peeled)].sum(axis=0).max(initial=0) + rest.sum(axis=1).max(initial=0))


@given(pattern=patterns(largest=5))
@settings(max_examples=60, deadline=None)
def test_peeled_rows_minimise_the_bound(pattern):
    """No other number of fullest rows has a lower bound."""
    dense, by_column = pattern.toarray(), peel_rows(pattern)
    peeled = tuple(np.unique(pattern.rows[~by_column]).tolist())
    fullest = np.argsort(-dense.sum(axis=1), kind="stable")
    best = min(bound(dense, tuple(fullest[:k])) for k in range(pattern.shape[0] + 1))
    assert bound(dense, peeled) == best


@given(pattern=patterns())
@settings(max_examples=40, deadline=None)
def test_peeled_columns_are_the_peeled_rows_of_the_transpose(pattern):
    """Entry by entry."""
    ours = pattern.to_scipy(peel_columns(pattern) + 1.0).toarray()
    theirs = pattern.T.to_scipy(2.0 - peel_rows(pattern.T)).toarray()
    assert np.array_equal(ours, theirs.T)


@given(pattern=patterns())
@settings(max_examples=60, deadline=None)
def test_every_split_can_be_colored(pattern):
    """Peeled, shortest first or at random: the two sides together read every entry, in any order."""
    chance = np.random.default_rng(pattern.nnz).random(pattern.nnz) < 0.5
    for by_column in (peel_rows(pattern), peel_columns(pattern), shortest_first(pattern), chance):
        for order in (natural, random(1)):
            assert is_valid(split_coloring(pattern, by_column, order))
        assert split_bound(pattern, by_column) <= split_coloring(pattern, by_column).num_colors


def test_shortest_first_follows_the_weights():
    """If row products cost nothing, everything is read from rows; if they cost a fortune, from columns."""
    pattern = multiple_shooting(10)
    assert not shortest_first(pattern, row_weight=0.0).any()
    assert shortest_first(pattern, row_weight=1e6).all()


def test_the_dense_row_is_peeled():
    """The integral constraint of multiple shooting, and nothing else."""
    pattern = multiple_shooting(100)
    assert np.unique(pattern.rows[~peel_rows(pattern)]).tolist() == [pattern.shape[0] - 1]
    assert np.unique(pattern.cols[peel_columns(pattern)]).tolist() == list(
        range(pattern.shape[1] - 3, pattern.shape[1])
    )


@given(pattern=symmetric_patterns(largest=9))
@settings(max_examples=40, deadline=None)
def test_any_vertices_may_stand_apart(pattern):
    """Colors of their own for some vertices and a star coloring of the rest make a star coloring."""
    graph = adjacency_graph(pattern)
    hubs = np.arange(graph.size)[::3]
    rest = without_vertices(graph, hubs)
    colors = with_hubs(star(rest, natural(rest)), hubs)
    assert is_star_coloring(pattern, colors)


def test_only_extreme_vertices_are_hubs():
    """The tip of a long arrow, but nobody in a small one."""
    assert hubs_of(adjacency_graph(arrow(20))).size == 0
    rest, hubs = without_hubs(adjacency_graph(arrow(5000)))
    assert hubs.tolist() == [0]
    assert rest.nets.size == 0
    assert row_graph(arrow(5)).degrees.tolist() == [5, 2, 2, 2, 2]
