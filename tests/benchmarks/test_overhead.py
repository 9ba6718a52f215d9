"""The routes whose cost is compared do the same work."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

import lagrad
from benchmarks.overhead import ByHand, Raw, hs71, iterations_of, routes


def test_derivatives_by_hand_are_those_of_the_problem():
    """Values, Jacobian and Hessian at a point that is no start and no solution."""
    derivatives, hand = lagrad.differentiate(hs71()), ByHand()
    x, multipliers = np.array([1.2, 4.3, 3.1, 1.7]), np.array([0.3, -0.7])
    raw = Raw(derivatives)
    np.testing.assert_allclose(hand.objective(x), raw.objective(x), rtol=1e-14)
    for name in ("constraints", "gradient"):
        np.testing.assert_allclose(getattr(hand, name)(x), getattr(raw, name)(x), rtol=1e-13)
    matrices = [
        sp.coo_array((route.jacobian(x), route.jacobianstructure()), shape=(2, 4)).toarray()
        for route in (hand, raw)
    ]
    np.testing.assert_allclose(*matrices, rtol=1e-13)
    triangles = [
        sp.coo_array((route.hessian(x, multipliers, 1.5), route.hessianstructure()), shape=(4, 4)).toarray()
        for route in (hand, raw)
    ]
    np.testing.assert_allclose(*triangles, rtol=1e-12, atol=1e-14)


def test_all_routes_take_the_same_iterations_to_the_same_optimum():
    """Else their costs could not be compared."""
    pytest.importorskip("cyipopt")
    [(iterations, objective)] = {iterations_of(solve) for solve in routes().values()}
    assert iterations == 8 and objective == 17.014017
