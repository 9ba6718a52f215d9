"""Uno on asdex's derivatives: the same Jacobian and Hessian as `asdex_cyipopt`, another solver."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import unopy

from benchmarks.cases import Case
from benchmarks.contenders.asdex_cyipopt import AsdexModel
from benchmarks.contenders.contender import Solved
from benchmarks.contenders.jax_model import warm_up

__all__ = ["build", "refuses", "warm_up"]
OPTIONS = {"logger": "SILENT", "primal_tolerance": 1e-8, "dual_tolerance": 1e-8, "max_iterations": 3000}


def refuses(case: Case) -> str | None:
    """Nothing: limits of time and memory decide."""
    return None


class Clocked:
    """Functions that write into Uno's arrays, and a clock on them."""

    def __init__(self):
        self.seconds = 0.0

    def writing(self, function: Callable) -> Callable:
        """Uno's form of a function of x."""
        return lambda x, values: self._write(function, (np.array(x),), values)

    def hessian(self, function: Callable) -> Callable:
        """Uno's form of the Lagrangian's Hessian: there weight comes before multipliers."""
        return lambda x, weight, multipliers, values: self._write(
            function, (np.array(x), np.array(multipliers), weight), values
        )

    def _write(self, function: Callable, arguments: tuple, values) -> None:
        begin = time.perf_counter()
        values[:] = function(*arguments)
        self.seconds += time.perf_counter() - begin


class UnoModel(AsdexModel):
    """asdex's derivatives and Uno's interior-point preset, whose steps are MUMPS's."""

    def __init__(self, case: Case):
        super().__init__(case)
        self.case = case

    def solve(self) -> Solved:
        """Solve by Uno."""
        case, clock = self.case, Clocked()
        bounds = case.lower.tolist(), case.upper.tolist()
        model = unopy.Model(unopy.PROBLEM_NONLINEAR, case.n, *bounds, unopy.ZERO_BASED_INDEXING)
        model.set_objective(unopy.MINIMIZE, self.objective, clock.writing(self.gradient))
        rows, columns = (part.tolist() for part in self.jacobian_structure)
        sides = case.constraint_lower.tolist(), case.constraint_upper.tolist()
        places = len(rows), rows, columns
        constraints, jacobian = clock.writing(self.constraints), clock.writing(self.jacobian)
        model.set_constraints(case.m, constraints, *sides, *places, jacobian)
        rows, columns = (part.tolist() for part in self.hessian_structure)
        places = len(rows), unopy.LOWER_TRIANGLE, rows, columns
        model.set_lagrangian_hessian(*places, clock.hessian(self.hessian))
        model.set_lagrangian_sign_convention(unopy.MULTIPLIER_POSITIVE)
        model.set_initial_primal_iterate(case.start.tolist())
        solver = unopy.UnoSolver()
        solver.set_preset("ipopt")
        for name, value in OPTIONS.items():
            solver.set_option(name, value)
        begin = time.perf_counter()
        end = solver.optimize(model)
        seconds = time.perf_counter() - begin
        success = end.optimization_status.name == "SUCCESS" and end.solution_status.name.startswith(
            "FEASIBLE"
        )
        objective, iterations = float(end.solution_objective), int(end.number_iterations)
        return Solved(success, objective, iterations, seconds, clock.seconds)


def build(case: Case) -> UnoModel:
    """Detect, color, and compile at the first call."""
    return UnoModel(case)
