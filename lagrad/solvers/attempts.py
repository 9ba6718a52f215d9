"""Choose between two attempts at a solve, the second with options that the first one's end suggests."""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import numpy as np

from lagrad.solution.solution import Solution
from lagrad.solution.status import Status
from lagrad.solvers.solver import Remedy

# A solver that ends so has not decided anything.
GIVEN_UP = (Status.ACCEPTABLE, Status.ERROR)
# Who ends a solve so does not want to wait for more.
STOPPED = (Status.TIME_LIMIT, Status.INTERRUPTED)
# Multipliers so many times larger than the gradient are no prices of anything.
RUNAWAY = 1e6


@dataclass(frozen=True, eq=False)
class Attempt:
    """What a run of a solver came to.

    Args:
        solution: what it found.
        remedy: what may help if multipliers have run away, or None.
        start_gradient: largest entry of grad f at the start.
        failure: what a function of the user's raised, or None.
    """

    solution: Solution
    remedy: Remedy | None
    start_gradient: float
    failure: BaseException | None

    @property
    def wants_another(self) -> bool:
        """Whether the solver, and nobody else, gave up or was content with less, and multipliers ran away."""
        found = self.solution
        if self.failure is not None or found.success or found.status not in GIVEN_UP:
            return False
        sizes = [np.abs(leaf).max(initial=0.0) for leaf in jax.tree.leaves(found.multipliers)]
        return not np.max(sizes, initial=0.0) <= RUNAWAY * max(1.0, self.start_gradient)


def better(first: Attempt, second: Attempt, remedy: Remedy) -> Attempt:
    """The second of two attempts if it found a solution, else the first; it is told that there were two.

    Args:
        first: without a solution.
        second: with what was to help; where somebody stopped it, that is the status of the whole.
        remedy: what that was.
    """
    before, after = first.solution, second.solution
    changed = ", ".join(f"{name}={value!r}" for name, value in remedy.options.items())
    if after.success or second.failure is not None:
        note = (
            f"This is a second attempt, with {changed}: the first ended after {before.iterations} iterations "
            f"without a solution, since {remedy.reason}. `lagrad.diagnose(problem)` names such rows."
        )
        return replace(second, solution=after.replace(message=f"{after.message} {note}"))
    was_stopped = after.status in STOPPED
    end = "was not finished" if was_stopped else "found no solution either"
    note = f"It seems that {remedy.reason}, but a second attempt, with {changed}, {end}."
    told = after if was_stopped else before
    changes = {"status": told.status, "message": f"{told.message} {note}"}
    return replace(first, solution=before.replace(**changes))
