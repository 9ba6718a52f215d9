"""Measure how far a point is outside the sides of a problem."""

from __future__ import annotations

import numpy as np

from lagrad.problem.problem import Problem
from lagrad.solvers.entries import Entries

# Gradient of the violation, relative to violation and Jacobian, below which no step reduces it.
NO_WAY_BACK = 1e-4


def violations(problem: Problem, x: np.ndarray, c: np.ndarray) -> np.ndarray:
    """How far each row, then each variable, lies outside its sides, shape (m + n,), zero inside."""
    return outside(*distances(problem, x, c))


def outside(from_lower: np.ndarray, from_upper: np.ndarray) -> np.ndarray:
    """How far what is so far inside its sides lies outside them."""
    return np.maximum(-np.minimum(from_lower, from_upper), 0.0)


def is_stuck_outside(
    problem: Problem, x: np.ndarray, c: np.ndarray, jacobian: Entries, tolerance: float
) -> bool:
    """Whether constraints are violated and, to first order, no direction within the bounds reduces that.

    Args:
        problem: declares bounds and sides.
        x: shape (n,).
        c: constraints at x, shape (m,).
        jacobian: at x, (m, n).
        tolerance: below which a violation does not count.
    """
    violation = violations(problem, x, c)[: problem.m]
    if not violation.max(initial=0.0) > tolerance:
        return False
    slope = jacobian.transposed_times(np.where(c > problem.constraint_upper, violation, -violation))
    at_edge = (x <= problem.lower) & (slope > 0) | (x >= problem.upper) & (slope < 0)
    steepest = max(1.0, float(np.abs(jacobian.values).max(initial=0.0)))
    return bool(np.abs(slope[~at_edge]).max(initial=0.0) <= NO_WAY_BACK * steepest * violation.max())


def largest_violation(problem: Problem, x: np.ndarray, c: np.ndarray) -> float:
    """The largest violation of a row or bound; nan if a value is."""
    from_lower, from_upper = distances(problem, x, c)
    return abs(float(np.minimum(from_lower, from_upper).min(initial=0.0)))


def distances(problem: Problem, x: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far rows, then variables, are inside their lower and upper sides, shape (m + n,) each.

    An infinite row is as far outside as can be, also where there is no side.
    """
    values, limits = np.concatenate([c, x]), problem.limits
    if np.isfinite(c).all():
        return values - limits.lower, limits.upper - values
    with np.errstate(invalid="ignore"):
        from_lower, from_upper = values - limits.lower, limits.upper - values
    from_lower[np.isinf(values)] = from_upper[np.isinf(values)] = -np.inf
    return from_lower, from_upper


def name_of(problem: Problem, index: int) -> str:
    """Name of a row, or of a variable past the rows."""
    return problem.describe_row(index) if index < problem.m else problem.variables.describe(index - problem.m)
