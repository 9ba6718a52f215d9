"""Give rows' sides to Ipopt: equalities get a little room where there are too many of them.

Ipopt refuses problems with more equality rows than free variables, although such rows may depend on each
other and have a solution, as data that repeat themselves do. Where there are as many, it takes them for a
system of equations and never looks at the objective. Between two sides each row has a slack of its own, and
nothing is refused: rows that contradict each other end as infeasible, all others at a point that is held
against the rows as they were declared.
"""

from __future__ import annotations

import numpy as np

from lagrad.solvers.ipopt.dependence import is_perturbed
from lagrad.solvers.solver import Task

# Of 1 + |value|, well below what a feasible point may be off.
ROOM = 1e-8


def row_sides(task: Task) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper sides of the constraint rows, shape (m,) each, as Ipopt gets them.

    Args:
        task: with a problem, and options that tell whether its rows are taken to depend on each other.
    """
    problem, limits = task.problem, task.problem.limits
    low, high = problem.constraint_lower, problem.constraint_upper
    most = limits.free - 1 if is_perturbed(task) else limits.free
    if limits.equalities <= most:
        return low, high
    room = np.where(low == high, ROOM * (1.0 + np.abs(low)), 0.0)
    return low - room, high + room
