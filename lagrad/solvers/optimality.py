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
have multipliers of 1e16 that cancel, anywhere. A gradient or mean multiplier 1e20 times max(1, |grad f at the
start|) counts as infinite: everything is small relative to it, and nothing is a solution. Where the gradient
at the start itself is that large, or below the tolerance, residuals say little, and a step is looked at too.
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
# A step that changes x and the objective by so large a part of them should have been taken.
NOTABLE = 1e-3
AT_BOUND = 1e-6
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
    endless = INFINITE * max(1.0, start_gradient)
    if mean * EPSILON <= tolerance * weight or not mean < endless * SCALE:
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
        error=worst_of(stationarity / weight, relative, complementarity / worth, weight / endless),
        tolerance=tolerance,
        worst={kind: name_of(problem, place) for kind, (place, size) in found.items() if size > 0},
    )


def is_step_notable(
    problem: Problem,
    x: np.ndarray,
    objective: float,
    slopes: tuple[np.ndarray, np.ndarray],
    bends: np.ndarray,
) -> bool:
    """Whether the best steps along single variables change the objective and one of them notably.

    Args:
        problem: declares bounds, which limit steps, and the start: what is to be 0 is compared with that.
        x: shape (n,).
        objective: f(x).
        slopes: grad f, and with J' multipliers added, (n,) each; on a straight line the first tells rounding.
        bends: diagonal of the Lagrangian's Hessian, shape (n,); along a straight line a step is endless.
    """
    gradient, downward = slopes[0], -slopes[1]
    sizes, bends = np.abs(downward), np.abs(bends)
    straight = np.where(sizes > NOTABLE * largest(gradient), np.inf, 0.0)
    steps = np.divide(sizes, bends, out=straight, where=bends > 0.0)
    room = np.where(downward < 0.0, x - problem.lower, problem.upper - x)
    steps = np.where(room > AT_BOUND * np.maximum(1.0, np.abs(x)), np.minimum(steps, room), 0.0)
    moving = steps > 0.0
    gain = float(np.sum(steps[moving] * sizes[moving]))
    is_long = moving & (steps >= NOTABLE * np.maximum(np.abs(x), np.abs(problem.start)))
    return bool(gain >= NOTABLE * abs(objective) and is_long.any())


def worst_of(stationarity: float, feasibility: float, complementarity: float, size: float) -> float:
    """The largest relative residual, infinite where `size`, a share of what is endless, is 1 or more."""
    if not size < 1.0:
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
