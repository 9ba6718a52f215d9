"""A case: the numbers of one problem, in no modeling language, that every contender declares in its own."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np


@dataclass(frozen=True, eq=False)
class Case:
    """Numbers of one nonlinear program; `family` says which declaration turns them into functions.

    Plain arrays only, so that a contender's process need not import lagrad to read them.

    Args:
        family: key of the declaration tables, such as "chained_rosenbrock".
        name: "family:size", what the command line takes.
        start: starting point, shape (n,).
        lower: lower bounds of the variables, shape (n,), -inf where absent.
        upper: upper bounds of the variables, shape (n,), +inf where absent.
        constraint_lower: lower bounds of the constraint rows, shape (m,).
        constraint_upper: upper bounds of the constraint rows, shape (m,).
        numbers: what else the formulas need, by name.
    """

    family: str
    name: str
    start: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    constraint_lower: np.ndarray
    constraint_upper: np.ndarray
    numbers: SimpleNamespace

    @property
    def n(self) -> int:
        """Number of variables."""
        return self.start.size

    @property
    def m(self) -> int:
        """Number of constraint rows."""
        return self.constraint_lower.size


def points_near_start(case: Case, count: int, seed: int = 0) -> list[np.ndarray]:
    """The starting point, then random points near it within the variables' bounds.

    Args:
        case: the case.
        count: number of points, the starting point included.
        seed: of the random numbers.

    Returns:
        List of arrays of shape (n,).
    """
    random = np.random.default_rng(seed)
    shifted = [case.start + 0.1 * random.standard_normal(case.n) for _ in range(count - 1)]
    return [case.start.copy()] + [np.clip(x, case.lower, case.upper) for x in shifted]
