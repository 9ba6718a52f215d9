"""POUNCE: `pounce.jax.from_jax(sparse=True)` and its own interior-point solver."""

from __future__ import annotations

import time

import numpy as np
import pounce
import pounce.jax

from benchmarks.cases import Case
from benchmarks.contenders.contender import Solved
from benchmarks.contenders.jax_model import warm_up
from benchmarks.declarations import in_jax

__all__ = ["build", "refuses", "warm_up"]


def refuses(case: Case) -> str | None:
    """Nothing: limits of time and memory decide."""
    return None


class PounceModel:
    """The callbacks that POUNCE's solver gets."""

    def __init__(self, case: Case):
        self.case = case
        objective, constraints = in_jax.declare(case)
        self.problem = pounce.jax.from_jax(
            objective,
            constraints,
            n=case.n,
            m=case.m,
            lb=case.lower,
            ub=case.upper,
            cl=case.constraint_lower,
            cu=case.constraint_upper,
            x0=case.start,
            # Without it the Jacobian is dense and sliced: the default, and hopeless from n = 1e4 on.
            sparse=True,
        )
        callbacks = self.problem.problem_obj
        self.callbacks = callbacks
        self.jacobian_structure = callbacks.jacobianstructure()
        self.hessian_structure = callbacks.hessianstructure()
        self.objective, self.gradient = callbacks.objective, callbacks.gradient
        self.constraints, self.jacobian = callbacks.constraints, callbacks.jacobian

    def hessian(self, x, multipliers, objective_weight=1.0) -> np.ndarray:
        """Values in the order of `hessian_structure`."""
        return self.callbacks.hessian(x, multipliers, objective_weight)

    def solve(self) -> Solved:
        """POUNCE's own solver, a port of Ipopt."""
        for name, value in (("tol", 1e-8), ("max_iter", 3000), ("print_level", 0)):
            self.problem.add_option(name, value)
        begin = time.perf_counter()
        _, info = self.problem.solve(np.array(self.case.start))
        seconds = time.perf_counter() - begin
        success = info["status"] in (0, 1)
        return Solved(success, float(info["obj_val"]), int(info.get("iter_count", -1)), seconds)


def build(case: Case) -> PounceModel:
    """Detection from the jaxpr, column coloring; compiled at the first call."""
    return PounceModel(case)
