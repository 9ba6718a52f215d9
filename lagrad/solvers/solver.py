"""State what a solver takes and gives; how to add one stands in README.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from lagrad.problem.problem import Problem
from lagrad.solution.status import Status
from lagrad.solvers.evaluation import Evaluation, Multipliers
from lagrad.solvers.monitor import Monitor
from lagrad.solvers.options import Option

Options = Mapping[str, Option]


@dataclass(frozen=True, eq=False)
class Start:
    """Where a solve begins.

    Args:
        x: shape (n,), within the bounds.
        multipliers: rows (m,), lower (n,), upper (n,), or None for a cold start.
        mu: barrier parameter of the solution that the multipliers come from, or None.
        is_rough: whether that solution had not converged.
    """

    x: np.ndarray
    multipliers: Multipliers | None = None
    mu: float | None = None
    is_rough: bool = False


@dataclass(frozen=True, eq=False)
class Task:
    """Everything a solver needs.

    Args:
        evaluation: the functions, guarded and counted.
        monitor: is told of each iteration.
        start: where to begin.
        tol: the solver's tolerance.
        max_iterations: or None for the solver's default.
        options: checked by the solver's own `check`.
    """

    evaluation: Evaluation
    monitor: Monitor
    start: Start
    tol: float
    max_iterations: int | None
    options: Options

    @property
    def problem(self) -> Problem:
        """The problem with the bounds of this solve."""
        return self.evaluation.problem


@dataclass(frozen=True, eq=False)
class Remedy:
    """What may help where a solver found no solution and multipliers without limit.

    Args:
        options: of the solver, beside those of the first attempt.
        reason: what went wrong, a clause.
    """

    options: Options
    reason: str


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
        remedy: what to try next if multipliers turn out to have run away, or None.
    """

    status: Status
    code: int | None = None
    message: str = ""
    x: np.ndarray | None = None
    multipliers: Multipliers | None = None
    note: str = ""
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    stalled: bool = False
    remedy: Remedy | None = None


class Solver(Protocol):
    """A method of `lagrad.solve`: a module with these functions, and a row in `methods.METHODS`."""

    def load(self) -> None:
        """Make sure that the solver can be used.

        Raises:
            ImportError: it cannot; the message says how to get it.
        """
        ...

    def check(self, options: Mapping[str, object] | None) -> dict[str, Option]:
        """The user's options, checked by name and kind.

        Raises:
            ProblemError: one is unknown, of the wrong kind, unsafe, or lagrad's own to set.
        """
        ...

    def run(self, task: Task) -> Outcome:
        """Solve. What the functions raise is kept in `task.evaluation`, never raised here."""
        ...

    def about(self) -> Mapping[str, str]:
        """What `lagrad.doctor` tells of it: version, where its library is, linear solvers.

        Raises:
            ImportError: it cannot be used.
        """
        ...
