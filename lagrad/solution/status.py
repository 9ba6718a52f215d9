"""Name why a solver stopped, what that means and what to do about it, in one word for all solvers."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Why a solve stopped, in the same words for every solver.

    A member equals its own value, so `solution.status == "optimal"` works. Whether the point that
    came back satisfies the optimality conditions is another question: see `Solution.success`.

    >>> Status.INFEASIBLE.message
    'The constraints could not be satisfied near the point reached.'
    >>> Status("optimal").is_converged
    True
    """

    OPTIMAL = "optimal"
    ACCEPTABLE = "acceptable"
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    ITERATION_LIMIT = "iteration_limit"
    TIME_LIMIT = "time_limit"
    INTERRUPTED = "interrupted"
    INVALID_NUMBER = "invalid_number"
    ERROR = "error"

    @property
    def message(self) -> str:
        """What happened, in one sentence."""
        return TEXTS[self][0]

    @property
    def advice(self) -> str:
        """What to do about it, in one or two sentences; empty if nothing needs doing."""
        return TEXTS[self][1]

    @property
    def is_converged(self) -> bool:
        """Whether the solver itself was satisfied with the point."""
        return self in (Status.OPTIMAL, Status.ACCEPTABLE)

    @property
    def allows_success(self) -> bool:
        """Whether a point reached this way may be called a solution if it passes the check."""
        return self not in (Status.INFEASIBLE, Status.UNBOUNDED, Status.INVALID_NUMBER, Status.ERROR)


TEXTS = {
    Status.OPTIMAL: ("A point that satisfies the optimality conditions was found.", ""),
    Status.ACCEPTABLE: (
        "The solver stopped with less accuracy than asked for.",
        "Look at the residuals in `certificate`. Scale variables and constraints to about 1.",
    ),
    Status.INFEASIBLE: (
        "The constraints could not be satisfied near the point reached.",
        "`lagrad.explain_infeasibility(problem, solution.x)` names the constraints that cannot hold "
        "together. Another x0 may help: this is a local verdict.",
    ),
    Status.UNBOUNDED: (
        "The iterates or the objective run away to infinity.",
        "Bound the variables that ran away, or check the objective's sign.",
    ),
    Status.ITERATION_LIMIT: (
        "The iteration limit was reached.",
        "Raise `max_iterations`, or go on from here with `warm_start=solution`.",
    ),
    Status.TIME_LIMIT: (
        "The time limit was reached.",
        "Raise `time_limit`, or go on from here with `warm_start=solution`.",
    ),
    Status.INTERRUPTED: (
        "The solve was stopped from outside: by Ctrl-C, SIGTERM or a callback.",
        "The best point so far is here; go on with `warm_start=solution`.",
    ),
    Status.INVALID_NUMBER: (
        "A function or derivative was not finite where the solver could not step back.",
        "`lagrad.diagnose(problem, solution.x)` shows where. Keep x away from there with bounds.",
    ),
    Status.ERROR: (
        "The solver gave up.",
        "`lagrad.diagnose(problem, solution.x)` looks at scaling, dependent rows and numbers not finite.",
    ),
}
