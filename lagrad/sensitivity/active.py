"""Tell which rows and bounds are active at a solution.

A side is active where its multiplier outweighs the distance to it, both relative to what is usual for them.
Where both are about nothing, strict complementarity fails: the side is weakly active, and the solution has a
kink there, with another derivative on either side.

What nothing is: an interior method ends with multiplier * distance = mu, about a tenth of its tolerance. At a
kink both are then about sqrt(tol), whereas far from one the smaller is tol and the larger is not.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lagrad.problem.problem import Problem

INACTIVE, ACTIVE, WEAK = 0.0, 1.0, 2.0


class Sides(NamedTuple):
    """Which rows and bounds hold at a solution.

    Args:
        rows: 0 inactive, 1 active, 2 weakly active, shape (m,).
        bounds: the same for variables, shape (n,); negative for a lower bound, positive for an upper one.
    """

    rows: np.ndarray
    bounds: np.ndarray


def find_sides(
    problem: Problem,
    x: np.ndarray,
    constraints: np.ndarray,
    multipliers: tuple[np.ndarray, np.ndarray, np.ndarray],
    gradient_size: float,
    kink: float,
) -> Sides:
    """Classify every row and bound.

    Args:
        problem: declares sides and bounds.
        x: shape (n,).
        constraints: c(x), shape (m,).
        multipliers: rows (m,), lower (n,), upper (n,).
        gradient_size: largest entry of grad f, against which multipliers are small or not.
        kink: size of multiplier and distance, relatively, at a kink: sqrt(tol).

    Returns:
        Sides.
    """
    rows, lower, upper = multipliers
    scale = max(1.0, gradient_size)
    above = closer(constraints, problem.constraint_lower, problem.constraint_upper, np.sign(rows))
    of_rows = codes(
        above,
        np.abs(rows) / scale,
        constraints,
        (problem.constraint_lower, problem.constraint_upper),
        kink,
    )
    above = closer(x, problem.lower, problem.upper, np.sign(upper - lower) * (np.abs(upper - lower) > kink))
    pressing = np.where(above, upper, lower) / scale
    of_bounds = codes(above, pressing, x, (problem.lower, problem.upper), kink)
    return Sides(of_rows, np.where(above, of_bounds, -of_bounds))


def closer(value: np.ndarray, lower: np.ndarray, upper: np.ndarray, pressed: np.ndarray) -> np.ndarray:
    """Whether the upper side is the one in question: the one that presses, else the nearer one."""
    nearer = upper - value <= value - lower
    return np.where(pressed == 0, nearer, pressed > 0) & np.isfinite(upper) | np.isneginf(lower)


def codes(
    above: np.ndarray,
    multiplier: np.ndarray,
    value: np.ndarray,
    sides: tuple[np.ndarray, np.ndarray],
    kink: float,
) -> np.ndarray:
    """0, 1 or 2 for each entry."""
    lower, upper = sides
    side = np.where(above, upper, lower)
    finite = np.isfinite(side)
    distance = np.where(finite, np.abs(np.where(finite, side, 0.0) - value), np.inf)
    distance = distance / np.maximum(1.0, np.abs(np.where(finite, side, 0.0)))
    found = np.where(multiplier > distance, ACTIVE, INACTIVE)
    return np.where(lower == upper, ACTIVE, np.where(are_nothing(multiplier, distance, kink), WEAK, found))


def are_nothing(multiplier: np.ndarray, distance: np.ndarray, kink: float) -> np.ndarray:
    """Where neither multiplier nor distance outweighs the other by more than a solver's error explains."""
    large, small = np.maximum(multiplier, distance), np.minimum(multiplier, distance)
    alike = (large <= 10 * kink) & (small >= large / 100)
    return alike | (large <= kink / 10)
