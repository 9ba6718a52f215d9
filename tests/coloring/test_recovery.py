"""Laws of recovery: static maps that give the entries back."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from hypothesis import given, settings

from lagrad.coloring import (
    color_bidirectional,
    color_columns,
    color_symmetric,
    compress,
    decompress,
    recovery,
)
from lagrad.coloring.coloring import Coloring
from lagrad.pattern import SparsityPattern
from tests.coloring.matrices import band, multiple_shooting, permuted_band
from tests.coloring.strategies import fill, patterns, symmetric_patterns

# The package offers a function of the same name.
module = importlib.import_module("lagrad.coloring.recovery")


@given(pattern=patterns())
@settings(max_examples=40, deadline=None)
def test_each_entry_is_read_from_its_product_at_its_place(pattern):
    """Seeds and positions name the same numbers as slots do, product by product."""
    coloring = color_bidirectional(pattern)
    matrix, plan = fill(pattern), recovery(coloring)
    forward, reverse = (matrix @ coloring.column_seeds()).T, (matrix.T @ coloring.row_seeds()).T
    products = [*forward, *reverse]
    read = [products[seed][place] for seed, place in zip(plan.seeds, plan.positions, strict=True)]
    np.testing.assert_allclose(read, matrix[pattern.rows, pattern.cols], rtol=1e-13)
    flat = compress(matrix, coloring)
    assert np.array_equal(flat[plan.slots], np.array(read))


@given(pattern=symmetric_patterns())
@settings(max_examples=40, deadline=None)
def test_mirror_images_are_read_at_one_place(pattern):
    """Both triangles of a symmetric matrix come from the same numbers, so they agree to the last bit."""
    for method in ("star", "acyclic"):
        coloring = color_symmetric(pattern, method)
        rounded = compress(
            fill(pattern) * (1 + 1e-9 * np.random.default_rng(1).random(pattern.shape)), coloring
        )
        found = pattern.to_scipy(decompress(rounded, recovery(coloring))).toarray()
        assert np.array_equal(found, found.T)


@given(pattern=symmetric_patterns(largest=9))
@settings(max_examples=40, deadline=None)
def test_rounds_and_single_steps_agree(pattern):
    """Substitution by rounds and entry by entry subtract the same numbers."""
    plan = recovery(color_symmetric(pattern, "acyclic"))
    products = np.append(compress(fill(pattern), plan.coloring), 0.0)
    by_rounds, one_by_one = (solve(products.copy(), plan) for solve in (module.by_rounds, module.one_by_one))
    np.testing.assert_allclose(by_rounds, one_by_one, rtol=1e-12)


@given(pattern=symmetric_patterns(largest=9))
@settings(max_examples=40, deadline=None)
def test_each_round_needs_only_earlier_ones(pattern):
    """What is subtracted from a slot was solved in a round before the one in which the slot is read."""
    plan = recovery(color_symmetric(pattern, "acyclic"))
    rounds = np.repeat(np.arange(plan.num_levels), np.diff(plan.levels))
    read_in = dict(zip(plan.source.tolist(), rounds.tolist(), strict=True))
    for target, solved_in in zip(plan.target.tolist(), rounds.tolist(), strict=True):
        assert read_in.get(target, solved_in + 1) > solved_in


def test_rounds_are_half_a_path():
    """A tridiagonal matrix in two colors is solved from both ends to the middle."""
    assert recovery(color_symmetric(band(101, 1), "acyclic")).num_levels == 50
    assert recovery(color_symmetric(band(101, 1), "star")).num_levels == 1


def test_many_rounds_stay_accurate():
    """Errors grow with the rounds, not with the size: 5000 rounds lose four digits at most."""
    pattern = band(10_000, 1)
    coloring = color_symmetric(pattern, "acyclic")
    values = np.random.default_rng(0).standard_normal(pattern.nnz)
    matrix = pattern.to_scipy(values)
    matrix = matrix + matrix.T
    found = decompress(compress(matrix, coloring), recovery(coloring))
    np.testing.assert_allclose(found, matrix.data, atol=1e-12)


@pytest.mark.parametrize("kind", ["star", "acyclic", "bidirectional-star", "bidirectional-acyclic"])
def test_colors_that_do_not_determine_are_refused(kind):
    """One color for a full matrix leaves its entries mixed up."""
    pattern = SparsityPattern.from_dense(np.ones((3, 3)))
    one = np.ones(3, np.int32)
    with pytest.raises(ValueError, match="leaves entries undetermined"):
        recovery(Coloring(kind, pattern, one, np.zeros(3, np.int32)))


@given(pattern=symmetric_patterns())
@settings(max_examples=40, deadline=None)
def test_sorted_slots_replace_a_table(pattern):
    """When a table of slots would be much longer than the list of entries, sorting gives the same plan."""
    coloring = color_symmetric(pattern, "acyclic")
    plan = recovery(coloring)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "ROOMY", -1000)
        again = recovery(coloring)
    assert np.array_equal(plan.slots, again.slots)


@pytest.mark.parametrize("size", [0, 1])
def test_tiny_matrices(size):
    """Nothing, or a single entry."""
    pattern = SparsityPattern.from_dense(np.ones((size, size)))
    for coloring in (color_columns(pattern), color_symmetric(pattern), color_bidirectional(pattern)):
        assert coloring.num_colors == size
        assert (
            decompress(compress(np.full((size, size), 3.0), coloring), recovery(coloring)).tolist()
            == [3.0] * size
        )


def test_products_are_counted():
    """As many products of each length as the coloring says."""
    coloring = color_bidirectional(multiple_shooting(20))
    m, n = coloring.pattern.shape
    matrix = coloring.pattern.to_scipy()
    assert compress(matrix, coloring).size == m * coloring.num_column_colors + n * coloring.num_row_colors


def test_a_shuffled_band_halves_its_seeds():
    """Acyclic coloring of a band of half-width 20 reads it from 21 products instead of 41."""
    pattern = permuted_band(400, 20)
    coloring = color_symmetric(pattern, "acyclic")
    assert coloring.num_colors == 21
    matrix = fill(pattern)
    found = decompress(compress(matrix, coloring), recovery(coloring))
    np.testing.assert_allclose(found, matrix[pattern.rows, pattern.cols], rtol=1e-12)
