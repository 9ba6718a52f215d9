"""Compare matrices with differences, and values with NumPy: nothing is compiled, and nothing proven."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lagrad.compile.xla import Compiled
from lagrad.derivatives.verification.doubts import Derivatives
from lagrad.derivatives.verification.numpy_values import numpy_values
from lagrad.derivatives.verification.products import both_triangles, mirrored, times, values_of
from lagrad.derivatives.verification.reference import EPSILON
from lagrad.primitives.calls import CALLS
from lagrad.program.program import numbered

# Step of differences, and the share of a slope up to which they are believed.
STEP, BELIEVED = 1e-4, 1e-7
# Rounding of a function's value, as a share of its terms.
NOISE = 8 * EPSILON
# NumPy's values and machine code's differ by less than this share, or so often the rounding of their terms.
CLOSE, LOOSE = 1e-9, 50.0
# Directions of a thorough look: many where evaluation costs nothing.
MANY, FEW, SMALL = 16, 2, 1000


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
    close = np.abs(found - expected) <= CLOSE * np.abs(expected) + LOOSE * NOISE * terms
    return bool((close | (np.isnan(found) & np.isnan(expected)) | (found == expected)).all())
