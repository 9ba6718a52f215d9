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

import numpy as np

from lagrad.problem.problem import Problem
from lagrad.solution.solution import Certificate
from lagrad.solvers.entries import Entries

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
    residual = gradient + jacobian.transposed_times(rows) + high - low
    # Rows first, then bounds.
    lower = np.concatenate([problem.constraint_lower, problem.lower])
    upper = np.concatenate([problem.constraint_upper, problem.upper])
    from_lower, from_upper = distances(problem, c, x, lower, upper)
    violation = np.maximum(np.maximum(-from_lower, -from_upper), 0.0)
    # Positive multipliers of rows meet the upper side, negative ones the lower.
    pressing = np.concatenate([np.maximum(-rows, 0.0), low]), np.concatenate([np.maximum(rows, 0.0), high])
    slackness = side_slackness(pressing[0], from_lower) + side_slackness(pressing[1], from_upper)
    slackness[lower == upper] = 0.0
    steepness = np.concatenate([jacobian.row_maxima() / SCALE, np.zeros(problem.n)])
    relative = violation / np.maximum(1.0, np.maximum(finite_size(lower, upper), steepness))
    weight = max(1.0, largest(gradient), start_gradient / SCALE)
    mean = mean_multiplier(multipliers)
    if mean * EPSILON <= tolerance * weight or not mean < INFINITE * SCALE:
        weight = max(weight, mean / SCALE)
    worth = max(1.0, abs(objective), start_gradient / SCALE)
    place, stationarity = worst_entry(residual)
    row, feasibility = worst_entry(violation)
    side, complementarity = worst_entry(slackness)
    worst = {
        "stationarity": problem.variables.describe(place) if stationarity > 0 else "",
        "feasibility": name_of(problem, row) if feasibility > 0 else "",
        "complementarity": name_of(problem, side) if complementarity > 0 else "",
    }
    return Certificate(
        stationarity=stationarity,
        feasibility=feasibility,
        complementarity=complementarity,
        error=worst_of(stationarity / weight, largest(relative), complementarity / worth, weight),
        tolerance=tolerance,
        worst={kind: name for kind, name in worst.items() if name},
    )


def worst_of(stationarity: float, feasibility: float, complementarity: float, weight: float) -> float:
    """The largest relative residual, infinite where they are relative to something endless."""
    return float(np.max([stationarity, feasibility, complementarity])) if weight < INFINITE else np.inf


def unknown_certificate(tolerance: float) -> Certificate:
    """The certificate of a point at which nothing could be evaluated."""
    return Certificate(np.nan, np.nan, np.nan, np.nan, tolerance)


def distances(
    problem: Problem, c: np.ndarray, x: np.ndarray, lower: np.ndarray, upper: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How far rows and variables are inside their lower and upper sides; infinite rows are outside both."""
    values = np.concatenate([c, x])
    from_lower, from_upper = values - lower, upper - values
    if not np.isfinite(c).all():
        is_endless = np.isinf(values)
        from_lower[is_endless] = from_upper[is_endless] = -np.inf
    return from_lower, from_upper


def side_slackness(multipliers: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Multiplier times distance to its side, the distance cut to [0, 1]."""
    return np.abs(multipliers) * np.minimum(np.maximum(distance, 0.0), 1.0)


def finite_size(lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """The larger magnitude of two sides, infinite ones left out."""
    sizes = [np.where(np.isfinite(side), np.abs(side), 0.0) for side in (lower, upper)]
    return np.maximum(*sizes)


def mean_multiplier(multipliers: tuple[np.ndarray, ...]) -> float:
    """Mean magnitude of all multipliers."""
    return sum(float(np.abs(part).sum()) for part in multipliers) / max(
        sum(part.size for part in multipliers), 1
    )


def largest(values: np.ndarray) -> float:
    """Largest magnitude, 0 for none, nan if there is one."""
    return float(np.abs(values).max()) if values.size else 0.0


def worst_entry(values: np.ndarray) -> tuple[int, float]:
    """Place and magnitude of the largest entry, the first nan if there is one; 0 for none."""
    if not values.size:
        return 0, 0.0
    sizes = np.abs(values)
    place = int(sizes.argmax())
    return place, float(sizes[place])


def name_of(problem: Problem, index: int) -> str:
    """Name of a row, or of a variable past the rows."""
    return problem.describe_row(index) if index < problem.m else problem.variables.describe(index - problem.m)
