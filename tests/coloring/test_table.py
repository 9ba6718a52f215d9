"""Color counts of matrices from the literature, none worse than the best reported."""

from __future__ import annotations

import pytest

from lagrad.coloring import color_columns, color_symmetric
from tests.coloring.matrices import (
    arrow,
    band,
    bordered_blocks,
    box_grid,
    cross_grid,
    permuted_band,
)

# Matrix, its arguments, and the most colors it may take: columns, star, acyclic.
SMALL = {
    "tridiagonal": (band, (500, 1), (3, 3, 2)),
    "band, half-width 5": (band, (500, 5), (11, 11, 6)),
    "band, half-width 10": (band, (500, 10), (21, 21, 11)),
    "arrow": (arrow, (500,), (500, 2, 2)),
    "bordered blocks": (bordered_blocks, (1000,), (4003, 15, 11)),
    "5-point grid": (cross_grid, (60, 60), (7, 5, 4)),
    "9-point grid": (box_grid, (60, 60), (9, 12, 6)),
}
LARGE = {
    "7-point grid": (cross_grid, (40, 80, 80), (12, 11, 7)),
    "7-point grid, axes reversed": (cross_grid, (80, 80, 40), (12, 11, 7)),
    "5-point grid": (cross_grid, (500, 500), (7, 5, 4)),
    "9-point grid": (box_grid, (500, 500), (9, 12, 6)),
    "27-point grid": (box_grid, (40, 40, 40), (27, 37, 19)),
    "shuffled band": (permuted_band, (10_000, 200), (401, 401, 201)),
}


def counts(pattern) -> tuple[int, int, int]:
    """Colors by columns, star and acyclic."""
    return (
        color_columns(pattern).num_colors,
        color_symmetric(pattern, "star").num_colors,
        color_symmetric(pattern, "acyclic").num_colors,
    )


@pytest.mark.parametrize("build, arguments, most", SMALL.values(), ids=SMALL)
def test_small_matrices_take_no_more_colors_than_reported(build, arguments, most):
    """Gebremedhin, Manne, Pothen (2005); with Tarafdar (2007); SparseMatrixColorings.jl."""
    assert all(found <= limit for found, limit in zip(counts(build(*arguments)), most, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("build, arguments, most", LARGE.values(), ids=LARGE)
def test_large_matrices_take_no_more_colors_than_reported(build, arguments, most):
    """The same at the published sizes."""
    assert all(found <= limit for found, limit in zip(counts(build(*arguments)), most, strict=True))
