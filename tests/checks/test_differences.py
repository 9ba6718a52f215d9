"""Finite differences and the order of the Taylor remainder, on functions with known derivatives."""

from __future__ import annotations

import numpy as np

from lagrad.checks.differences import inward, slopes


def curves(x):
    """A quadratic, an exponential, a line."""
    return np.array([x[0] * x[1], np.exp(x[0]), 3.0 * x[0] + x[1]])


POINT, DIRECTION = np.array([0.7, -1.2]), np.array([0.3, 0.5])
JACOBIAN = np.array([[-1.2, 0.7], [np.exp(0.7), 0.0], [3.0, 1.0]])
SLOPES = JACOBIAN @ DIRECTION


def test_remainder_of_a_right_derivative_has_order_two():
    """Order 2 for curved functions; a linear one leaves rounding errors only, of no order."""
    found = slopes(curves, POINT, DIRECTION, JACOBIAN)
    np.testing.assert_allclose(found.orders[:2], 2.0, atol=0.05)
    assert np.isnan(found.orders[2])


def test_remainder_of_a_wrong_derivative_has_order_one():
    """An error of one percent shows in the order."""
    found = slopes(curves, POINT, DIRECTION, 1.01 * JACOBIAN)
    np.testing.assert_allclose(found.orders, 1.0, atol=0.05)


def test_differences_are_accurate():
    """Three points, second order: about eps^(2/3) at the best step, however wrong the supposed slope is."""
    for supposed in (JACOBIAN, 2.0 * JACOBIAN):
        np.testing.assert_allclose(slopes(curves, POINT, DIRECTION, supposed).consensus, SLOPES, rtol=1e-8)
    np.testing.assert_allclose(slopes(curves, POINT, DIRECTION, JACOBIAN).values, SLOPES, rtol=1e-9)


def test_differences_stay_where_the_function_is_defined():
    """At the edge of a domain they look inward; steps that leave it all the same are passed over."""

    def root(x):
        with np.errstate(invalid="ignore"):
            return np.sqrt(np.array([x[0] + 1e-3 - 2 * (x[0] - 0.0) * (x[0] > 0.05)]))

    found = slopes(root, np.array([0.0]), np.array([1.0]), np.array([[0.5 / np.sqrt(1e-3)]]))
    np.testing.assert_allclose(found.values, 0.5 / np.sqrt(1e-3), rtol=1e-4)


def test_directions_are_turned_inward_at_bounds():
    """At a lower bound up, at an upper bound down, elsewhere as given."""
    x, lower, upper = np.array([0.0, 1.0, 0.5]), np.zeros(3), np.ones(3)
    turned = inward(x, np.array([-1.0, 1.0, -1.0]), lower, upper)
    assert turned.tolist() == [1.0, -1.0, -1.0]
