"""Report each iteration: history rows, callbacks, a progress line; and say whether to go on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lagrad.solution.solution import History
from lagrad.solution.status import Status
from lagrad.solvers.evaluation import Evaluation, Point
from lagrad.source_location import warn_user

# Below this the objective of a nearly feasible point counts as minus infinity, as IPOPT's limit for x.
RUNAWAY = 1e20
COLUMNS = {
    "iteration": int,
    "objective": float,
    "infeasibility": float,
    "stationarity": float,
    "mu": float,
    "step": float,
    "step_size": float,
    "regularization": float,
    "trials": int,
    "restoration": bool,
    "time": float,
}


@dataclass(frozen=True, eq=False)
class Iterate:
    """What a callback sees of one iteration.

    Args:
        iteration: the solver's count, from 0.
        x: pytree like x0; the callback may keep it.
        objective: f(x).
        infeasibility: largest violation of a constraint or bound, unscaled.
        stationarity: the solver's dual infeasibility, in its own scaling.
        mu: barrier parameter; nan where there is none.
        step: largest change of a variable, as the solver reports it.
        step_size: fraction of the full step that was taken, or the trust radius.
        regularization: what was added to the Hessian's diagonal; nan where unknown.
        trials: points tried in the line search.
        restoration: whether the solver is only trying to become feasible.
        time: seconds since the solve began.
        constraints: c(x), flat, shape (m,).
        multipliers: of the rows (m,), of lower and upper bounds (n,); None where the solver does not tell.
        evaluations: how often each kind of function has been evaluated so far.
        state: what SciPy's trust-constr itself tells its callbacks; None for other solvers.
    """

    iteration: int
    x: Any
    objective: float
    infeasibility: float
    stationarity: float
    mu: float
    step: float
    step_size: float
    regularization: float
    trials: int
    restoration: bool
    time: float
    constraints: np.ndarray
    multipliers: tuple[np.ndarray, np.ndarray, np.ndarray] | None
    evaluations: dict[str, int]
    state: Any = None


class Monitor:
    """Watches one solve.

    Args:
        evaluation: of this solve; told to stop when somebody wants to.
        callback: called with an Iterate each iteration; True or StopIteration ends the solve.
        progress: called with a history row each iteration, or None.
        began: value of `time.perf_counter` at the beginning of the solve.

    Attributes:
        watch: called after each iteration has been noted, or None.
    """

    watch: Callable[[], Any] | None = None

    def __init__(
        self,
        evaluation: Evaluation,
        callback: Callable[[Iterate], Any] | None = None,
        progress: Callable[[dict[str, Any]], None] | None = None,
        began: float | None = None,
    ):
        self.evaluation, self.callback, self.progress = evaluation, callback, progress
        self.began = time.perf_counter() if began is None else began
        self._rows: Any = []
        self._warned = False

    @property
    def iterations(self) -> int:
        """The last iteration's number."""
        return int(self._rows[-1][0]) if len(self._rows) else 0

    def report(
        self,
        point: Point,
        *,
        stationarity: float = math.nan,
        mu: float = math.nan,
        step: float = math.nan,
        step_size: float = math.nan,
        regularization: float = math.nan,
        trials: int = 0,
        restoration: bool = False,
        state: Mapping[str, Any] | None = None,
    ) -> bool:
        """Note an iteration and tell everybody.

        Args:
            point: the iterate.
            stationarity, mu, step, step_size, regularization, trials, restoration, state: as in `Iterate`.

        Returns:
            Whether the solver should go on.
        """
        now = time.perf_counter()
        row = (point.iteration, point.objective, point.violation, stationarity, mu, step, step_size)
        row += (regularization, trials, restoration, now - self.began)
        self._rows.append(row)
        self.tell(point, state)
        if point.objective < -RUNAWAY and point.violation <= 1.0:
            self.evaluation.stop(Status.UNBOUNDED)
        if now > self.evaluation.deadline:
            self.evaluation.stop(Status.TIME_LIMIT)
        return self.evaluation.reason is None

    @property
    def is_watched(self) -> bool:
        """Whether somebody wants to be told of each iteration."""
        return self.watch is not None or self.progress is not None or self.callback is not None

    def note(self, rows: np.ndarray) -> None:
        """Take what a solver noted itself of all iterations so far, in the order of `COLUMNS`."""
        self._rows = rows

    def tell(self, point: Point, state: Mapping[str, Any] | None = None) -> None:
        """Tell everybody of the iteration that was noted last.

        Args:
            point: its iterate.
            state: as in `Iterate`.
        """
        row = {name: kind(value) for (name, kind), value in zip(COLUMNS.items(), self._rows[-1], strict=True)}
        if self.watch is not None:
            self.watch()
        if self.progress is not None:
            self.progress(row)
        if self.callback is not None:
            self._heed(self._call_back(self.callback, point, row, state))

    def history(self) -> History:
        """All iterations so far, as arrays."""
        table = np.asarray(self._rows, float).reshape(-1, len(COLUMNS)).T.copy()
        columns = zip(COLUMNS.items(), table, strict=True)
        return History(**{n: row if kind is float else row.astype(kind) for (n, kind), row in columns})

    def _call_back(
        self,
        callback: Callable[[Iterate], Any],
        point: Point,
        row: dict[str, Any],
        state: Mapping[str, Any] | None,
    ) -> Any:
        x = self.evaluation.problem.variables.unflatten(point.x.copy())
        began = time.perf_counter()
        try:
            given = point.constraints.copy(), point.multipliers, dict(self.evaluation.counts)
            shown = dict(zip(("constraints", "multipliers", "evaluations"), given, strict=True))
            return callback(Iterate(x=x, state=state, **shown, **row))
        except StopIteration:
            return True
        finally:
            self.evaluation.seconds["callback"] += time.perf_counter() - began

    def _heed(self, answer: object) -> None:
        if isinstance(answer, (bool, np.bool_)) and answer:
            self.evaluation.stop(Status.INTERRUPTED)
        elif answer is not None and not isinstance(answer, (bool, np.bool_)) and not self._warned:
            self._warned = True
            found = type(answer).__name__
            message = f"`callback`: returned {found}, expected True to stop, False or None to go on. Ignored."
            warn_user(message)
