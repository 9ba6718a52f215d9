"""Measure how well a point and its multipliers satisfy the optimality conditions: one rule for all.

With s = grad f + J' multipliers + upper - lower, three residuals, all unscaled:

    stationarity      max |s|
    feasibility       max violation of a row or bound
    complementarity   max |multiplier| min(distance to its side, 1); the distance to a missing side counts 1

A point counts as a solution when each residual, relative to what meets in it, is at most the tolerance:

    stationarity      / max(1, |grad f|, |grad f at the start| / 100, mean multiplier / 100)
    feasibility i     / max(1, |side i|, |row i of J| / 100)
    complementarity   / max(1, |f|, |grad f at the start| / 100)

A multiplier times a distance is what the objective would change by on the way to the side, so it is compared
with the objective: at a singularity the gradient is as large as the distance is small, and excuses nothing.

The hundreds are those of IPOPT's own scaling (Waechter and Biegler 2006, section 3.8 and equation 5): what it
calls converged passes here unless the scaling hid something. Multipliers excuse nothing where rounding of
their products alone is more than the tolerance allows beside the gradient: rows that depend on each other can
have multipliers of 1e16 that cancel, anywhere. A gradient or mean multiplier of 1e20 counts as
infinite, as bounds of that size do: everything is small relative to it, and nothing is a solution.
"""

from __future__ import annotations

import math

import numpy as np

from lagrad.problem.problem import Problem
from lagrad.solution.solution import Certificate
from lagrad.solvers.entries import Entries
from lagrad.solvers.violation import distances, name_of, outside

SCALE = 100.0
LOOSEST = 1e-6
INFINITE = 1e20
EPSILON = float(np.finfo(float).eps)


def success_tolerance(tol: float) -> float:
    """What the relative error may be for success, given the solver's tolerance."""
    return max(10.0 * tol, LOOSEST)


@np.errstate(all="ignore")
def certificate(
    problem: Problem,
    x: np.ndarray,
    values: tuple[np.ndarray, np.ndarray, Entries],
    multipliers: tuple[np.ndarray, np.ndarray, np.ndarray],
    start_gradient: float = 0.0,
    tolerance: float = LOOSEST,
    *,
    objective: float = 0.0,
) -> Certificate:
    """Residuals of the optimality conditions at x.

    Args:
        problem: declares bounds, sides and names.
        x: shape (n,).
        values: gradient (n,), constraints (m,), Jacobian (m, n) at x.
        multipliers: rows (m,), lower (n,), upper (n,).
        start_gradient: largest entry of grad f at the start, 0 if unknown.
        tolerance: what the relative error may be.
        objective: f(x).

    Returns:
        Certificate with the name of the worst entry for each residual.
    """
    gradient, c, jacobian = values
    rows, low, high = multipliers
    limits, m = problem.limits, problem.m
    residual = gradient + jacobian.transposed_times(rows) + high - low
    # Rows first, then bounds.
    from_lower, from_upper = distances(problem, x, c)
    violation = outside(from_lower, from_upper)
    # Positive multipliers of rows meet the upper side, negative ones the lower.
    upward = np.maximum(rows, 0.0)
    pressing = np.abs(np.concatenate([upward - rows, low, upward, high]))
    slackness = pressing * cut(np.concatenate([from_lower, from_upper]))
    slackness = slackness[: m + problem.n] + slackness[m + problem.n :]
    slackness[limits.is_equal] = 0.0
    mean = float(pressing.sum()) / (m + 2 * problem.n)
    weight = max(1.0, largest(gradient), start_gradient / SCALE)
    if mean * EPSILON <= tolerance * weight or not mean < INFINITE * SCALE:
        weight = max(weight, mean / SCALE)
    worth = max(1.0, abs(objective), start_gradient / SCALE)
    found = {
        "stationarity": worst_entry(np.abs(residual), m),
        "feasibility": worst_entry(violation),
        "complementarity": worst_entry(slackness),
    }
    (_, stationarity), (_, feasibility), (_, complementarity) = found.values()
    relative = largest(violation / allowance(problem, jacobian)) if feasibility else 0.0
    return Certificate(
        stationarity=stationarity,
        feasibility=feasibility,
        complementarity=complementarity,
        error=worst_of(stationarity / weight, relative, complementarity / worth, weight),
        tolerance=tolerance,
        worst={kind: name_of(problem, place) for kind, (place, size) in found.items() if size > 0},
    )


def worst_of(stationarity: float, feasibility: float, complementarity: float, weight: float) -> float:
    """The largest relative residual, infinite where they are relative to something endless."""
    if not weight < INFINITE:
        return math.inf
    residuals = stationarity, feasibility, complementarity
    return math.nan if any(map(math.isnan, residuals)) else max(residuals)


def unknown_certificate(tolerance: float) -> Certificate:
    """The certificate of a point at which nothing could be evaluated."""
    return Certificate(np.nan, np.nan, np.nan, np.nan, tolerance)


def cut(distance: np.ndarray) -> np.ndarray:
    """Distances to a side, those outside 0 and those far inside 1."""
    return np.minimum(np.maximum(distance, 0.0), 1.0)


def allowance(problem: Problem, jacobian: Entries) -> np.ndarray:
    """What violations of rows, then of bounds, are relative to."""
    size = np.maximum(1.0, problem.limits.size)
    of_rows = size[: problem.m]
    np.maximum(of_rows, jacobian.row_maxima() / SCALE, out=of_rows)
    return size


def largest(values: np.ndarray) -> float:
    """Largest magnitude, 0 for none, nan if there is one."""
    return float(np.abs(values).max()) if values.size else 0.0


def worst_entry(sizes: np.ndarray, first: int = 0) -> tuple[int, float]:
    """Place, counted from that of the first, and size of the largest entry, the first nan if there is one."""
    place = int(sizes.argmax())
    return first + place, float(sizes[place])
