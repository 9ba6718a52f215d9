"""What a registry entry holds: a problem, what is known of its solution, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import lagrad

# Why an optimum counts as known. In each case but that of two sources, which are named after it, IPOPT finds
# it from the problem's own start.
PUBLISHED = "published: the source prints this value, as far as its digits go"
CLOSED_FORM = "closed form: derived by hand, see the file"
TWO_SOLVERS = "two solvers: IPOPT and POUNCE end at this value, certified at the first"
TWO_SOURCES = "two sources agree"
TWO_FORMS = "two forms: another formulation of the same problem has this optimum"


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
        evidence: why `optimum` counts as known; empty where it is None.
        difficulty: "normal", or "difficult" where a sound solver may well fail: degenerate, badly scaled,
            many local minima.
        outcome: the status that a solver ought to report; not "optimal" for problems without a solution.

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
    evidence: str = ""
    difficulty: str = "normal"
    outcome: lagrad.Status = lagrad.Status.OPTIMAL

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


def known_at(size: object, values: Mapping[Any, tuple[float, str]]) -> dict[str, Any]:
    """The arguments `optimum` and `evidence` of an Entry, from a table by size; None and "" if there is none.

    >>> known_at(20, {10: (1.5, CLOSED_FORM)})
    {'optimum': None, 'evidence': ''}
    """
    optimum, evidence = values.get(size, (None, ""))
    return {"optimum": optimum, "evidence": evidence}
