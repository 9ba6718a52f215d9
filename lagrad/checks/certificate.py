"""Certify a solution: evaluate the optimality conditions from the functions alone.

First order: residuals by plain JAX products with the user's own functions, judged by the rule of
lagrad/solvers/optimality.py. Then, on the rows and bounds that are active,

    LICQ           rank of their gradients                     =   their number
    second order   H positive on the directions that keep the strongly active ones   ->   strict minimum

Weakly active rows (no multiplier) leave a gap between what is sufficient and what is necessary; between the
two the answer is None. Bounds are eliminated before anything is factorised.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from lagrad.annotations import Pytree
from lagrad.checks.inertia import is_convex_along, rank, unit_rows
from lagrad.checks.oracle import Oracle
from lagrad.derivatives import Derivatives, differentiate
from lagrad.errors import ProblemError
from lagrad.problem.multipliers import flat_multipliers
from lagrad.problem.problem import Problem, problem_of
from lagrad.solution.solution import Certificate, Solution
from lagrad.solvers.entries import Entries
from lagrad.solvers.optimality import INFINITE, certificate, is_step_notable, largest

# Of rows, lower bounds and upper bounds, flat.
Multipliers = tuple[np.ndarray, np.ndarray, np.ndarray]
# A side this near, relative to max(1, |side|), is active if its multiplier is larger than the distance.
NEAR = 1e-4
TOUCHING = 1e-6
# Multipliers up to this, relative to the gradient, count as zero.
NO_FORCE = 1e-7


def certify(problem: Problem | Derivatives, solution: Solution, *, params: Pytree = None) -> Certificate:
    """Recompute the optimality conditions at a solution, independently of the solver and of its derivatives.

    Args:
        problem: what was solved, with the bounds that were used; or its Derivatives, which saves set-up.
        solution: point and multipliers, from wherever.
        params: those given to `solve`, if any.

    Returns:
        Certificate with rank and second-order condition where they could be computed; prints as a page.

    Raises:
        ProblemError: no Solution, or one that does not have the problem's structure.
        DerivativeError: the functions cannot be differentiated.

    >>> problem = lagrad.Problem(lambda x: x @ x, [3.0, 1.0], lagrad.Equality(lambda x: x[0] + x[1], 2.0))
    >>> found = certify(problem, lagrad.solve(problem, method="trust-constr"))
    >>> found.is_satisfied, found.is_regular, found.second_order
    (True, True, True)
    """
    declared = problem_of(problem)
    if not isinstance(solution, Solution):
        found = f"{type(solution).__name__}, expected a Solution"
        raise ProblemError(f"`solution`: {found}. For a bare point: `lagrad.solve(problem, x0=x)`.")
    derivatives = problem if isinstance(problem, Derivatives) else differentiate(declared)
    problem = declared
    x = problem.variables.flatten(solution.x)
    multipliers = multipliers_of(problem, solution)
    oracle, jacobian = Oracle(problem, params), derivatives.jacobian(x, params)
    values = oracle.values(x)
    gradient = oracle.vjp(x, first_unit(problem.m))
    slope = oracle.vjp(x, np.concatenate([[1.0], multipliers[0]]))
    # The assembled Jacobian only scales; what it and the original functions disagree on counts as residual.
    effective = slope - jacobian.T @ multipliers[0]
    start_gradient = largest(oracle.vjp(problem.start, first_unit(problem.m)))
    tolerance = solution.certificate.tolerance
    first = effective, values[1:], Entries.of(jacobian)
    found = certificate(problem, x, first, multipliers, start_gradient, tolerance, objective=float(values[0]))
    found = with_signs(found, problem, multipliers, max(1.0, largest(gradient), start_gradient / 100.0))
    if not np.isfinite(values).all():
        return replace(found, error=np.nan)
    if not np.isfinite(slope).all() or not np.isfinite(jacobian.data).all():
        return found
    hessian = derivatives.hessian(x, multipliers[0], 1.0, params)
    if not np.isfinite(hessian.data).all():
        return found
    slopes, says_little = (gradient, slope), start_gradient >= INFINITE and found.is_satisfied
    if says_little and is_step_notable(problem, x, float(values[0]), slopes, hessian.diagonal()):
        found = replace(found, error=np.inf)
    return with_curvature(found, problem, (x, values[1:], gradient), multipliers, (jacobian, hessian))


def multipliers_of(problem: Problem, solution: Solution) -> Multipliers:
    """Multipliers of rows (m,), lower bounds (n,) and upper bounds (n,), flat."""
    lower, upper = (problem.variables.flatten(side) for side in solution.bound_multipliers)
    return flat_multipliers(problem, solution.multipliers), lower, upper


def first_unit(m: int) -> np.ndarray:
    """Weights of the objective alone, shape (m + 1,)."""
    return np.concatenate([[1.0], np.zeros(m)])


def with_signs(found: Certificate, problem: Problem, multipliers: Multipliers, weight: float) -> Certificate:
    """The certificate with bound multipliers of the wrong sign counted; rows are judged by their sides."""
    wrong = np.maximum(np.maximum(-multipliers[1], -multipliers[2]), 0.0)
    if not largest(wrong) > found.complementarity:
        return found
    name = problem.variables.describe(int(np.argmax(wrong)))
    return replace(
        found,
        complementarity=largest(wrong),
        error=max(found.error, largest(wrong) / weight),
        worst={**found.worst, "complementarity": f"{name}, multiplier of the wrong sign"},
    )


def with_curvature(
    found: Certificate,
    problem: Problem,
    point: tuple[np.ndarray, np.ndarray, np.ndarray],
    multipliers: Multipliers,
    matrices: tuple[sp.csr_array, sp.csr_array],
) -> Certificate:
    """The certificate with rank, number of active rows and second-order condition."""
    x, c, gradient = point
    jacobian, hessian = matrices
    weight = NO_FORCE * max(1.0, largest(gradient))
    rows = (problem.constraint_lower, problem.constraint_upper)
    bounds = (problem.lower, problem.upper)
    above, below = np.maximum(multipliers[0], 0.0), np.maximum(-multipliers[0], 0.0)
    strong_rows, active_rows = activity(c, rows, below, above, weight)
    strong_bounds, active_bounds = activity(x, bounds, multipliers[1], multipliers[2], weight)
    free = ~active_bounds
    # Scaled before columns are dropped, so that a gradient along the bounds alone counts as none.
    independent = rank(unit_rows(jacobian[active_rows])[:, free])
    return replace(
        found,
        constraint_rank=None if independent is None else int(active_bounds.sum()) + independent,
        active_rows=int(active_rows.sum() + active_bounds.sum()),
        second_order=second_order(hessian, jacobian, (strong_rows, ~strong_bounds), (active_rows, free)),
    )


def activity(
    value: np.ndarray,
    sides: tuple[np.ndarray, np.ndarray],
    lower: np.ndarray,
    upper: np.ndarray,
    weight: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Which rows (or bounds) press, and which are active at all: two Boolean arrays.

    Args:
        value: of each row.
        sides: lower and upper.
        lower: multiplier of the lower side, nonnegative.
        upper: of the upper side.
        weight: multiplier that counts as zero.
    """
    is_equality = sides[0] == sides[1]
    strong, active = is_equality.copy(), is_equality.copy()
    for side, multiplier in ((sides[0], lower), (sides[1], upper)):
        distance = np.abs(value - side) / np.maximum(1.0, np.where(np.isfinite(side), np.abs(side), 1.0))
        presses = (distance <= NEAR) & (multiplier >= distance) & (multiplier > weight)
        strong, active = strong | presses, active | presses | (distance <= TOUCHING)
    return strong, active


def second_order(
    hessian: sp.csr_array,
    jacobian: sp.csr_array,
    strong: tuple[np.ndarray, np.ndarray],
    active: tuple[np.ndarray, np.ndarray],
) -> bool | None:
    """Whether the point is a strict local minimum to second order.

    Args:
        hessian: of the Lagrangian, (n, n).
        jacobian: (m, n).
        strong: rows that press (m,), variables not held by a bound that presses (n,).
        active: all active rows (m,), variables at no bound (n,).

    Returns:
        True if the sufficient condition holds, False if the necessary one fails or the curvature vanishes
        along a direction that nothing stops, None between the two.
    """
    sufficient = reduced(hessian, jacobian, *strong, floor=1e-8)
    if sufficient is not False:
        return sufficient
    if all(np.array_equal(one, other) for one, other in zip(strong, active, strict=True)):
        return False
    necessary = reduced(hessian, jacobian, *active, floor=-1e-8)
    return False if necessary is False else None


def reduced(
    hessian: sp.csr_array, jacobian: sp.csr_array, rows: np.ndarray, free: np.ndarray, floor: float
) -> bool | None:
    """Whether the Hessian is positive along free directions that keep the rows."""
    return is_convex_along(sp.csr_array(hessian)[free][:, free], jacobian[rows][:, free], floor)
