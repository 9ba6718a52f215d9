"""What a registry entry holds: a problem, what is known of its solution, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass

import lagrad


@dataclass(frozen=True, eq=False)
class Entry:
    """A test problem beside what is known of it.

    Args:
        name: the registry's name, sizes left out, such as "hs71".
        problem: the declared problem.
        kind: what sort of problem it is, such as "least squares" or "optimal control".
        optimum: best objective that is known; None if none is.
        source: where the problem was published.
        note: a trap, or how the optimum was found; empty if there is nothing to say.
        other_optima: objectives of further local minima, at which a sound solver may stop.
        tolerance: relative accuracy of the objective to expect of a solver.
        numbers: the numbers behind the functions, for building the same problem in another tool; None if the
            formula says it all.

    >>> from lagrad_problems import get
    >>> get("hs71").optimum
    17.01401729
    """

    name: str
    problem: lagrad.Problem
    kind: str
    optimum: float | None
    source: str
    note: str = ""
    other_optima: tuple[float, ...] = ()
    tolerance: float = 1e-6
    numbers: object = None

    @property
    def n(self) -> int:
        """Number of variables."""
        return self.problem.n

    @property
    def m(self) -> int:
        """Number of constraint rows."""
        return self.problem.m

    def is_optimum(self, objective: float) -> bool:
        """Whether an objective is a known local minimum's, within `tolerance` relative (absolute below one).

        >>> from lagrad_problems import get
        >>> get("hs71").is_optimum(17.014)
        False
        """
        known = (self.optimum, *self.other_optima)
        return any(
            value is not None and abs(objective - value) <= self.tolerance * max(1.0, abs(value))
            for value in known
        )
