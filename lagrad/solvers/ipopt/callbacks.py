"""Answer what IPOPT asks, and note its iterations; exceptions are kept in the evaluation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lagrad.derivatives.triplets import never_empty, rows_and_columns
from lagrad.solvers.evaluation import Multipliers, Point
from lagrad.solvers.model import hessian_structure
from lagrad.solvers.solver import Task

Current = Callable[[], tuple[np.ndarray, Multipliers] | None]


class Callbacks:
    """The functions of one solve, as arrays in and arrays out, by the names that cyipopt gave them.

    An array of nan is a refusal.

    Args:
        task: of this solve.

    Attributes:
        current: gives IPOPT's iterate and its multipliers, or None if it does not tell.
    """

    def __init__(self, task: Task):
        problem, model = task.problem, task.evaluation.derivatives
        self._jacobian = never_empty(model.jacobian_structure, problem.m)
        self._hessian = rows_and_columns(hessian_structure(model))
        self.current: Current = lambda: None
        self._evaluation, self._monitor, self._tol = task.evaluation, task.monitor, task.tol
        self._last = task.start.x
        self._sizes = {
            "gradient": problem.n,
            "constraints": problem.m,
            "jacobian": len(self._jacobian[0]),
            "hessian": len(self._hessian[0]),
        }

    @property
    def is_over(self) -> bool:
        """Whether somebody wants the solve to end."""
        return self._evaluation.reason is not None

    def objective(self, x: np.ndarray) -> float:
        """f(x)."""
        return self._guarded(self._evaluation.objective, x)

    def constraints(self, x: np.ndarray) -> np.ndarray:
        """c(x)."""
        return self._guarded(self._evaluation.constraints, x)

    def gradient(self, x: np.ndarray) -> np.ndarray:
        """grad f(x)."""
        self._last = x
        return self._guarded(self._evaluation.gradient, x)

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """Values of J(x)."""
        self._last = x
        values = self._guarded(self._evaluation.jacobian, x)
        return values if values.size else np.zeros(self._sizes["jacobian"])

    def hessian(self, x: np.ndarray, multipliers: np.ndarray, objective_weight: float) -> np.ndarray:
        """Values of the Lagrangian's Hessian, lower triangle."""
        return self._guarded(self._evaluation.hessian, x, multipliers, objective_weight)

    def jacobianstructure(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the values of J, at least one where there are rows."""
        return self._jacobian

    def hessianstructure(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the values of the Hessian."""
        return self._hessian

    def intermediate(
        self,
        mode: int,
        iteration: int,
        objective: float,
        inf_pr: float,
        inf_du: float,
        mu: float,
        step: float,
        regularization: float,
        alpha_dual: float,
        alpha_primal: float,
        trials: int,
    ) -> bool:
        """Note an iteration; False ends the solve."""
        try:
            point = self._point(iteration)
            self._evaluation.keep(point, self._tol)
            return self._monitor.report(
                point,
                stationarity=inf_du,
                mu=mu,
                step=step,
                step_size=alpha_primal,
                regularization=regularization,
                trials=trials,
                restoration=mode == 1,
            )
        except BaseException as error:
            self._evaluation.fail(error)
            return False

    def _point(self, iteration: int) -> Point:
        current = self.current()
        if current is None:
            return self._evaluation.point(self._last, iteration)
        return self._evaluation.point(current[0], iteration, current[1])

    def _guarded(self, function: Callable[..., Any], *arguments: object) -> Any:
        try:
            return function(*arguments)
        except BaseException as error:
            self._evaluation.fail(error)
            # Ipopt takes NaN for a refusal; at an exception cyipopt leaves it without values, and it crashes.
            return np.full(self._sizes.get(function.__name__, ()), np.nan)
