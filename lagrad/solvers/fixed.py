"""Judge the one point of a problem whose variables are all fixed; no solver is asked."""

from __future__ import annotations

import numpy as np

from lagrad.solution.status import Status
from lagrad.solvers.solver import Outcome, Task


def run(task: Task) -> Outcome:
    """Judge the only point there is.

    Args:
        task: a problem with lower == upper for every variable.

    Returns:
        Outcome: optimal if the constraints hold there to the tolerance, else infeasible.
    """
    x, problem = task.problem.lower.copy(), task.problem
    zeros = np.zeros(problem.m), np.zeros(problem.n), np.zeros(problem.n)
    try:
        point = task.evaluation.point(x, 0, zeros)
        task.evaluation.keep(point, task.tol)
        task.monitor.report(point, stationarity=0.0)
    except BaseException as error:
        task.evaluation.fail(error)
        return Outcome(Status.ERROR)
    feasible = point.violation <= max(task.tol, 1e-8)
    status = Status.OPTIMAL if feasible else Status.INFEASIBLE
    words = "All variables are fixed by their bounds."
    return Outcome(status, None, words, x, zeros, words)
