"""Solve through cyipopt what has no solver of its own."""

from __future__ import annotations

import time

import cyipopt
import numpy as np

from benchmarks.cases import Case
from benchmarks.contenders.contender import IPOPT_OPTIONS, Model, Solved


class Callbacks:
    """cyipopt's callbacks, and a clock on them."""

    def __init__(self, model: Model):
        self.model = model
        self.seconds = 0.0
        self.iterations = 0

    def clocked(self, function, *arguments):
        """Call, and add the time taken to `seconds`."""
        begin = time.perf_counter()
        value = function(*arguments)
        self.seconds += time.perf_counter() - begin
        return value

    def objective(self, x):
        return self.clocked(self.model.objective, x)

    def gradient(self, x):
        return self.clocked(self.model.gradient, x)

    def constraints(self, x):
        return self.clocked(self.model.constraints, x)

    def jacobian(self, x):
        return self.clocked(self.model.jacobian, x)

    def jacobianstructure(self):
        return self.model.jacobian_structure

    def hessian(self, x, multipliers, objective_weight):
        return self.clocked(self.model.hessian, x, multipliers, objective_weight)

    def hessianstructure(self):
        return self.model.hessian_structure

    def intermediate(self, _mode, iteration, *_rest):
        self.iterations = int(iteration)


def solve(case: Case, model: Model) -> Solved:
    """Ipopt on a model that offers only derivatives.

    Args:
        case: bounds and starting point.
        model: its functions.

    Returns:
        Solved, with the seconds spent in the callbacks.
    """
    callbacks = Callbacks(model)
    problem = cyipopt.Problem(
        case.n, case.m, callbacks, case.lower, case.upper, case.constraint_lower, case.constraint_upper
    )
    for name, value in IPOPT_OPTIONS.items():
        problem.add_option(name, value)
    begin = time.perf_counter()
    _, info = problem.solve(np.array(case.start))
    seconds = time.perf_counter() - begin
    return Solved(
        info["status"] in (0, 1), float(info["obj_val"]), callbacks.iterations, seconds, callbacks.seconds
    )
