"""Laws of affine forms: layers or rows, they are the matrix A."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from lagrad.elements.affine import MOST_LAYERS, Affine, padded, parts, scaled_rows, take_rows
from lagrad.elements.indices import Indices
from lagrad.elements.maps import LinearMap

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


@st.composite
def matrices(draw) -> sp.csr_array:
    """A small sparse matrix with a few entries a row, on diagonals or anywhere."""
    size, random = draw(st.integers(1, 12)), np.random.default_rng(draw(st.integers(0, 99)))
    if draw(st.booleans()):
        offsets = draw(st.lists(st.integers(-3, 3), min_size=1, max_size=3, unique=True))
        dense = sum(np.diag(random.uniform(1, 2, size + 3 - abs(k)), k) for k in offsets)[:size]
    else:
        dense = random.uniform(1, 2, (size, 6)) * (random.random((size, 6)) < draw(st.floats(0.1, 0.9)))
    return sp.csr_array(dense)


@given(matrices(), st.sampled_from([parts, padded]))
def test_parts_add_up_to_the_matrix(matrix, split):
    """Stretches of diagonals, and rows filled up with zeros at entries that are there."""
    found = split(matrix)
    if found is None:
        return
    total = np.zeros(matrix.shape)
    for part in found:
        rows, columns = part.elements.array, part.layer.indices.array
        assert (matrix.toarray()[rows, columns] != 0).all()
        np.add.at(total, (rows, columns), part.layer.factor)
    np.testing.assert_array_equal(total, matrix.toarray())


def test_a_grid_is_two_diagonals_and_a_few_longer_rows_are_padded():
    """The first and the last node take part in one interval, not in two."""
    grid = sp.csr_array(np.eye(5, 4) + np.eye(5, 4, -1))
    assert [part.elements.size for part in parts(grid) or ()] == [4, 4]
    columns = np.random.default_rng(0).permutation(30)
    shunts = sp.csr_array((np.arange(1.0, 32), np.append(columns, 30), [*range(30), 31]), shape=(30, 31))
    assert parts(shunts) is None
    first, second = padded(shunts) or ()
    assert first.layer.indices.array.tolist() == columns.tolist()
    assert second.layer.factor.tolist() == [0.0] * 29 + [31.0]
