"""Hold values and matrices against the functions they belong to, and tell rounding from error.

What is compared with what, where and on which scale, is in this folder's README.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lagrad.coloring import color_columns
from lagrad.compile.xla import Compiled
from lagrad.derivatives.numpy_values import numpy_values
from lagrad.derivatives.reference import EPSILON, Reference
from lagrad.derivatives.user_patterns import nearby
from lagrad.errors import DerivativeError
from lagrad.pattern import SparsityPattern
from lagrad.primitives.calls import CALLS
from lagrad.problem.problem import Problem
from lagrad.program.program import numbered
from lagrad.source_location import warn_user

# Derivatives imports this file and is handed to it.
Derivatives = Any

# What is off by more than this share of the terms of a row is an error, unless rounding explains it.
WRONG = 1e-8
# Rounding errors are so many times what moving every result by a few units in the last place shows.
SPREAD = 50.0
# Up to so many variables, or colors, every entry is looked at by itself.
APART = 64
# Step of differences, and the share of a slope up to which they are believed.
STEP, BELIEVED = 1e-4, 1e-7
# Rounding of a function's value, as a share of its terms.
NOISE = 8 * EPSILON
# So far off, differences speak against a derivative rule of somebody's own.
UNLIKE = 1e-4
# Directions of a quick look at set-up: many where evaluation costs nothing.
MANY, FEW, SMALL = 16, 2, 1000

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
RULE_CURE = (
    "A custom rule of yours is not the derivative of its function: lagrad.check_derivatives(problem) names "
    "the entry. If that is on purpose, differentiate with check=False."
)
PATTERN_CURE = (
    "The given `{}_pattern` lacks entries there: add them, or leave the argument out: lagrad finds them."
)


@dataclass(frozen=True)
class Doubt:
    """What speaks against a matrix, or against f and c.

    Args:
        matrix: one of `NAMES`.
        names: of the rows that are off, the worst first.
        found: the worst entry or product.
        expected: the same by another computation.
        against: that computation, in words.
        cure: what to do.
        is_proven: whether JAX itself computes something else from the same equations.
    """

    matrix: str
    names: tuple[str, ...]
    found: float
    expected: float
    against: str
    cure: str
    is_proven: bool = True

    def __str__(self) -> str:
        count = len(self.names)
        shown = ", ".join(self.names[:5]) + (", ..." if count > 5 else "")
        many = "1 row differs" if count == 1 else f"{count} rows differ"
        return (
            f"{NAMES[self.matrix]}: {many} from {self.against}: {shown}. "
            f"{self.names[0]}: {self.found:.10g} found, {self.expected:.10g} expected. {self.cure}"
        )


@dataclass(frozen=True, eq=False)
class Side:
    """One vector that is compared.

    Args:
        matrix: one of `NAMES`.
        found: x -> the vector, and the size of what each of its entries adds up.
        expected: noise -> the same vector by JAX.
        column: the variable whose entries it holds, None for a mixture.
    """

    matrix: str
    found: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    expected: Callable[[np.ndarray], np.ndarray]
    column: int | None = None


def examine(
    derivatives: Derivatives, x: np.ndarray, multipliers: np.ndarray, only: Collection[str] = tuple(NAMES)
) -> list[Doubt]:
    """Compare with what JAX computes from the equations as they were traced.

    Args:
        derivatives: what is looked at.
        x: point, shape (n,).
        multipliers: weights of the constraint rows, shape (m,).
        only: which of `NAMES` to look at.

    Returns:
        What is proven wrong, empty if all is right.
    """
    worst: dict[str, dict[int, tuple]] = {name: {} for name in NAMES}
    with np.errstate(all="ignore"):
        for name in only:
            for side in SIDES[name](derivatives, x, multipliers):
                for row, *what in off(side, x, derivatives.reference):
                    known = worst[name].get(row)
                    if known is None or what[0] > known[0]:
                        worst[name][row] = (*what, side.column)
    return [told(derivatives, name, rows) for name, rows in worst.items() if rows]


def values_side(derivatives: Derivatives, x: np.ndarray, multipliers: np.ndarray) -> Iterator[Side]:
    """f and c."""
    expected = lambda noise: derivatives.reference.values(noise, x, derivatives.leaves)  # noqa: E731
    yield Side("values", lambda y: alone(values_of(derivatives, y)), expected)


def gradient_side(derivatives: Derivatives, x: np.ndarray, multipliers: np.ndarray) -> Iterator[Side]:
    """Gradient of f."""
    expected = lambda noise: derivatives.reference.gradient(noise, x, derivatives.leaves)  # noqa: E731
    yield Side("gradient", lambda y: alone(derivatives.gradient(y)), expected)


def jacobian_sides(derivatives: Derivatives, x: np.ndarray, multipliers: np.ndarray) -> Iterator[Side]:
    """Products with the Jacobian."""
    reference, structure, m = derivatives.reference, derivatives.jacobian_structure, derivatives.m
    entries = at_point(derivatives.jacobian_values, x)
    for direction, column in directions(structure, m, derivatives.n) if m else ():
        expected = lambda noise, v=direction: reference.jvp(noise, x, v, derivatives.leaves)[1:]  # noqa: E731
        yield Side("jacobian", product_of(structure, entries, direction, m), expected, column)


def hessian_sides(derivatives: Derivatives, x: np.ndarray, multipliers: np.ndarray) -> Iterator[Side]:
    """Products with the Lagrangian's Hessian."""
    reference, structure = derivatives.reference, both_triangles(derivatives.hessian_structure)
    entries, n = at_point(lambda y: mirrored(derivatives, y, multipliers), x), derivatives.n
    weights = np.concatenate([[1.0], multipliers])
    for direction, column in directions(structure, n, n):
        expected = lambda noise, v=direction: reference.hvp(noise, x, weights, v, derivatives.leaves)  # noqa: E731
        yield Side("hessian", product_of(structure, entries, direction, n), expected, column)


SIDES: dict[str, Callable[..., Iterator[Side]]] = {
    "values": values_side,
    "gradient": gradient_side,
    "jacobian": jacobian_sides,
    "hessian": hessian_sides,
}


def alone(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A vector whose entries add up nothing."""
    return vector, np.zeros_like(vector)


def off(side: Side, x: np.ndarray, reference: Reference) -> list[tuple[int, float, float, float]]:
    """Rows of a vector that are wrong: row, error relative to its size, found, expected."""
    quiet, *noises = reference.noises
    found, terms = side.found(x)
    expected = side.expected(quiet)
    error, scale = np.abs(found - expected), terms + np.abs(expected)
    bad = disagree(side.matrix, found, expected) | (error > WRONG * scale)
    if not bad.any():
        return []
    spread = np.zeros_like(error)
    for noise in noises:
        moved = side.expected(noise)
        # Where rounding decides whether a number is finite, nothing is proven.
        bad &= np.isfinite(moved) == np.isfinite(expected)
        mine = side.found(x * (1.0 + noise[: x.size]))[0]
        spread = np.fmax(spread, np.fmax(np.abs(moved - expected), np.abs(mine - found)))
    bad &= ~(error <= SPREAD * spread)
    share = np.where(np.isfinite(error), error / scale, np.inf)
    return [(int(row), share[row], found[row], expected[row]) for row in np.flatnonzero(bad)]


def disagree(matrix: str, found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Where one side is finite and the other not.

    A derivative that is finite here and nan in JAX is masked there: 0 times infinity, see the README.
    """
    one, other = np.isfinite(found), np.isfinite(expected)
    return one != other if matrix == "values" else (other & ~one) | (one & np.isinf(expected))


def told(derivatives: Derivatives, matrix: str, rows: dict[int, tuple]) -> Doubt:
    """The doubt of some rows."""
    order = sorted(rows, key=lambda row: -rows[row][0])
    describe = describer(derivatives.problem, matrix)
    _, found, expected, column = rows[order[0]]
    names = [describe(row) for row in order]
    if column is not None:
        names[0] += f" by {derivatives.problem.variables.describe(column)}"
    given = matrix in derivatives.plan.given
    cure = PATTERN_CURE.format(matrix) if given else CURE
    return Doubt(matrix, tuple(names), float(found), float(expected), "what JAX gives", cure)


def describer(problem: Problem, matrix: str) -> Callable[[int], str]:
    """What names a row."""
    if matrix == "values":
        return lambda row: "the objective" if row == 0 else problem.describe_row(row - 1)
    return problem.describe_row if matrix == "jacobian" else problem.variables.describe


def directions(structure, rows: int, n: int) -> Iterator[tuple[np.ndarray, int | None]]:
    """Directions in which each entry stands alone, as far as that takes few; then mixtures of all."""
    if n <= APART:
        for column in range(n):
            yield unit(n, column), column
        return
    random = np.random.default_rng(0)
    # Different sizes, so that two missing entries of one row do not cancel.
    mixture = random.choice([-1.0, 1.0], n) * random.uniform(0.5, 1.0, n)
    colors = color_columns(SparsityPattern.from_triplets(*structure, (rows, n))).column_colors
    if colors.max(initial=0) <= APART:
        for color in range(1, int(colors.max(initial=0)) + 1):
            yield np.where(colors == color, mixture, 0.0), None
    yield mixture, None
    yield random.permutation(mixture), None


def unit(n: int, column: int) -> np.ndarray:
    """Unit vector, shape (n,)."""
    found = np.zeros(n)
    found[column] = 1.0
    return found


def at_point(entries: Callable, x: np.ndarray) -> Callable:
    """The same function of x, evaluated at one point in advance."""
    here = entries(x)
    return lambda y: here if y is x else entries(y)


def product_of(structure, entries: Callable, direction: np.ndarray, rows: int) -> Callable:
    """x -> product of a matrix with a direction, and the size of what it adds up."""

    def product(x):
        values = entries(x)
        return (
            times(structure, values, direction, rows),
            times(structure, np.abs(values), np.abs(direction), rows),
        )

    return product


def times(
    entries: tuple[np.ndarray, np.ndarray], values: np.ndarray, factor: np.ndarray, size: int
) -> np.ndarray:
    """Product of the matrix of some triplets with a vector; what the vector leaves out is no nan."""
    rows, columns = entries
    factors = factor[columns]
    return np.bincount(rows, weights=np.where(factors != 0.0, values * factors, 0.0), minlength=size)


def both_triangles(structure: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Triplets of a symmetric matrix from those of its lower triangle; see `mirrored`."""
    rows, columns = structure
    return np.concatenate([rows, columns]), np.concatenate([columns, rows])


def mirrored(derivatives: Derivatives, x: np.ndarray, multipliers: np.ndarray) -> np.ndarray:
    """Values of both triangles of the Hessian, the diagonal once."""
    rows, columns = derivatives.hessian_structure
    values = derivatives.hessian_values(x, multipliers, 1.0)
    return np.concatenate([values, np.where(rows == columns, 0.0, values)])


def values_of(derivatives: Derivatives, x: np.ndarray) -> np.ndarray:
    """F = [f, c], shape (m + 1,)."""
    f, c = derivatives.values(x)
    return np.concatenate([[f], c])


@dataclass(frozen=True, eq=False)
class Slope:
    """A product with a matrix beside differences of what it is the derivative of, along the same move.

    Args:
        matrix: "gradient", "jacobian" or "hessian".
        found: the product.
        scale: size of what the product adds up.
        differences: of the function.
        error: of the differences: curvature, kinks, rounding.
    """

    matrix: str
    found: np.ndarray
    scale: np.ndarray
    differences: np.ndarray
    error: np.ndarray

    def suspects(self, share: float = BELIEVED) -> np.ndarray:
        """Rows on which they differ by more than a share of the scale and what differences may be off."""
        unlike = ~(np.abs(self.found - self.differences) <= share * self.scale + self.error)
        return np.flatnonzero(np.isfinite(self.differences) & unlike)


def look(derivatives: Derivatives, x: np.ndarray, multipliers: np.ndarray, *, thorough: bool) -> list[Doubt]:
    """Compare matrices with differences, which need no compilation, and what looks wrong there with JAX.

    Args:
        derivatives: what is looked at.
        x: point, shape (n,).
        multipliers: weights of the constraint rows, shape (m,).
        thorough: whether values are looked at, too, and matrices along several directions.

    Returns:
        Doubts, empty if all looks right.
    """
    with np.errstate(all="ignore"):
        unlike = [slope for slope in glance(derivatives, x, multipliers, thorough) if slope.suspects().size]
        suspected = {slope.matrix for slope in unlike}
        if thorough and not agrees_with_numpy(derivatives, x):
            suspected.add("values")
        proven = examine(derivatives, x, multipliers, suspected)
        if proven or not unlike or not derivatives.reference.has_own_rules:
            return proven
        return [rule_doubt(derivatives, slope) for slope in unlike if slope.suspects(UNLIKE).size][:1]


def look_at_set_up(derivatives: Derivatives) -> None:
    """Look at the start, and at a point nearby, where entries that vanish at the start show.

    Raises:
        DerivativeError: something is proven wrong. A mere doubt is a warning.
    """
    problem = derivatives.problem
    multipliers = np.random.default_rng(1).uniform(0.5, 1.5, problem.m)
    doubts = look(derivatives, problem.start, multipliers, thorough=False)
    doubts = doubts or look(derivatives, nearby(problem), multipliers, thorough=True)
    refuse([doubt for doubt in doubts if doubt.is_proven])
    if doubts:
        warn_user(" ".join(map(str, doubts)))


def refuse(doubts: list[Doubt]) -> None:
    """Raise what is proven.

    Raises:
        DerivativeError: anything is.
    """
    if doubts:
        raise DerivativeError(" ".join(map(str, doubts)))


def rule_doubt(derivatives: Derivatives, slope: Slope) -> Doubt:
    """The doubt that differences cast on a derivative rule of the user's."""
    rows = slope.suspects(UNLIKE)
    rows = rows[np.argsort(-np.abs(slope.found - slope.differences)[rows])]
    describe = describer(derivatives.problem, slope.matrix)
    names = ("the objective",) if slope.matrix == "gradient" else tuple(map(describe, rows.tolist()))
    found, expected = slope.found[rows[0]] / STEP, slope.differences[rows[0]] / STEP
    return Doubt(slope.matrix, names, found, expected, "finite differences", RULE_CURE, is_proven=False)


def glance(derivatives: Derivatives, x: np.ndarray, multipliers, thorough: bool) -> Iterator[Slope]:
    """Products with the matrices along a few moves, beside differences."""
    first, second = derivatives.jacobian_structure, both_triangles(derivatives.hessian_structure)
    m, n, size = derivatives.m, derivatives.n, np.abs(x)
    gradient, jacobian = derivatives.gradient(x), derivatives.jacobian_values(x)
    hessian, here = mirrored(derivatives, x, multipliers), values_of(derivatives, x)
    slope, slope_terms = slope_of(derivatives, x, multipliers)
    terms = np.concatenate([[np.abs(gradient) @ size], times(first, np.abs(jacobian), size, m)])
    slope_terms = slope_terms + times(second, np.abs(hessian), size, n)
    for direction in moves(n, thorough):
        move = STEP * np.maximum(1.0, size) * direction
        before, after = [x - 2 * move, x - move], [x + move, x + 2 * move]
        around = [
            *(values_of(derivatives, y) for y in before),
            here,
            *(values_of(derivatives, y) for y in after),
        ]
        differences, error = central(around, terms)
        found, scale = np.atleast_1d(gradient @ move), np.atleast_1d(np.abs(gradient) @ np.abs(move))
        yield Slope("gradient", found, scale, differences[:1], error[:1])
        if m:
            found, scale = times(first, jacobian, move, m), times(first, np.abs(jacobian), np.abs(move), m)
            yield Slope("jacobian", found, scale, differences[1:], error[1:])
        around = [slope_of(derivatives, y, multipliers)[0] for y in before]
        around += [slope, *(slope_of(derivatives, y, multipliers)[0] for y in after)]
        differences, error = central(around, slope_terms)
        found, scale = times(second, hessian, move, n), times(second, np.abs(hessian), np.abs(move), n)
        yield Slope("hessian", found, scale, differences, error)


def moves(n: int, thorough: bool) -> Iterator[np.ndarray]:
    """Directions of differences: each variable in one of some groups, then all of them together."""
    random = np.random.default_rng(0)
    mixture = random.choice([-1.0, 1.0], n) * random.uniform(0.5, 1.0, n)
    if thorough and n > 1:
        group = random.permutation(n) % min(n, MANY if n <= SMALL else FEW)
        for each in range(int(group.max()) + 1):
            yield np.where(group == each, mixture, 0.0)
    yield mixture


def central(around: list[np.ndarray], terms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Central difference at -2, -1, 0, 1, 2 moves, extrapolated once, and what it may be off.

    The two that it is made of differ by curvature, and by rounding; second differences, 4 times as large at
    twice the distance, do not grow like that across a kink.
    """
    far_before, before, here, after, far_after = around
    near, far = (after - before) / 2, (far_after - far_before) / 4
    kink = np.abs(4 * (after - 2 * here + before) - (far_after - 2 * here + far_before)) / 2
    size = terms + np.abs(far_before) + np.abs(far_after)
    return (4 * near - far) / 3, 3 * (np.abs(near - far) + kink) + NOISE * size


def slope_of(derivatives: Derivatives, x: np.ndarray, multipliers: np.ndarray) -> tuple:
    """Gradient of f + multipliers @ c, and the size of the terms that it adds up."""
    rows, columns = derivatives.jacobian_structure
    values, gradient = derivatives.jacobian_values(x), derivatives.gradient(x)
    total = gradient + times((columns, rows), values, multipliers, derivatives.n)
    size = np.abs(gradient) + times((columns, rows), np.abs(values), np.abs(multipliers), derivatives.n)
    return total, size


def agrees_with_numpy(derivatives: Derivatives, x: np.ndarray) -> bool:
    """Whether f and c are NumPy's, so far as NumPy can tell; XLA's own are JAX's by themselves."""
    if isinstance(derivatives.functions["values"], Compiled):
        return True
    expected = numpy_values(numbered(derivatives.reference.closed, CALLS), x, derivatives.leaves)
    if expected is None:
        return False
    found, size = values_of(derivatives, x), np.abs(x)
    first, entries = derivatives.jacobian_structure, np.abs(derivatives.jacobian_values(x))
    terms = np.concatenate(
        [[np.abs(derivatives.gradient(x)) @ size], times(first, entries, size, derivatives.m)]
    )
    close = np.abs(found - expected) <= WRONG / 10 * np.abs(expected) + SPREAD * NOISE * terms
    return bool((close | (np.isnan(found) & np.isnan(expected)) | (found == expected)).all())
