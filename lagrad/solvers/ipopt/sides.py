"""Give rows' sides to Ipopt: equalities get a little room where there are more of them than variables.

Ipopt refuses problems with more equality rows than free variables, although such rows may depend on each
other and have a solution, as data that repeat themselves do. Between two sides each row has a slack of its
own, and nothing is refused: rows that contradict each other end as infeasible, all others at a point that is
held against the rows as they were declared.
"""

from __future__ import annotations

import numpy as np

from lagrad.problem.problem import Problem

# Of 1 + |value|, well below what a feasible point may be off.
ROOM = 1e-8


def row_sides(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper sides of the constraint rows, shape (m,) each, as Ipopt gets them.

    Args:
        problem: with `lower`, `upper`, `constraint_lower` and `constraint_upper`.
    """
    low, high, limits = problem.constraint_lower, problem.constraint_upper, problem.limits
    if limits.equalities <= limits.free:
        return low, high
    room = np.where(low == high, ROOM * (1.0 + np.abs(low)), 0.0)
    return low - room, high + room
