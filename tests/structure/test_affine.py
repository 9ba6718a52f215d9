"""Laws of affine forms: layers or rows, they are the matrix A."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from lagrad.structure.affine import MOST_LAYERS, Affine, scaled_rows, take_rows
from lagrad.structure.indices import Indices
from lagrad.structure.maps import LinearMap

SLICES = LinearMap((4, 5), Indices(4, 1), 2.0)
GATHER = LinearMap((4, 5), Indices.of(np.array([3, 0, 0, 4])), np.array([1.0, -1.0, 2.0, 3.0]))
HOLES = LinearMap((4, 5), Indices.of(np.array([3, -1, 0, -1])), 2.0)
ROWS = LinearMap(
    (4, 5), rows=sp.csr_array(np.array([[1.0, 2, 0, 0, 0], [0] * 5, [0, 0, 1, 1, 1], [0, 0, 0, 0, 3]]))
)
ALL = {"slices": SLICES, "gather": GATHER, "holes": HOLES, "rows": ROWS}


def form(linear: LinearMap) -> Affine:
    """M x."""
    return Affine.identity(5).through(linear)


@pytest.mark.parametrize("linear", ALL.values(), ids=ALL)
def test_through_multiplies(linear):
    """(M A) as a matrix."""
    np.testing.assert_array_equal(form(linear).to_scipy().toarray(), linear.to_scipy().toarray())


@pytest.mark.parametrize("left", ALL.values(), ids=ALL)
@pytest.mark.parametrize("right", ALL.values(), ids=ALL)
def test_plus_adds(left, right):
    """A + B, whether of layers or rows."""
    expected = left.to_scipy() + right.to_scipy()
    np.testing.assert_array_equal(form(left).plus(form(right)).to_scipy().toarray(), expected.toarray())


@pytest.mark.parametrize("linear", ALL.values(), ids=ALL)
@pytest.mark.parametrize("places", [[0, 2], [3, 3, 0], [], [0, 1, 2, 3]])
def test_at_picks_rows(linear, places):
    """Elements, in any order, some of them twice."""
    found = form(linear).at(Indices.of(np.array(places, dtype=np.int64)))
    np.testing.assert_array_equal(found.to_scipy().toarray(), linear.to_scipy().toarray()[places])


def test_equal_layers_are_one():
    """x + x is 2 x; slices with the same places are collected."""
    twice = form(SLICES).plus(form(SLICES))
    assert len(twice.layers) == 1
    assert twice.layers[0].factor == 4.0


def test_many_layers_become_rows():
    """Beyond a few layers A is a sparse matrix, and still the same."""
    total, expected = Affine.identity(20), np.eye(20)
    for shift in range(1, MOST_LAYERS + 2):
        linear = LinearMap((20, 20), Indices.of(np.roll(np.arange(20), shift)), float(shift))
        total, expected = (
            total.plus(Affine.identity(20).through(linear)),
            expected + linear.to_scipy().toarray(),
        )
    assert total.layers is None
    np.testing.assert_array_equal(total.to_scipy().toarray(), expected)


def test_layers_that_meet_add_up():
    """x[a] + x[b] where a and b coincide has one entry, twice as large."""
    other = LinearMap((4, 5), Indices.of(np.array([1, 0, 3, 0])), 1.0)
    found = form(SLICES).plus(form(other)).to_scipy()
    assert found.nnz == 6
    assert found[[0], [1]] == 3.0


def test_rows_are_taken_and_scaled():
    """Sparse rows in any order; diag(factor) A."""
    matrix = ROWS.rows
    np.testing.assert_array_equal(
        take_rows(matrix, np.array([2, 2, 1])).toarray(), matrix.toarray()[[2, 2, 1]]
    )
    factor = np.array([1.0, 2.0, 3.0, 4.0])
    np.testing.assert_array_equal(scaled_rows(matrix, factor).toarray(), factor[:, None] * matrix.toarray())
    np.testing.assert_array_equal(scaled_rows(matrix, 2.0).toarray(), 2 * matrix.toarray())
