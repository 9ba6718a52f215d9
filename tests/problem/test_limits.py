"""Sides and bounds in one, against the problem's own arrays."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from lagrad.problem.constraints import Equality, Inequality
from lagrad.problem.problem import Problem

ROWS = {
    "value": Equality(lambda x, p: p * x[0] + x[1], -3.0),
    "range": Inequality(lambda x, p: jnp.stack([x[0], x[2]]), [-np.inf, 1.0], [2.0, 1.0]),
}


def problem() -> Problem:
    """Three rows, two of them equalities, and three variables, one of them fixed."""
    return Problem(lambda x, p: x @ x, np.ones(3), ROWS, ([0.0, 1.0, None], [None, 1.0, 7.0]), params=1.0)


def test_limits_are_the_sides_followed_by_the_bounds():
    """And what follows from them, counted by hand."""
    found, limits = problem(), problem().limits
    np.testing.assert_array_equal(limits.lower, [*found.constraint_lower, *found.lower])
    np.testing.assert_array_equal(limits.upper, [*found.constraint_upper, *found.upper])
    np.testing.assert_array_equal(limits.size, [3.0, 2.0, 1.0, 0.0, 1.0, 7.0])
    assert (limits.equalities, limits.fixed, limits.free) == (2, 1, 2)
    np.testing.assert_array_equal(limits.are_bounds, [[True, True, False], [False, True, True]])


def test_other_bounds_have_other_limits_and_other_params_the_same():
    """What a problem has made once is handed on where it still holds."""
    first = problem()
    other, moved = first.replace(params=2.0), first.replace(bounds=(0.0, 5.0))
    assert other.limits is first.limits and other.box is first.box and other.sides is first.sides
    np.testing.assert_array_equal(moved.limits.upper[3:], [5.0, 5.0, 5.0])
    np.testing.assert_array_equal(moved.box[0], np.zeros(3))
    assert moved.limits.free == 3 and first.limits.free == 2
