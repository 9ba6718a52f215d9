"""Move a start off its bounds where the functions are not finite there, as far as IPOPT moves it.

x log x, -log x and sqrt x are infinite on their bound, or have an infinite slope, and people start there: 0
is the natural guess. An interior-point method never evaluates such a point, but for its own scaling.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lagrad.derivatives import Derivatives
from lagrad.problem.problem import Problem
from lagrad.solvers.model import Model
from lagrad.solvers.solver import Start

# IPOPT's bound_push and bound_frac.
PUSH, FRACTION = 1e-2, 1e-2


def finite_start(model: Model, problem: Problem, start: Start) -> Start:
    """The start itself where everything is finite, else the nearest point inside if that is better.

    Args:
        model: the functions.
        problem: its bounds.
        start: at the problem's own.
    """
    if not problem.starts_on_bound or is_finite(model, start.x):
        return start
    inside = pushed_inside(start.x, problem.lower, problem.upper)
    return replace(start, x=inside) if is_finite(model, inside) else start


def is_finite(model: Model, x: np.ndarray) -> bool:
    """Whether f, c and first derivatives are finite; what a function raises is for the solve to meet."""
    try:
        if isinstance(model, Derivatives) and x is model.problem.start:
            return model.is_finite_at_start
        values, first_order = model.values(x), model.first_order(x)
    except Exception:
        return True
    return all(np.isfinite(part).all() for part in (*values, *first_order))


def pushed_inside(x: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """The nearest point that keeps IPOPT's distance from finite bounds; fixed variables stay.

    Source: Waechter and Biegler (2006), section 3.6, with IPOPT's default constants.

    >>> pushed_inside(np.zeros(2), np.zeros(2), np.array([1.0, np.inf]))
    array([0.01, 0.01])
    """
    width = upper - lower
    with np.errstate(invalid="ignore"):
        low = lower + np.minimum(PUSH * np.maximum(1.0, np.abs(lower)), FRACTION * width)
        high = upper - np.minimum(PUSH * np.maximum(1.0, np.abs(upper)), FRACTION * width)
    low, high = np.where(np.isfinite(lower), low, -np.inf), np.where(np.isfinite(upper), high, np.inf)
    return np.where(width > 0, np.clip(x, low, high), x)
