"""Notice that a solve failed on equality rows that depend on each other, and say what to do about it.

Ipopt sees such rows only where a pivot is zero. Rounding mostly leaves a small number in its place, and the
multipliers run away: they grow to 1e14 and more, cancel, and hide all else. Perturbed in each step, the rows
count as independent. Where they are, that costs iterations now and then, so it is tried second.
"""

from __future__ import annotations

import numpy as np

from lagrad.solvers.optimality import EPSILON, success_tolerance
from lagrad.solvers.solver import Remedy, Task

PERTURBED = Remedy({"perturb_always_cd": "yes"}, "equality rows depend on each other")


def remedy(task: Task, multipliers: np.ndarray) -> Remedy | None:
    """What may help if the solve found no solution.

    Args:
        task: what was asked.
        multipliers: of the rows, shape (m,), as Ipopt left them.

    Returns:
        Remedy where multipliers of equality rows are so large that rounding of their products alone is more
        than the tolerance allows beside the gradient; None elsewhere, and where the user chose.
    """
    limits = task.problem.limits
    if not limits.equalities or not PERTURBED.options.keys().isdisjoint(task.options):
        return None
    size = float(np.abs(multipliers[limits.is_equal[: limits.m]]).max())
    weight = max(1.0, task.evaluation.start_gradient)
    return None if size * EPSILON <= success_tolerance(task.tol) * weight else PERTURBED


def is_perturbed(task: Task) -> bool:
    """Whether rows are perturbed in each step of a solve."""
    return PERTURBED.options.items() <= task.options.items()
