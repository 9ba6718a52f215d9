"""Describe one finding of a diagnosis."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lagrad.derivatives import Derivatives
from lagrad.problem.problem import Problem

ERROR, WARNING, NOTE = "error", "warning", "note"


@dataclass(frozen=True)
class Finding:
    """One thing that a solver may stumble over.

    Args:
        severity: "error" (no solver can go on), "warning" (likely trouble) or "note".
        kind: what was looked at, such as "nonfinite", "dependent_rows" or "violated".
        message: what was found, where, and what to do.
        names: rows and variables concerned, the worst first.
    """

    severity: str
    kind: str
    message: str
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.severity:<8}{self.message}"


@dataclass(frozen=True, eq=False)
class View:
    """A problem looked at from one point.

    Args:
        derivatives: of the problem.
        x: shape (n,).
        constraints: shape (m,).
        gradients: of the objective at x and at points nearby, each (n,).
        jacobians: at the same points, each (m, n).
    """

    derivatives: Derivatives
    x: np.ndarray
    constraints: np.ndarray
    gradients: list[np.ndarray]
    jacobians: list[Any]

    @property
    def problem(self) -> Problem:
        """What is looked at."""
        return self.derivatives.problem

    @property
    def is_equality(self) -> np.ndarray:
        """Which rows are equalities, shape (m,)."""
        return self.problem.constraint_lower == self.problem.constraint_upper

    @property
    def is_free(self) -> np.ndarray:
        """Which variables are not fixed by their bounds, shape (n,)."""
        return self.problem.lower < self.problem.upper

    def rows(self, indices: Iterable[int] | np.ndarray) -> tuple[str, ...]:
        """Names of some rows."""
        return tuple(self.problem.describe_row(int(index)) for index in indices)

    def variables(self, indices: Iterable[int] | np.ndarray) -> tuple[str, ...]:
        """Names of some variables."""
        return tuple(self.problem.variables.describe(int(index)) for index in indices)
