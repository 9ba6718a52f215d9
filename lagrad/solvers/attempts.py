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
        sizes = [float(np.abs(leaf).max(initial=0.0)) for leaf in jax.tree.leaves(found.multipliers)]
        return not max(sizes, default=0.0) <= RUNAWAY * max(1.0, self.start_gradient)


def better(first: Attempt, second: Attempt) -> Attempt:
    """The second of two attempts if it found a solution, else the first; it is told that there were two."""
    remedy, before = first.remedy, first.solution
    if remedy is None:
        return first
    changed = ", ".join(f"{name}={value!r}" for name, value in remedy.options.items())
    if not second.solution.success and second.failure is None:
        note = f"It seems that {remedy.reason}, but a second attempt with {changed} found no solution either."
        return replace(first, solution=before.replace(message=f"{before.message} {note}"))
    note = (
        f"This is a second attempt, with {changed}: the first ended after {before.iterations} iterations "
        f"without a solution, since {remedy.reason}. `lagrad.diagnose(problem)` names them."
    )
    after = second.solution
    return replace(second, solution=after.replace(message=f"{after.message} {note}"))
