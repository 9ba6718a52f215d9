"""Estimate a slope by finite differences, with the order of their error.

With F a function and A its supposed derivative, the remainder of Taylor's theorem

    R(h) = | F(x + h v) - F(x) - h A v |

falls like h^2 if A is right and like h if it is not. The slope is the best of several step sizes,

    (-3 F(x) + 4 F(x + h v) - F(x + 2 h v)) / (2 h),

which looks to one side only, so that a point on a bound is no obstacle.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

EPSILON = float(np.finfo(np.float64).eps)
STEPS = 10.0 ** -np.arange(1.0, 7.5, 0.5)
# The remainder must stand so far above rounding errors for its order to mean anything.
ABOVE_NOISE = 1e3


@dataclass(frozen=True, eq=False)
class Slopes:
    """What differences say of each row of a function.

    Args:
        values: slope that comes closest to the supposed one, shape (k,); nan where none was finite.
        consensus: slope on which two neighboring steps agree best, whatever was supposed, shape (k,).
        noise: rounding error to expect in it, shape (k,).
        orders: order of the Taylor remainder of each row, shape (k,); nan where it is rounding error only.
    """

    values: np.ndarray
    consensus: np.ndarray
    noise: np.ndarray
    orders: np.ndarray


def slopes(function: Callable[..., Any], x: np.ndarray, direction: np.ndarray, matrix: Any) -> Slopes:
    """Differentiate a function along a direction by differences.

    Args:
        function: of flat x, returns shape (k,).
        x: shape (n,).
        direction: shape (n,), about as long as x is.
        matrix: supposed derivative, shape (k, n).

    Returns:
        Slopes.
    """
    here, expected = function(x), matrix @ direction
    # Terms of a row that cancel leave rounding errors of their own size.
    terms = abs(matrix) @ (np.abs(x) + np.abs(direction))
    once = np.array([function(x + h * direction) for h in STEPS])
    twice = np.array([function(x + 2 * h * direction) for h in STEPS])
    steps = STEPS[:, None]
    quotients = (-3 * here + 4 * once - twice) / (2 * steps)
    size = np.abs(here) + np.abs(once) + terms
    errors = np.abs(quotients - expected)
    best = np.argmin(np.where(np.isfinite(errors), errors, np.inf), axis=0)
    columns = np.arange(expected.size)
    noise = 8 * EPSILON * size / steps
    remainders = np.abs(once - here - steps * expected)
    return Slopes(
        values=quotients[best, columns],
        consensus=agreed(quotients),
        noise=noise[best, columns],
        orders=remainder_orders(remainders, EPSILON * size),
    )


def agreed(quotients: np.ndarray) -> np.ndarray:
    """The quotient of each column, shape (steps, k), that is closest to the one before it."""
    changes = np.abs(np.diff(quotients, axis=0))
    best = np.argmin(np.where(np.isfinite(changes), changes, np.inf), axis=0)
    return quotients[best + 1, np.arange(quotients.shape[1])]


def remainder_orders(remainders: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Order of each column of remainders, shape (steps, k), at the two smallest steps above the noise."""
    clear = np.isfinite(remainders) & (remainders > ABOVE_NOISE * noise)
    both = clear[1:] & clear[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        orders = np.log(remainders[:-1] / remainders[1:]) / np.log(STEPS[:-1] / STEPS[1:])[:, None]
    last = both.shape[0] - 1 - np.argmax(both[::-1], axis=0)
    return np.where(both.any(axis=0), orders[last, np.arange(both.shape[1])], np.nan)


def inward(x: np.ndarray, direction: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """The direction with entries turned round where the largest step would leave the bounds, shape (n,)."""
    far = 2 * STEPS[0] * np.abs(direction)
    turned = np.where(x + far > upper, -np.abs(direction), direction)
    room_above = (x - far < lower) & (upper - x > x - lower)
    return np.where(room_above, np.abs(direction), turned)
