"""Laws of the Coloring itself."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings

from lagrad.coloring import color_bidirectional, color_rows
from lagrad.coloring.coloring import compress
from tests.coloring.strategies import fill, patterns


@given(pattern=patterns())
@settings(max_examples=30, deadline=None)
def test_seeds_say_who_takes_part(pattern):
    """Each column and row stands in the seed of its color and in no other; neutral ones stand in none."""
    coloring = color_bidirectional(pattern)
    sides = (
        (coloring.column_seeds(), coloring.column_colors, coloring.num_column_colors),
        (coloring.row_seeds(np.float32), coloring.row_colors, coloring.num_row_colors),
    )
    for matrix, colors, count in sides:
        assert matrix.shape == (colors.size, count)
        assert np.array_equal(matrix @ np.arange(1, count + 1), colors)
        assert np.array_equal(matrix.sum(axis=1), colors > 0)
    assert coloring.row_seeds(np.float32).dtype == np.float32


@given(pattern=patterns())
@settings(max_examples=30, deadline=None)
def test_products_are_sums_of_columns_and_rows(pattern):
    """First B = J S product by product, then C = W' J."""
    coloring, matrix = color_bidirectional(pattern), fill(pattern)
    forward = [
        matrix[:, coloring.column_colors == c + 1].sum(axis=1) for c in range(coloring.num_column_colors)
    ]
    reverse = [matrix[coloring.row_colors == c + 1].sum(axis=0) for c in range(coloring.num_row_colors)]
    expected = np.concatenate([*forward, *reverse, np.zeros(0)])
    np.testing.assert_allclose(compress(matrix, coloring), expected, rtol=1e-14)


@given(pattern=patterns())
@settings(max_examples=10, deadline=None)
def test_colors_are_those_of_the_side_that_is_colored(pattern):
    """Rows for a row coloring."""
    coloring = color_rows(pattern)
    assert coloring.colors is coloring.row_colors
    assert repr(coloring).startswith(f"Coloring(kind='rows', shape={pattern.shape}")
