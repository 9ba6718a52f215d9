"""Laws of linear maps and adjoints: they are the sparse matrices they stand for."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from lagrad.elements.indices import Indices
from lagrad.elements.maps import Adjoint, LinearMap, grouped, spread, total

ROWS = sp.csr_array(np.array([[1.0, 0, 2, 0], [0, 0, 0, 0], [0, 3, 0, 0], [0, 0, -1, 5], [2, 2, 0, 0]]))
MAPS = {
    "slice": LinearMap((3, 8), Indices(3, 1, 2), 1.0),
    "all": LinearMap((4, 4), Indices(4), 2.5),
    "scalar": LinearMap((5, 1), Indices(5, 0, 0), np.array([1.0, 0.0, 3.0, 4.0, 5.0])),
    "gather": LinearMap((4, 6), Indices.of(np.array([5, 0, 0, 2])), np.array([1.0, -1.0, 2.0, 0.5])),
    "holes": LinearMap((5, 3), Indices.of(np.array([-1, 2, 0, -1, 1])), 3.0),
    "rows": LinearMap((5, 4), rows=ROWS),
    "empty": LinearMap((0, 3), Indices(0)),
}


def matrix(linear: LinearMap) -> np.ndarray:
    """The matrix entry by entry, from the definition."""
    found = np.zeros(linear.shape)
    for row in range(linear.shape[0]):
        if linear.rows is not None:
            found[row] = linear.rows.toarray()[row]
        elif linear.selection.array[row] >= 0:
            found[row, linear.selection.array[row]] += np.broadcast_to(linear.factor, linear.shape[0])[row]
    return found


def adjoint(size: int, seed: int = 0) -> tuple[Adjoint, np.ndarray]:
    """A random adjoint with three outputs, and its matrix."""
    random = np.random.default_rng(seed)
    dense = random.integers(-2, 3, (3, size)).astype(float)
    rows, columns = np.nonzero(dense)
    return Adjoint(rows, columns, dense[rows, columns]), dense


@pytest.mark.parametrize("linear", MAPS.values(), ids=MAPS)
def test_maps_are_matrices(linear):
    """One entry a row, or a matrix."""
    np.testing.assert_array_equal(linear.to_scipy().toarray(), matrix(linear))


@pytest.mark.parametrize("linear", MAPS.values(), ids=MAPS)
def test_through_is_a_product(linear):
    """B through M is B M, and holds no zeros."""
    given, dense = adjoint(linear.shape[0])
    found = given.through(linear)
    np.testing.assert_array_equal(found.to_scipy((3, linear.shape[1])).toarray(), dense @ matrix(linear))
    assert (found.values != 0).all()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_total_is_a_sum(count):
    """Adjoints of one variable add up."""
    parts, matrices = zip(*(adjoint(5, seed) for seed in range(count)), strict=True)
    found = total(list(parts), (3, 5)).to_scipy((3, 5))
    np.testing.assert_array_equal(found.toarray(), sum(matrices))


def test_spread_concatenates_ranges():
    """Counts of zero give nothing."""
    found = spread(np.array([5, 0, 2, 9]), np.array([2, 0, 3, 1]))
    assert found.tolist() == [5, 6, 2, 3, 4, 9]


def test_grouped_adds_elements_to_their_targets():
    """Several to one, none to another, -1 to nowhere."""
    targets = np.array([2, -1, 0, 2, -1])
    expected = np.zeros((4, 5))
    expected[2, 0] = expected[0, 2] = expected[2, 3] = 1
    np.testing.assert_array_equal(grouped(targets, (4, 5)).to_scipy().toarray(), expected)
