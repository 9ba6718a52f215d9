"""Which rows of a derivative are called unlike: those beyond agreement, noise and rounding together."""

from __future__ import annotations

import numpy as np

from lagrad.checks.comparison import AGREEMENT, DIFFERENCES, rows_unlike
from lagrad.checks.differences import Slopes

ALLOWED = AGREEMENT[DIFFERENCES]


def unlike(errors, noise=0.0, rounding=0.0):
    """Rows of slope 1 that are blamed, seen with these errors."""
    one, errors = np.ones(len(errors)), np.asarray(errors)
    seen = Slopes(1.0 + errors, one, noise * one, one)
    return rows_unlike(one, one, seen, rounding * one)


def test_the_scale_is_that_of_both_sides():
    """Terms of size 1 that give a slope of 1: twice the agreement is allowed, and no more."""
    assert unlike([1.9 * ALLOWED, -1.9 * ALLOWED, 2.1 * ALLOWED, -3 * ALLOWED]) == [3, 2]


def test_noise_and_rounding_are_allowed_on_top():
    """What differences cannot see is nobody's fault."""
    assert unlike([2.5 * ALLOWED], noise=ALLOWED) == []
    assert unlike([2.5 * ALLOWED], rounding=ALLOWED) == []
    assert unlike([3.5 * ALLOWED], rounding=ALLOWED) == [0]


def test_a_slope_that_is_not_finite_is_looked_at_elsewhere():
    """Differences that step out of the domain blame no row."""
    assert unlike([np.nan, np.inf]) == []
