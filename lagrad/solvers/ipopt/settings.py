"""Choose Ipopt's options for a Task: defaults, the arguments of solve, the user's own, and what must be."""

from __future__ import annotations

from typing import Any

import numpy as np

from lagrad.solvers.ipopt.mumps import suited
from lagrad.solvers.ipopt.options import ALWAYS, DEFAULTS
from lagrad.solvers.model import has_hessian
from lagrad.solvers.optimality import success_tolerance
from lagrad.solvers.solver import Start, Task

# A warm start keeps to its point: the usual push away from the bounds would undo it.
WARM_START: dict[str, Any] = {
    "warm_start_init_point": "yes",
    "warm_start_bound_push": 1e-9,
    "warm_start_bound_frac": 1e-9,
    "warm_start_slack_bound_push": 1e-9,
    "warm_start_slack_bound_frac": 1e-9,
    "warm_start_mult_bound_push": 1e-9,
}


# Where the solve before had not converged, a point can lie too near to bounds that it is to leave again: it
# keeps the distance at which a multiplier of one belongs to the barrier parameter, or this one.
FARTHEST = 1e-3

# Ipopt takes so large a variable for one that runs away; if x starts beyond LARGE, so large a multiple of it.
DIVERGED, LARGE = 1e20, 1e6


def all_options(task: Task, has_mumps: bool) -> dict[str, Any]:
    """Every option that is set, each group over the one before; those of MUMPS where it is there."""
    unscaled = min(success_tolerance(task.tol), 1e-4)
    given: dict[str, Any] = {"tol": float(task.tol), "constr_viol_tol": unscaled, "compl_inf_tol": unscaled}
    if not has_hessian(task.evaluation.derivatives):
        given["hessian_approximation"] = "limited-memory"
    size = float(np.abs(task.start.x).max(initial=0.0))
    if size > LARGE:
        given["diverging_iterates_tol"] = DIVERGED * size
    if task.max_iterations is not None:
        given["max_iter"] = int(task.max_iterations)
    of_mumps = suited(task) if has_mumps else {}
    return {**DEFAULTS, **given, **of_mumps, **warm_options(task.start), **task.options, **ALWAYS}


def warm_options(start: Start) -> dict[str, Any]:
    """Options of a warm start, none for a cold one."""
    if start.multipliers is None:
        return {}
    options = WARM_START | rough_options(start.mu) if start.is_rough else WARM_START
    return options if start.mu is None else options | {"mu_init": start.mu}


def rough_options(mu: float | None) -> dict[str, Any]:
    """How far the point of a solve that was stopped is moved from bounds and sides."""
    push = FARTHEST if mu is None else min(FARTHEST, mu)
    names = (name for name in WARM_START if name.endswith(("push", "frac")))
    return dict.fromkeys(names, push) | {"warm_start_mult_bound_push": 1e-6}
