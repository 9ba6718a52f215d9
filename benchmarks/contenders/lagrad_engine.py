"""lagrad: `lagrad.differentiate` and `lagrad.solve` on the same JAX functions as the other JAX contenders."""

from __future__ import annotations

import time

import numpy as np

import lagrad
from benchmarks.cases import Case
from benchmarks.contenders.contender import Solved
from benchmarks.contenders.jax_model import warm_up
from benchmarks.declarations import in_jax

__all__ = ["LagradModel", "build", "problem_of", "refuses", "warm_up"]


def refuses(case: Case) -> str | None:
    """Nothing: limits of time and memory decide."""
    return None


def problem_of(case: Case) -> lagrad.Problem:
    """The case as a lagrad problem."""
    objective, constraints = in_jax.declare(case)
    lower, upper = case.constraint_lower, case.constraint_upper
    is_equality = np.array_equal(lower, upper)
    rows = lagrad.Equality(constraints, lower) if is_equality else lagrad.Inequality(constraints, lower, upper)
    return lagrad.Problem(objective, case.start, rows, bounds=(case.lower, case.upper), name=case.name)


class LagradModel:
    """The verbs of `Derivatives`."""

    def __init__(self, case: Case):
        self.derivatives = lagrad.differentiate(problem_of(case))
        self.jacobian_structure = self.derivatives.jacobian_structure
        self.hessian_structure = self.derivatives.hessian_structure
        self.objective = self.derivatives.objective
        self.gradient = self.derivatives.gradient
        self.constraints = self.derivatives.constraints
        self.jacobian = self.derivatives.jacobian_values
        self.hessian = self.derivatives.hessian_values

    @property
    def timings(self) -> dict[str, float]:
        """Set-up seconds: trace, structure, coloring, compile."""
        return dict(self.derivatives.timings)

    def solve(self) -> Solved:
        """Solve by Ipopt, reusing the derivatives."""
        begin = time.perf_counter()
        solution = lagrad.solve(self.derivatives, method="ipopt", tol=1e-8, max_iterations=3000)
        seconds = time.perf_counter() - begin
        return Solved(
            bool(solution.success),
            float(solution.objective),
            int(solution.iterations),
            seconds,
            float(solution.timings.get("callbacks", np.nan)),
        )


def build(case: Case) -> LagradModel:
    """Declare, detect, plan and compile."""
    return LagradModel(case)
