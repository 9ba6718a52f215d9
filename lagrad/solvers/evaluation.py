"""Evaluate once a point: shared among a solver's calls, counted, timed and guarded.

Solvers ask f, grad f, c, J and H at the same x in separate calls. Here x is compared once, f and c come
from one call, grad f and J from another, and everybody is served from what is there. The best point so
far is kept, so that whatever ends a solve loses nothing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lagrad.errors import DerivativeError
from lagrad.problem.problem import Problem
from lagrad.solution.status import Status
from lagrad.solvers.model import Model
from lagrad.solvers.violation import largest_violation

# So many points refused in a row at the end of a solve mean that the functions, not the steps, are at fault.
HOPELESS = 5
# So many refused, and a tenth as many for each one accepted, end a solve: IPOPT would go on for thousands.
PATIENCE = 300
KINDS = ("objective", "constraints", "gradient", "jacobian", "hessian", "nonfinite")


Multipliers = tuple[np.ndarray, np.ndarray, np.ndarray]


class Stopped(Exception):
    """Ends a solver from within a callback; never leaves lagrad."""


@dataclass(frozen=True, eq=False)
class Point:
    """An iterate worth keeping.

    Args:
        x: shape (n,).
        objective: f(x).
        constraints: c(x), shape (m,).
        violation: largest violation of a row or bound.
        iteration: when it was reached.
        multipliers: (rows (m,), lower (n,), upper (n,)), or None if the solver did not tell them.
    """

    x: np.ndarray
    objective: float
    constraints: np.ndarray
    violation: float
    iteration: int = 0
    multipliers: Multipliers | None = None


class Evaluation:
    """Everything one solve asks of the functions.

    Args:
        derivatives: the compiled functions, with the params of this solve.
        problem: declares bounds and names; the functions' own, or a copy with other bounds.
        deadline: value of `time.perf_counter` after which nothing more is evaluated.
    """

    def __init__(self, derivatives: Model, problem: Problem, deadline: float = math.inf):
        self.derivatives, self.problem, self.deadline = derivatives, problem, deadline
        self.counts: dict[str, int] = dict.fromkeys(KINDS, 0)
        self.seconds = {"values": 0.0, "first_order": 0.0, "hessian": 0.0, "callback": 0.0}
        self.reason: Status | None = None
        self.failure: BaseException | None = None
        self._best: Point | None | Callable[[], Point | None] = None
        self.refused_in_a_row = 0
        self.was_hopeless = self.fell_without_end = False
        self.start_gradient = 0.0
        self._has_begun = self._is_over = False
        self._start: bytes | None = None
        self._place: bytes | None = None
        self._values: tuple[float, np.ndarray] | None = None
        self._first: tuple[np.ndarray, np.ndarray] | None = None

    def objective(self, x: np.ndarray) -> float:
        """f(x)."""
        return self.values(x)[0]

    def constraints(self, x: np.ndarray) -> np.ndarray:
        """c(x), shape (m,)."""
        return self.values(x)[1]

    def gradient(self, x: np.ndarray) -> np.ndarray:
        """grad f(x), shape (n,)."""
        return self.first_order(x)[0]

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """Values of J(x), in the order of `jacobian_structure`."""
        return self.first_order(x)[1]

    def values(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """f(x) and c(x), computed once a point.

        Raises:
            Stopped: the solve is to end.
            DerivativeError: not finite at the start.
        """
        self._move(x)
        if self._values is None:
            began = self._begin()
            f, c = self.derivatives.values(x)
            self.seconds["values"] += time.perf_counter() - began
            self.counts["objective"] += 1
            self.counts["constraints"] += 1
            self._guard_values(f, c)
            self._values = f, c
        return self._values

    def first_order(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """grad f(x) and the values of J(x), computed once a point.

        Raises:
            Stopped: the solve is to end.
            DerivativeError: not finite at the start.
        """
        self._move(x)
        if self._first is None:
            began = self._begin()
            gradient, jacobian = self.derivatives.first_order(x)
            self.seconds["first_order"] += time.perf_counter() - began
            self.counts["gradient"] += 1
            self.counts["jacobian"] += 1
            if not (np.isfinite(gradient).all() and np.isfinite(jacobian).all()):
                if self._place == self._start:
                    # The value itself may be at fault, and is then what to tell of.
                    self.values(x)
                self._refuse(lambda: first_order_fault(self, gradient, jacobian))
            elif self._place == self._start:
                self.start_gradient = float(np.abs(gradient).max(initial=0.0))
            self._first = gradient, jacobian
        return self._first

    def hessian(self, x: np.ndarray, multipliers: np.ndarray, objective_weight: float) -> np.ndarray:
        """Values of the Lagrangian's Hessian, in the order of `hessian_structure`.

        Raises:
            Stopped: the solve is to end.
            DerivativeError: not finite at the start.
        """
        self._move(x)
        began = self._begin()
        values = self.derivatives.hessian_values(x, multipliers, objective_weight)
        self.seconds["hessian"] += time.perf_counter() - began
        self.counts["hessian"] += 1
        if not np.isfinite(values).all() and np.isfinite(multipliers).all():
            self._refuse(lambda: hessian_fault(self, values))
        return values

    def product(self, x: np.ndarray, multipliers: np.ndarray, vector: np.ndarray) -> np.ndarray:
        """The Lagrangian's Hessian times a vector, shape (n,).

        Raises:
            Stopped: the solve is to end.
        """
        began = self._begin()
        result = self.derivatives.hvp(x, multipliers, vector)
        self.seconds["hessian"] += time.perf_counter() - began
        self.counts["hvp"] = self.counts.get("hvp", 0) + 1
        return result

    def know(
        self,
        x: np.ndarray,
        values: tuple[float, np.ndarray],
        first_order: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> None:
        """Take what was computed elsewhere for what is at x.

        Args:
            x: shape (n,).
            values: f(x) and c(x).
            first_order: gradient and entries of J, or None.
        """
        self._move(x)
        self._values, self._first = values, first_order

    def is_finite(self, x: np.ndarray) -> bool:
        """Whether f(x) and c(x) are finite."""
        f, c = self.values(x)
        return math.isfinite(f) and bool(np.isfinite(c).all())

    def stop(self, reason: Status) -> None:
        """Let the next evaluation end the solve; the first reason stands."""
        self.reason = self.reason or reason

    def fail(self, error: BaseException) -> None:
        """Keep the first exception of a user's function or callback, and end the solve.

        The first Ctrl-C only ends the solve; one after that is for the user to see.
        """
        if isinstance(error, Stopped):
            return
        if isinstance(error, KeyboardInterrupt):
            if self.reason is Status.INTERRUPTED:
                self.failure = self.failure or error
            self.stop(Status.INTERRUPTED)
            return
        if self.failure is None and self.reason is None:
            self.failure = error
        self.stop(Status.ERROR)

    def reopen(self) -> None:
        """Allow evaluations again, to look at the point with which the solve ended."""
        self._is_over = True
        often = 4 * self.counts["nonfinite"] > self.counts["objective"]
        self.was_hopeless = self.refused_in_a_row >= HOPELESS or (
            often and self.counts["nonfinite"] >= HOPELESS
        )

    def keep(self, point: Point, tolerance: float) -> None:
        """Remember a point if it is better than the best: feasibility first, then objective."""
        self._has_begun = True
        if not (math.isfinite(point.objective) and math.isfinite(point.violation)):
            return
        best = self.best
        if best is None or rank(point, tolerance) <= rank(best, tolerance):
            self._best = point

    def begin_at(self, x: np.ndarray) -> None:
        """Take x for the start, where what is not finite is an error."""
        self._start = x.tobytes()

    def keep_best(self, best: Callable[[], Point | None]) -> None:
        """Take the best of all iterates so far from a solver that compares them itself.

        Args:
            best: gives it, or None if there is none; called if it is asked for.
        """
        self._has_begun = True
        self._best = best

    @property
    def best(self) -> Point | None:
        """The best iterate so far, None if there is none."""
        if callable(self._best):
            self._best = self._best()
        return self._best

    def point(self, x: np.ndarray, iteration: int = 0, multipliers: Multipliers | None = None) -> Point:
        """The point at x, its values evaluated unless they are there.

        Args:
            x: shape (n,); copied.
            iteration: when it was reached.
            multipliers: (rows, lower, upper), or None.
        """
        f, c = self.values(x)
        return Point(x.copy(), f, c, largest_violation(self.problem, x, c), iteration, multipliers)

    def _move(self, x: np.ndarray) -> None:
        place = x.tobytes()
        if place != self._place:
            self._place, self._values, self._first = place, None, None
            # IPOPT scales at x0 and then moves it inside the bounds: both points are the start.
            if not self._has_begun:
                self._start = place

    def _begin(self) -> float:
        now = time.perf_counter()
        if self._is_over:
            return now
        if now > self.deadline:
            self.stop(Status.TIME_LIMIT)
        if self.reason is not None:
            raise Stopped
        return now

    def _guard_values(self, f: float, c: np.ndarray) -> None:
        if math.isfinite(f) and np.isfinite(c).all():
            self.refused_in_a_row = 0
            return
        self.fell_without_end = f == -math.inf
        self._refuse(lambda: values_fault(self, f, c))

    def _refuse(self, fault: Callable[[], str]) -> None:
        self.counts["nonfinite"] += 1
        self.refused_in_a_row += 1
        if self._place == self._start:
            raise DerivativeError(fault())
        refused = self.counts["nonfinite"]
        if refused > PATIENCE and refused > PATIENCE / 10 * (self.counts["objective"] - refused):
            self.stop(Status.UNBOUNDED if self.fell_without_end else Status.INVALID_NUMBER)


def rank(point: Point, tolerance: float) -> tuple[float, float]:
    """Order of points: violation beyond the tolerance first, then objective."""
    return max(point.violation - tolerance, 0.0), point.objective


def values_fault(evaluation: Evaluation, f: float, c: np.ndarray) -> str:
    """What is not finite among f and c at the start, in words."""
    if not math.isfinite(f):
        return f"`objective`: the value is {f} at the start, expected a finite number. {CURE}"
    row = int(np.flatnonzero(~np.isfinite(c))[0])
    name = evaluation.problem.describe_row(row)
    return f"`constraints`: {name} is {c[row]} at the start, expected finite values. {CURE}"


def first_order_fault(evaluation: Evaluation, gradient: np.ndarray, jacobian: np.ndarray) -> str:
    """What is not finite among grad f and J at the start, in words."""
    problem, columns = evaluation.problem, np.flatnonzero(~np.isfinite(gradient))
    if columns.size:
        name = problem.variables.describe(int(columns[0]))
        return f"`objective`: the derivative by {name} is {gradient[columns[0]]} at the start. {DOUBLE_WHERE}"
    entry = int(np.flatnonzero(~np.isfinite(jacobian))[0])
    rows, cols = evaluation.derivatives.jacobian_structure
    row, column = problem.describe_row(int(rows[entry])), problem.variables.describe(int(cols[entry]))
    found = f"the derivative of {row} by {column} is {jacobian[entry]} at the start"
    return f"`constraints`: {found}. {DOUBLE_WHERE}"


def hessian_fault(evaluation: Evaluation, values: np.ndarray) -> str:
    """Which entry of the Lagrangian's Hessian is not finite at the start, in words."""
    entry = int(np.flatnonzero(~np.isfinite(values))[0])
    rows, cols = evaluation.derivatives.hessian_structure
    names = [evaluation.problem.variables.describe(int(index[entry])) for index in (rows, cols)]
    found = f"the Lagrangian's second derivative by {names[0]} and {names[1]} is {values[entry]} at the start"
    return f"`objective` or `constraints`: {found}. {DOUBLE_WHERE}"


CURE = (
    "Start where the functions are defined, or keep x there by bounds; `lagrad.diagnose(problem)` finds "
    "the operation."
)
DOUBLE_WHERE = (
    "Where a value is finite and its derivative is not, look for sqrt, norm or a power at 0, and for "
    "jnp.where with an undefined branch: give f a safe input, jnp.where(ok, f(jnp.where(ok, x, 1.0)), 0.0)."
)
