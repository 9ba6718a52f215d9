"""What every solver adapter takes and gives: a Task in, an Outcome out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lagrad.solution.status import Status
from lagrad.solvers.evaluation import Evaluation
from lagrad.solvers.monitor import Monitor


@dataclass(frozen=True, eq=False)
class Start:
    """Where a solve begins.

    Args:
        x: shape (n,), within the bounds.
        multipliers: rows (m,), lower (n,), upper (n,), or None for a cold start.
        mu: barrier parameter of the solution that the multipliers come from, or None.
    """

    x: np.ndarray
    multipliers: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
    mu: float | None = None


@dataclass(frozen=True, eq=False)
class Task:
    """Everything a solver adapter needs.

    Args:
        evaluation: the functions, guarded and counted.
        monitor: is told of each iteration.
        start: where to begin.
        tol: the solver's tolerance.
        max_iterations: or None for the solver's default.
        options: checked by the adapter's own `check`.
    """

    evaluation: Evaluation
    monitor: Monitor
    start: Start
    tol: float
    max_iterations: int | None
    options: Mapping[str, Any]

    @property
    def problem(self) -> Any:
        """The problem with the bounds of this solve."""
        return self.evaluation.problem


@dataclass(frozen=True, eq=False)
class Outcome:
    """How a solver ended.

    Args:
        status: in lagrad's words, judged by the solver's code alone.
        code: the solver's own code, or None if it did not get to give one.
        message: the solver's own words.
        x: its last point, shape (n,), or None.
        multipliers: rows (m,), lower (n,), upper (n,) at x, in lagrad's signs, or None.
        note: what is particular to this problem, a sentence.
        versions: of the solver.
        stalled: whether the solver only found no further step, and its status is to be taken with doubt.
    """

    status: Status
    code: int | None = None
    message: str = ""
    x: np.ndarray | None = None
    multipliers: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
    note: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    stalled: bool = False
