"""Rows that follow from others, rows that never change, and what bounds imply: by hand and by brute force."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from lagrad.checks.matrices import Dependence, constant_rows, dependences, ranges


@given(st.integers(0, 10**6))
@settings(max_examples=20)
def test_dependent_rows_are_the_combinations_they_are_said_to_be(seed):
    """Each surplus row is rebuilt from its coefficients; what is left has full rank."""
    random = np.random.default_rng(seed)
    rank = int(random.integers(1, 4))
    rows = random.integers(-3, 4, size=(5, rank)) @ random.integers(-3, 4, size=(rank, 6)) * 1.0
    found = dependences(sp.csr_array(rows))
    for dependence in found:
        rebuilt = sum((factor * rows[i] for i, factor in dependence.coefficients.items()), np.zeros(6))
        np.testing.assert_allclose(rebuilt, rows[dependence.row], atol=1e-8)
    kept = np.delete(rows, [dependence.row for dependence in found], axis=0)
    assert len(kept) == np.linalg.matrix_rank(rows)


def test_the_later_of_two_equal_rows_is_surplus():
    """The first to be declared stays."""
    assert dependences(sp.csr_array([[1.0, 2.0], [1.0, 2.0]])) == [Dependence(1, {0: 1.0})]


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (2, 3)])
def test_zero_rows_depend_on_nothing(shape):
    """Every row of a matrix without entries is surplus."""
    assert dependences(sp.csr_array(shape)) == [Dependence(row, {}) for row in range(shape[0])]


def test_constant_rows_are_those_of_linear_functions():
    """Equal at all points; from one point nothing is known."""
    one, other = sp.csr_array([[1.0, 2.0], [3.0, 0.0]]), sp.csr_array([[1.0, 2.0], [4.0, 0.0]])
    assert constant_rows([one, other]).tolist() == [True, False]
    assert constant_rows([one]).tolist() == [False, False]


def test_ranges_are_attained_at_corners():
    """The least and largest of all corners of the box."""
    matrix, lower, upper = (
        np.array([[1.0, -2.0, 0.0], [0.0, 3.0, 1.0]]),
        np.array([-1.0, 0, 2]),
        np.array([1.0, 4, 3]),
    )
    corners = np.stack(np.meshgrid(*zip(lower, upper, strict=True)), -1).reshape(-1, 3) @ matrix.T
    low, high = ranges(sp.csr_array(matrix), lower, upper)
    np.testing.assert_array_equal(low, corners.min(axis=0))
    np.testing.assert_array_equal(high, corners.max(axis=0))


def test_ranges_are_infinite_where_bounds_are_missing():
    """A coefficient of zero does not make infinity nan."""
    low, high = ranges(sp.csr_array([[1.0, 0.0]]), np.array([0.0, -np.inf]), np.array([np.inf, np.inf]))
    assert (low.tolist(), high.tolist()) == ([0.0], [np.inf])
