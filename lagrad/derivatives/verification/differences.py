"""Compare matrices with differences, and values with NumPy: nothing is compiled, and nothing proven."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from lagrad.compile.native.products import triplets_times
from lagrad.compile.xla import Compiled
from lagrad.derivatives.verification.doubts import Derivatives
from lagrad.derivatives.verification.listed_values import listed_values
from lagrad.derivatives.verification.numpy_values import numpy_values, one_at_a_time
from lagrad.derivatives.verification.products import (
    UNDERFLOW,
    at_least,
    dot,
    loosely,
    symmetric_times,
    values_of,
)
from lagrad.derivatives.verification.reference import EPSILON

# Equations of programs that are compiled only to look at values. Where JAX applies one equation at a time:
# the kinds that are compiled, and how many are applied, at some tens of microseconds each.
LONGEST_COMPILED, MOST_KINDS, MOST_APPLIED = 1000, 60, 20_000
# Step of differences, and the share of a slope up to which they are believed.
STEP, BELIEVED = 1e-4, 1e-7
# Differences that disagree by as much as they are large may be off by so many times more than others.
UNSURE = 30.0
# So far off, differences speak against a derivative rule of somebody's own.
UNLIKE = 1e-4
# Rounding of a function's value, as a share of its terms.
NOISE = 8 * EPSILON
# NumPy's values and machine code's differ by less than this share, or so often the rounding of their terms.
CLOSE, LOOSE = 1e-9, 50.0
# Number of variables -> groups of them in a thorough look: many where evaluation costs nothing, else none.
GROUPS = {100: 16, 1000: 4}


def glance(
    derivatives: Derivatives, x: np.ndarray, multipliers: np.ndarray, thorough: bool
) -> Iterator[Slope]:
    """Products with the matrices along a few moves, beside differences."""
    along = list(moves(x, thorough))
    yield from first_slopes(derivatives, x, along)
    yield from second_slopes(derivatives, x, multipliers, along)


def first_slopes(derivatives: Derivatives, x: np.ndarray, along: list[np.ndarray]) -> Iterator[Slope]:
    """Products with the gradient and the Jacobian, beside differences of f and c."""
    entries, m, size = derivatives.jacobian_structure, derivatives.m, np.abs(x)
    (gradient, jacobian), here = derivatives.first_order(x), values_of(derivatives, x)
    terms = np.concatenate([dot(np.abs(gradient), size), triplets_times(entries, np.abs(jacobian), size, m)])
    rounding = 8 * derivatives.reference.unit * (terms + np.abs(here))
    for move in along:
        beside = [values_of(derivatives, y) for y in around(x, move)]
        differences, error = central(beside, here, terms)
        found, scale = dot(gradient, move), dot(np.abs(gradient), np.abs(move))
        yield Slope("gradient", found, scale, differences[:1], error[:1], rounding[:1])
        if m:
            found = triplets_times(entries, jacobian, move, m)
            scale = triplets_times(entries, np.abs(jacobian), np.abs(move), m)
            yield Slope("jacobian", found, scale, differences[1:], error[1:], rounding[1:])


def second_slopes(
    derivatives: Derivatives, x: np.ndarray, multipliers: np.ndarray, along: list[np.ndarray]
) -> Iterator[Slope]:
    """Products with the Hessian of the Lagrangian, beside differences of its gradient."""
    entries, n = derivatives.hessian_structure, derivatives.n
    hessian, here = derivatives.hessian_values(x, multipliers, 1.0), slope_of(derivatives, x, multipliers)
    terms = slope_of(derivatives, x, multipliers, np.abs)
    terms += symmetric_times(entries, np.abs(hessian), np.abs(x), n)
    rounding = 8 * derivatives.reference.unit * terms
    for move in along:
        beside = [slope_of(derivatives, y, multipliers) for y in around(x, move)]
        differences, error = central(beside, here, terms)
        found = symmetric_times(entries, hessian, move, n)
        scale = symmetric_times(entries, np.abs(hessian), np.abs(move), n)
        yield Slope("hessian", found, scale, differences, error, rounding)


def around(x: np.ndarray, move: np.ndarray) -> Iterator[np.ndarray]:
    """The points of a difference, each made when it is asked for: of many variables they take much memory."""
    return (x + k * move for k in (-2, -1, 1, 2))


@dataclass(frozen=True, eq=False)
class Slope:
    """A product with a matrix beside differences of what it is the derivative of, along the same move.

    Args:
        matrix: "gradient", "jacobian" or "hessian".
        found: the product.
        scale: size of what the product adds up.
        differences: of the function.
        error: of the differences: curvature, kinks, rounding in float64.
        rounding: of the function, in the coarsest type of number that its program uses.
    """

    matrix: str
    found: np.ndarray
    scale: np.ndarray
    differences: np.ndarray
    error: np.ndarray
    rounding: np.ndarray

    def suspects(self, has_loose_rules: bool = False) -> np.ndarray:
        """Rows on which they differ by more than a share of the scale and what differences may be off."""
        # JAX itself, asked about less than this, would prove nothing.
        loose = at_least(self.scale) if has_loose_rules else 0.0
        return self._unlike(BELIEVED * self.scale + self.error + loose)

    def contradicted(self, has_loose_rules: bool = False) -> np.ndarray:
        """Rows on which differences alone speak against the product: coarse numbers do not explain it."""
        allowed = UNLIKE * self.scale + (loosely(self.scale) if has_loose_rules else 0.0)
        return self._unlike(allowed + self.error + self.rounding)

    def _unlike(self, allowed: np.ndarray) -> np.ndarray:
        unlike = ~(np.abs(self.found - self.differences) <= allowed + UNDERFLOW)
        return np.flatnonzero(np.isfinite(self.differences) & unlike)


def moves(x: np.ndarray, thorough: bool) -> Iterator[np.ndarray]:
    """Small moves from a point: each variable in one of some groups, then all of them together."""
    n, random = x.size, np.random.default_rng(0)
    mixture = random.uniform(-0.5, 0.5, n)
    mixture += np.copysign(0.5, mixture)
    mixture *= STEP * np.maximum(1.0, np.abs(x))
    groups = next((count for most, count in GROUPS.items() if n <= most), 0) if thorough else 0
    group = random.permutation(n) % groups if groups else None
    for each in range(min(n, groups) if n > 1 else 0):
        yield np.where(group == each, mixture, 0.0)
    yield mixture


def central(beside: list[np.ndarray], here: np.ndarray, terms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Central difference at -2, -1, 1, 2 moves, extrapolated once, and what it may be off.

    The two that it is made of differ by curvature, and by rounding; second differences, 4 times as large at
    twice the distance, do not grow like that across a kink. Where that is no small part of the difference,
    the difference says little.
    """
    far_before, before, after, far_after = beside
    near, far = (after - before) / 2, (far_after - far_before) / 4
    kink = np.abs(4 * (after - 2 * here + before) - (far_after - 2 * here + far_before)) / 2
    size, found = terms + np.abs(far_before) + np.abs(far_after), (4 * near - far) / 3
    apart = np.abs(near - far) + kink
    share = np.minimum(apart / np.maximum(np.abs(found), UNDERFLOW), 1.0)
    return found, 3 * apart * (1 + UNSURE * share) + NOISE * size


def slope_of(
    derivatives: Derivatives,
    x: np.ndarray,
    multipliers: np.ndarray,
    of: Callable[[np.ndarray], np.ndarray] = np.asarray,
) -> np.ndarray:
    """Gradient of f + multipliers @ c, or the same of what `of` makes of each number in it."""
    gradient, values = map(of, derivatives.first_order(x))
    if not values.size:
        return gradient
    rows, columns = derivatives.jacobian_structure
    return gradient + triplets_times((columns, rows), values, of(multipliers), derivatives.n)


def values_agree(derivatives: Derivatives, x: np.ndarray) -> bool | None:
    """Whether f and c are what NumPy, and JAX where NumPy has no such equation, make of the traced equations.

    Returns:
        True where XLA compiles the functions as they were traced: its values are JAX's. None where nothing
        was looked at: the program is long, and has too many equations that would have to be compiled.
    """
    reference, leaves = derivatives.reference, derivatives.leaves
    left, origin = one_at_a_time(MOST_KINDS, MOST_APPLIED), reference.program.origin
    if origin is None and isinstance(derivatives.functions["values"], Compiled):
        return True
    if origin is None:
        count = len(reference.written_out.equations)
        expected = numpy_values(reference.written_out, x, leaves, left)
    else:
        count = len(origin.listing.operations)
        expected = listed_values(origin, x, leaves, left)
    if expected is None:
        # XLA takes minutes over a long program that was written one element at a time.
        return None if count > LONGEST_COMPILED else False
    found, size = values_of(derivatives, x), np.abs(x)
    first, entries = derivatives.jacobian_structure, np.abs(derivatives.jacobian_values(x))
    terms = np.concatenate(
        [dot(np.abs(derivatives.gradient(x)), size), triplets_times(first, entries, size, derivatives.m)]
    )
    close = np.abs(found - expected) <= CLOSE * np.abs(expected) + LOOSE * NOISE * terms + UNDERFLOW
    return bool((close | (np.isnan(found) & np.isnan(expected)) | (found == expected)).all())
