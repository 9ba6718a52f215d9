"""KKT solves against the dense matrix as it is defined, and the ways in which it can be singular."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from lagrad import DerivativeError
from lagrad.sensitivity.kkt import factor


def dense(hessian, jacobian, rows, bounds):
    """The whole matrix, entry by entry as it is defined."""
    (m, n), held = jacobian.shape, np.diag(bounds.astype(float))
    active = jacobian * rows[:, None]
    return np.block(
        [
            [hessian, active.T, held],
            [active, np.diag(~rows), np.zeros((m, n))],
            [held, np.zeros((n, m)), np.diag(~bounds)],
        ]
    )


def test_solves_agree_with_the_whole_dense_matrix():
    """5 variables, 3 rows, one row and two bounds inactive or active, badly scaled, 4 right sides."""
    random = np.random.default_rng(0)
    half = random.standard_normal((5, 5))
    hessian, jacobian = half @ half.T * 1e6, random.standard_normal((3, 5)) * 1e-3
    rows, bounds = np.array([True, False, True]), np.array([False, True, False, False, True])
    right = random.standard_normal((13, 4))
    found = factor(sp.csr_array(hessian), sp.csr_array(jacobian), rows, bounds).solve(right)
    expected = np.linalg.solve(dense(hessian, jacobian, rows, bounds), right)
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9 * np.abs(expected).max())


@pytest.mark.parametrize("bounds", [[True, True], [False, False]])
def test_nothing_to_factor_is_no_special_case(bounds):
    """All variables held, or no rows."""
    held, right = np.array(bounds), np.arange(4.0)[:, None] + 1.0
    found = factor(sp.csr_array(2.0 * np.eye(2)), sp.csr_array((0, 2)), np.zeros(0, bool), held).solve(right)
    matrix = dense(2.0 * np.eye(2), np.zeros((0, 2)), np.zeros(0, bool), held)
    np.testing.assert_allclose(matrix @ found, right, atol=1e-14)


@pytest.mark.parametrize(
    "hessian, jacobian, message, dependent",
    [
        (np.eye(3), [[1.0, 2.0, 0.0], [2.0, 4.0, 0.0]], "depend on one another", 1),
        (np.diag([1.0, 0.0, 1.0]), [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], "second-order", 0),
    ],
)
def test_singular_matrices_say_why(hessian, jacobian, message, dependent):
    """Dependent rows, or no curvature where nothing holds the variable."""
    with pytest.raises(DerivativeError, match=message) as caught:
        factor(sp.csr_array(hessian), sp.csr_array(jacobian), np.ones(2, bool), np.zeros(3, bool))
    assert len(caught.value.dependent) == dependent
