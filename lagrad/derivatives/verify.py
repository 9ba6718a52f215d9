"""The guard: derivatives and a point in, an error out if values or matrices are not those of the functions.

A wrong pattern is a silently wrong answer, so every set-up and every solve ends with a look. One random
direction v is enough to see an entry that is missing: J v and H v against central differences, which need no
further compilation. What looks wrong there is judged by one exact JVP or Hessian-vector product.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lagrad.compile.outputs import lower_values
from lagrad.compile.xla import Compiled
from lagrad.derivatives.reference import reference
from lagrad.errors import DerivativeError
from lagrad.problem.problem import Problem

# The guard sits below `Derivatives` and is handed one.
Derivatives = Any

STEP = 1e-6
# Central differences of smooth functions agree to about 1e-8; a missing entry is off by its whole size.
SUSPICIOUS = 1e-3
WRONG = 1e-7
# Rounding of a function's value, as a share of the terms that it adds up.
ROUNDING = 2e-14
# Times the difference of NumPy's value and XLA's, that of machine code may differ from them.
DOUBT = 1e3
NAMES = {
    "values": "Objective and constraints",
    "gradient": "Gradient of the objective",
    "jacobian": "Jacobian",
    "hessian": "Hessian of the Lagrangian",
}
CURE = (
    "Ask lagrad.check_derivatives(problem) whether a custom rule of yours is wrong; if it is not, "
    'differentiate with strategy="dense" to go on, and report the functions.'
)
EXACT = ("an exact product with a random direction", "what XLA gives")
PATTERN_CURE = (
    "The given `{}_pattern` lacks entries there: add them, or leave the argument out: lagrad finds them."
)


def verify(
    derivatives: Derivatives, x: np.ndarray, multipliers: np.ndarray, params=None, *, first: bool = True
) -> None:
    """Compare values with NumPy's, and matrices with products that do not use their patterns.

    Args:
        derivatives: what is looked at.
        x: point, shape (n,).
        multipliers: weights of the constraint rows, shape (m,).
        params: params of the point, or None for the problem's own.
        first: whether values are looked at, too; they need that once.

    Raises:
        DerivativeError: a matrix is wrong; the message names the rows.
    """
    if params is not None:
        derivatives, params = derivatives.bind(params), None
    random = np.random.default_rng(0)
    # Different sizes, so that two missing entries of one row do not cancel.
    direction = random.choice([-1.0, 1.0], derivatives.n) * random.uniform(0.5, 1.0, derivatives.n)
    step = STEP * np.maximum(1.0, np.abs(x))
    before, after = x - step * direction, x + step * direction
    # What is not finite is for others to refuse; here it is left out of the comparison.
    with np.errstate(all="ignore"):
        if first:
            verify_values(derivatives, after, params)
        ends = [derivatives.values(point, params) for point in (before, after)]
        verify_gradient(derivatives, x, (after - before) / 2, [f for f, _ in ends], params)
        verify_jacobian(derivatives, x, (after - before) / 2, [c for _, c in ends], params)
        verify_hessian(derivatives, x, before, after, multipliers, params)


def verify_values(derivatives: Derivatives, x: np.ndarray, params) -> None:
    """f and c against NumPy, then against XLA, where they are not XLA's own."""
    if isinstance(derivatives.functions["values"], Compiled):
        return
    f, c = derivatives.values(x, params)
    found, leaves = np.array([f, *c]), derivatives.leaves
    expected = reference(derivatives.program, x, leaves)
    scale = 1.0 + np.abs(expected) + sizes(derivatives, x, np.abs(x), params)
    rows = np.flatnonzero(np.isfinite(expected) & ~(np.abs(found - expected) <= WRONG * scale))
    if rows.size:
        compiled = lower_values(derivatives.program).compile()
        exact = np.concatenate([np.reshape(each, -1) for each in compiled(x, *leaves)])
        # How far two right answers differ tells how much of any is rounding.
        doubt = DOUBT / WRONG * np.abs(expected - exact)
        refuse(derivatives, "values", rows, found, exact, scale + doubt)


def sizes(derivatives: Derivatives, x: np.ndarray, move: np.ndarray, params) -> np.ndarray:
    """Size of what f and the rows of c add up when x moves, shape (m + 1,)."""
    values, gradient = derivatives.jacobian_values(x, params), derivatives.gradient(x, params)
    rows = times(derivatives.jacobian_structure, np.abs(values), move, derivatives.m)
    return np.concatenate([[np.abs(gradient) @ move], rows])


def verify_gradient(derivatives: Derivatives, x, move, ends: list[float], params) -> None:
    """The gradient along v against the difference of f at both ends, then against a JVP."""
    gradient = derivatives.gradient(x, params)
    product, scale = np.array([gradient @ move]), np.array([np.abs(gradient) @ np.abs(move)])
    terms = np.abs(ends[:1]) + np.abs(gradient) @ np.abs(x)
    rows = suspects(product, np.array([ends[1] - ends[0]]) / 2, scale, terms)
    if rows.size:
        exact = np.array([derivatives.along(x, move, params)[0]])
        refuse(derivatives, "gradient", rows, product, exact, scale)


def verify_jacobian(derivatives: Derivatives, x, move, ends: list[np.ndarray], params) -> None:
    """J v against the difference of c at both ends, then against a JVP."""
    if not derivatives.m:
        return
    values = derivatives.jacobian_values(x, params)
    product = times(derivatives.jacobian_structure, values, move, derivatives.m)
    scale = times(derivatives.jacobian_structure, np.abs(values), np.abs(move), derivatives.m)
    terms = np.abs(ends[0]) + times(derivatives.jacobian_structure, np.abs(values), np.abs(x), derivatives.m)
    rows = suspects(product, (ends[1] - ends[0]) / 2, scale, terms)
    if rows.size:
        exact = derivatives.jvp(x, move, params)
        refuse(derivatives, "jacobian", rows, product, exact, scale)


def verify_hessian(derivatives: Derivatives, x, before, after, multipliers, params) -> None:
    """H v against the difference of the Lagrangian's gradient, then against a Hessian-vector product."""
    move, values = (after - before) / 2, derivatives.hessian_values(x, multipliers, 1.0, params)
    rows, columns = derivatives.hessian_structure
    values = np.concatenate([values, np.where(rows == columns, 0.0, values)])
    entries = np.concatenate([rows, columns]), np.concatenate([columns, rows])
    product = times(entries, values, move, derivatives.n)
    scale = times(entries, np.abs(values), np.abs(move), derivatives.n)
    (first, terms), (second, _) = (
        slope(derivatives, point, multipliers, params) for point in (before, after)
    )
    found = suspects(product, (second - first) / 2, scale, terms)
    if found.size:
        exact = derivatives.hvp(x, multipliers, move, 1.0, params)
        refuse(derivatives, "hessian", found, product, exact, scale)


def slope(derivatives: Derivatives, x: np.ndarray, multipliers: np.ndarray, params) -> tuple:
    """Gradient of f + multipliers @ c, and the size of the terms that it adds up."""
    rows, columns = derivatives.jacobian_structure
    values, gradient = derivatives.jacobian_values(x, params), derivatives.gradient(x, params)
    total = gradient + times((columns, rows), values, multipliers, derivatives.n)
    size = np.abs(gradient) + times((columns, rows), np.abs(values), np.abs(multipliers), derivatives.n)
    return total, size


def times(
    entries: tuple[np.ndarray, np.ndarray], values: np.ndarray, factor: np.ndarray, size: int
) -> np.ndarray:
    """Product of the matrix of some triplets with a vector."""
    rows, columns = entries
    return np.bincount(rows, weights=values * factor[columns], minlength=size)


def suspects(found: np.ndarray, expected: np.ndarray, scale: np.ndarray, terms: np.ndarray) -> np.ndarray:
    """Rows that differ by more than rounding and curvature explain; not where a difference is not finite.

    Args:
        found: entries of a product with an assembled matrix.
        expected: differences of the function.
        scale: size of what the product adds up.
        terms: size of what the function adds up.
    """
    error, least = np.abs(found - expected), ROUNDING * (1.0 + terms)
    return np.flatnonzero(np.isfinite(error) & (error > SUSPICIOUS * (scale + np.abs(expected)) + least))


def refuse(
    derivatives: Derivatives,
    matrix: str,
    rows: np.ndarray,
    found: np.ndarray,
    exact: np.ndarray,
    scale: np.ndarray,
) -> None:
    """Raise if the suspects are wrong in exact arithmetic, too."""
    error = np.abs(found - exact)[rows]
    wrong = rows[np.isfinite(error) & (error > WRONG * (scale + np.abs(exact))[rows])]
    if wrong.size:
        describe = describer(derivatives.problem, matrix)
        shown = ", ".join(describe(int(row)) for row in wrong[:5]) + (", ..." if wrong.size > 5 else "")
        unit = 1.0 if matrix == "values" else STEP
        cure = PATTERN_CURE.format(matrix) if matrix in derivatives.plan.given else CURE
        raise DerivativeError(
            f"{NAMES[matrix]}: {wrong.size} rows differ from {EXACT[matrix == 'values']}: {shown}. "
            f"{describe(int(wrong[0]))}: {found[wrong[0]] / unit:.6g} found, "
            f"{exact[wrong[0]] / unit:.6g} expected. {cure}"
        )


def describer(problem: Problem, matrix: str) -> Callable[[int], str]:
    """What names a row."""
    if matrix in ("values", "gradient"):
        return lambda row: "the objective" if row == 0 else problem.describe_row(row - 1)
    return problem.describe_row if matrix == "jacobian" else problem.variables.describe
