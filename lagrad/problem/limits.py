"""Put sides of rows and bounds of variables in one: what a point of a problem is held against."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True, eq=False)
class Limits:
    """Sides of the rows, then bounds of the variables: k = m + n entries, infinite where there is none.

    Each solve looks at what follows from them, and most solves have those of the solve before.

    Args:
        lower: shape (k,).
        upper: shape (k,).
        m: number of rows.

    >>> Limits.of((np.array([1.0]), np.array([1.0])), (np.zeros(2), np.array([np.inf, 5.0]))).size
    array([1., 0., 5.])
    """

    lower: np.ndarray
    upper: np.ndarray
    m: int

    @classmethod
    def of(cls, sides: tuple[np.ndarray, np.ndarray], bounds: tuple[np.ndarray, np.ndarray]) -> Limits:
        """Of the rows' lower and upper sides, and the variables' lower and upper bounds."""
        lower, upper = map(np.concatenate, zip(sides, bounds, strict=True))
        return cls(lower, upper, sides[0].size)

    @cached_property
    def size(self) -> np.ndarray:
        """The larger magnitude of the two, infinite ones left out, shape (k,)."""
        sizes = [np.where(np.isfinite(side), np.abs(side), 0.0) for side in (self.lower, self.upper)]
        return np.maximum(*sizes)

    @cached_property
    def is_equal(self) -> np.ndarray:
        """Whether both are the same: an equality or a fixed variable, Booleans of shape (k,)."""
        return self.lower == self.upper

    @cached_property
    def equalities(self) -> int:
        """Number of rows that are equalities."""
        return int(self.is_equal[: self.m].sum())

    @cached_property
    def fixed(self) -> int:
        """Number of variables that are fixed."""
        return int(self.is_equal[self.m :].sum())

    @cached_property
    def free(self) -> int:
        """Number of variables that are not."""
        return self.lower.size - self.m - self.fixed

    @cached_property
    def are_bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Which variables have a lower and which an upper bound, Booleans of shape (n,)."""
        return self.lower[self.m :] > -np.inf, self.upper[self.m :] < np.inf
