"""Laws of the public coloring functions: valid, readable back, and never far from the best."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import lagrad.coloring.portfolio as portfolio
from lagrad.coloring import (
    color_bidirectional,
    color_columns,
    color_rows,
    color_symmetric,
    compress,
    decompress,
    recovery,
)
from lagrad.coloring.coloring import Coloring
from lagrad.pattern import SparsityPattern
from tests.coloring.check import (
    determines,
    fewest_colors_by_search,
    fewest_seeds_by_search,
    is_readable,
    is_valid,
)
from tests.coloring.matrices import (
    arrow,
    band,
    bordered_blocks,
    multiple_shooting,
    permuted_band,
    power_network,
)
from tests.coloring.strategies import fill, patterns, symmetric_patterns

ANY = {
    "columns": color_columns,
    "rows": color_rows,
    "bidirectional": color_bidirectional,
    "bidirectional by substitution": lambda p: color_bidirectional(p, substitution=True),
}
SYMMETRIC = {
    method: lambda p, method=method: color_symmetric(p, method) for method in ("best", "star", "acyclic")
}


def assert_recovered(pattern: SparsityPattern, coloring: Coloring) -> None:
    """The entries come back from the products; to rounding, since dense rows add up numbers of order one."""
    matrix = fill(pattern)
    values = decompress(compress(matrix, coloring), recovery(coloring))
    np.testing.assert_allclose(values, matrix[pattern.rows, pattern.cols], rtol=1e-12)


@pytest.mark.parametrize("color", ANY.values(), ids=ANY)
@given(pattern=patterns())
@settings(max_examples=60, deadline=None)
def test_colorings_are_valid_and_recoverable(color, pattern):
    """Every kind keeps its definition and gives the matrix back, entry by entry."""
    coloring = color(pattern)
    assert is_valid(coloring)
    assert determines(coloring)
    assert_recovered(pattern, coloring)


@pytest.mark.parametrize("color", SYMMETRIC.values(), ids=SYMMETRIC)
@given(pattern=symmetric_patterns())
@settings(max_examples=60, deadline=None)
def test_symmetric_colorings_are_valid_and_recoverable(color, pattern):
    """The same for symmetric matrices, with and without their diagonals."""
    coloring = color(pattern)
    assert is_valid(coloring)
    assert determines(coloring)
    assert_recovered(pattern, coloring)


@given(pattern=patterns(largest=6))
@settings(max_examples=40, deadline=None)
def test_column_colors_are_near_the_optimum(pattern):
    """On tiny matrices the best of the greedy colorings is at most one above the optimum, never below."""
    present = SparsityPattern.from_dense(pattern.toarray()[:, pattern.toarray().any(axis=0)])
    zero = np.zeros(present.shape[0], int)
    best = fewest_colors_by_search(present, lambda c: is_valid(Coloring("columns", present, c, zero)))
    assert best <= color_columns(pattern).num_colors <= best + 1


@given(pattern=symmetric_patterns(largest=6))
@settings(max_examples=40, deadline=None)
def test_star_colors_are_near_the_optimum(pattern):
    """With every diagonal entry present, at most one color above the best symmetric direct method."""
    full = SparsityPattern.from_dense(pattern.toarray() | np.eye(pattern.shape[0], dtype=bool))
    zero = np.zeros(full.shape[0], int)
    best = fewest_colors_by_search(full, lambda c: is_readable(Coloring("star", full, c, zero)))
    assert best <= color_symmetric(full, "star").num_colors <= best + 1


@given(pattern=patterns(largest=3))
@settings(max_examples=40, deadline=None)
def test_bidirectional_colors_are_near_the_optimum(pattern):
    """At most one product above the best of all ways to read a tiny matrix from rows and columns."""
    best = fewest_seeds_by_search(pattern)
    assert best <= color_bidirectional(pattern).num_colors <= best + 1


@given(pattern=patterns())
@settings(max_examples=40, deadline=None)
def test_both_directions_never_need_more_than_one(pattern):
    """Bidirectional coloring is at most as dear as the better of columns and rows."""
    one = min(color_columns(pattern).num_colors, color_rows(pattern).num_colors)
    assert color_bidirectional(pattern).num_colors <= one


@pytest.mark.parametrize("n", [5, 40, 3000])
def test_arrow_takes_two(n):
    """The tip has its own color and the shaft shares one, at every size; columns alone would take n."""
    assert color_symmetric(arrow(n), "star").num_colors == 2
    assert color_columns(arrow(n)).num_colors == n
    assert color_bidirectional(arrow(n)).num_colors == 3


def test_multiple_shooting_is_peeled():
    """One dense row and three shared parameters: 14 products are known to do, one direction takes 801."""
    pattern = multiple_shooting(200)
    assert pattern.shape == (801, 1207)
    coloring = color_bidirectional(pattern)
    assert coloring.num_colors <= 14
    assert_recovered(pattern, coloring)
    assert (color_columns(pattern).num_colors, color_rows(pattern).num_colors) == (1207, 801)


def test_dear_row_products_are_avoided():
    """The dearer a product with a row seed, the fewer of them."""
    pattern = multiple_shooting(50)
    cheap, dear = (color_bidirectional(pattern, row_weight=weight) for weight in (0.5, 10.0))
    assert dear.num_row_colors == 1 < cheap.num_row_colors


@pytest.mark.parametrize("color", [color_columns, color_rows, color_bidirectional, color_symmetric])
def test_a_scipy_matrix_is_a_pattern(color):
    """SciPy sparse matrices are taken by their stored entries."""
    pattern = band(12, 2)
    assert np.array_equal(color(pattern.to_scipy().tocoo()).column_colors, color(pattern).column_colors)


def test_a_dense_array_is_refused():
    """A dense array could mean its nonzeros or all of it, so it is not guessed."""
    with pytest.raises(TypeError, match="pattern: ndarray, expected SparsityPattern or SciPy sparse"):
        color_columns(np.eye(3))


def test_an_asymmetric_pattern_is_refused():
    """Symmetric coloring of a lower triangle would leave entries undetermined."""
    with pytest.raises(ValueError, match="not symmetric. Give both triangles"):
        color_symmetric(band(5, 1).lower())


def test_an_unknown_method_is_refused():
    """The message lists what there is."""
    with pytest.raises(ValueError, match="'tree', expected 'best', 'star' or 'acyclic'"):
        color_symmetric(band(5, 1), "tree")


def test_columns_without_entries_take_part_in_nothing():
    """A variable that occurs nowhere needs no product."""
    pattern = SparsityPattern.from_dense([[0, 1, 0, 1], [0, 1, 0, 0]])
    assert (color_columns(pattern).colors > 0).tolist() == [False, True, False, True]
    squared = SparsityPattern.from_dense([[1, 0, 0], [0, 0, 0], [0, 0, 1]])
    assert color_symmetric(squared).colors.tolist() == [1, 0, 1]


def test_the_best_weighs_substitution():
    """A shuffled wide band halves its colors by few rounds of substitution; a tridiagonal one takes many."""
    wide, thin = color_symmetric(permuted_band(1000, 30)), color_symmetric(band(2000, 1))
    assert (wide.kind, wide.num_colors) == ("acyclic", 31)
    assert (thin.kind, thin.num_colors) == ("star", 3)
    assert color_symmetric(band(2000, 1), "acyclic").num_colors == 2


def test_hubs_do_not_cost_more_on_large_graphs(monkeypatch):
    """Setting hubs apart, which keeps time linear, changes no color count of a bordered matrix."""
    pattern = bordered_blocks(300)
    apart = color_symmetric(pattern, "star").num_colors
    monkeypatch.setattr(portfolio, "without_hubs", lambda graph: (graph, np.zeros(0, int)))
    assert apart == color_symmetric(pattern, "star").num_colors


def test_a_random_network_is_recovered():
    """A large irregular Hessian comes back from its star and its acyclic coloring."""
    pattern = power_network(3000)
    values = np.random.default_rng(0).standard_normal(pattern.nnz)
    matrix = pattern.to_scipy(values)
    matrix = sp.csr_array(matrix + matrix.T)
    for method in ("star", "acyclic"):
        coloring = color_symmetric(pattern, method)
        found = decompress(compress(matrix, coloring), recovery(coloring))
        # Rounding errors add up along the substitution, a hundred rounds of numbers of order one.
        np.testing.assert_allclose(found, matrix.data, atol=1e-11)


@given(seed=st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_the_same_pattern_gives_the_same_colors(seed):
    """Nothing depends on chance or on the clock."""
    pattern = permuted_band(60, 3, seed)
    first, second = color_symmetric(pattern), color_symmetric(pattern)
    assert np.array_equal(first.colors, second.colors)
    assert first.method == second.method
