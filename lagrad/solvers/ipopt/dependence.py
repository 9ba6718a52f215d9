"""Say what to do where multipliers run away because constraint rows depend on each other.

Ipopt sees such rows only where a pivot is zero. Rounding mostly leaves a small number in its place, and the
multipliers grow to 1e14 and more, cancel, and hide all else. Perturbed in each step, the rows count as
independent. Where they are, that costs iterations now and then, so it is tried second.
"""

from __future__ import annotations

from lagrad.solvers.solver import Remedy, Task

PERTURBED = Remedy(
    {"perturb_always_cd": "yes"}, "multipliers ran away, as they do where rows depend on each other"
)


def remedy(task: Task) -> Remedy | None:
    """What may help if multipliers run away; None without rows, and where the user chose."""
    is_free = PERTURBED.options.keys().isdisjoint(task.options)
    return PERTURBED if task.problem.m and is_free else None


def is_perturbed(task: Task) -> bool:
    """Whether rows are perturbed in each step of a solve."""
    return PERTURBED.options.items() <= task.options.items()
