"""Hold derivatives that a user supplied against differences of their functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

# Relative steps; where both differences agree to this part of their size, they are believed.
STEPS = 1e-5, 1e-6
STEADY, WRONG = 1e-3, 1e-2


def wrong_slope(
    values: Callable[[np.ndarray], np.ndarray], jacobian: Callable[[np.ndarray], Any], x: np.ndarray
) -> tuple[float, float] | None:
    """An entry of a Jacobian times a direction, and the difference that it should be; None if all agree.

    Args:
        values: x -> shape (k,).
        jacobian: x -> (k, n), dense or sparse.
        x: where, shape (n,).

    >>> wrong_slope(lambda x: x**2, lambda x: np.diag(3 * x), np.array([1.0])) is None
    False
    >>> wrong_slope(lambda x: x**2, lambda x: np.diag(2 * x), np.array([1.0])) is None
    True
    """
    random = np.random.default_rng(0)
    # Beside x: slopes that vanish where a solve ends show there.
    direction = random.choice([-1.0, 1.0], x.size) * random.uniform(0.5, 1.0, x.size) * (1.0 + np.abs(x))
    place = x + 1e-3 * direction
    with np.errstate(all="ignore"):
        one, other = (
            (values(place + h * direction) - values(place - h * direction)) / (2 * h) for h in STEPS
        )
        matrix = jacobian(place)
        found = matrix @ direction
        size = abs(matrix) @ np.abs(direction) + np.abs(other)
        is_wrong = (np.abs(one - other) <= STEADY * size) & (np.abs(found - other) > WRONG * size)
    if not is_wrong.any():
        return None
    worst = int(np.argmax(np.where(is_wrong, np.abs(found - other) / size, 0.0)))
    return float(found[worst]), float(other[worst])
