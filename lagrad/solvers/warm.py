"""Take the start of a solve from an earlier Solution."""

from __future__ import annotations

import numpy as np

from lagrad.annotations import Pytree
from lagrad.errors import ProblemError
from lagrad.problem.layout import Layout
from lagrad.problem.problem import Problem
from lagrad.solution.solution import Solution
from lagrad.solvers.solver import Start

# The barrier parameter of a warm start: small enough to stay near, large enough to move along a bound.
SMALLEST_MU, LARGEST_MU = 1e-9, 1e-1
# Of a solve that was stopped: its last ones can be far smaller than its point is accurate, and steps are then
# cut at every bound; larger ones than this throw away what was reached.
ROUGH_MU = 1e-4, 1e-2


def warm(solution: Solution | None, problem: Problem, x: np.ndarray | None = None) -> Start:
    """The start of a solve.

    Args:
        solution: to begin from, or None.
        problem: the one to be solved.
        x: start that replaces the solution's point, shape (n,), or None.

    Returns:
        Start with x within the bounds, and multipliers if there is a solution.

    Raises:
        ProblemError: the solution is of a problem with other variables or constraints.
    """
    if solution is None:
        return Start(problem.start if x is None else x)
    if not isinstance(solution, Solution):
        raise ProblemError(f"`warm_start`: a {type(solution).__name__}, expected a Solution.")
    if list(solution.multipliers) != list(problem.constraints):
        found, expected = list(solution.multipliers), list(problem.constraints)
        raise ProblemError(f"`warm_start`: constraints {found}, expected {expected}.")
    place = flat(problem.variables, solution.x, "x") if x is None else x
    rows = [flat(problem.row_layouts[name], tree, name) for name, tree in solution.multipliers.items()]
    lower, upper = (flat(problem.variables, tree, "bound_multipliers") for tree in solution.bound_multipliers)
    multipliers = np.concatenate([np.zeros(0), *rows]), lower, upper
    finite = all(np.isfinite(part).all() for part in multipliers)
    x = np.clip(place, problem.lower, problem.upper)
    if not finite:
        return Start(x)
    is_rough, mu = not solution.status.is_converged, mu_at(solution)
    if mu is not None and is_rough:
        mu = min(max(mu, ROUGH_MU[0]), ROUGH_MU[1])
    return Start(x, multipliers, mu, is_rough)


def flat(layout: Layout, tree: Pytree, what: str) -> np.ndarray:
    """A pytree of a Solution as a flat vector; one that was saved by paths is read back by them."""
    try:
        if isinstance(tree, dict) and not layout.is_array:
            labels = [path.removeprefix(layout.label) for path in layout.paths]
            if set(tree) == set(labels):
                return np.concatenate([np.ravel(tree[label]) for label in labels])
        return layout.flatten(tree)
    except ProblemError as error:
        raise ProblemError(
            f"`warm_start`: its `{what}` does not fit this problem: {error} From another grid, interpolate x "
            "and give it as `x0`."
        ) from error


def mu_at(solution: Solution) -> float | None:
    """The barrier parameter of a Solution's own iteration, None if it had none.

    The best point of a solve that was stopped need not be the last one.
    """
    history = solution.history
    known = np.flatnonzero(np.isfinite(history.mu))
    if not known.size:
        return None
    own = known[history.objective[known] == solution.objective]
    return float(np.clip(history.mu[own[-1] if own.size else known[-1]], SMALLEST_MU, LARGEST_MU))
