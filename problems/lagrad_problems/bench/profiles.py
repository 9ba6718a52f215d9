"""Compute and draw performance and data profiles.

With t(p, s) what solver s spends on problem p, infinite where it fails:

    performance profile   rho(tau) = share of problems with t(p, s) <= tau min over solvers of t(p, .)
    data profile          d(k) = share of problems solved within k evaluations of f for each variable, and one

Sources: E. D. Dolan, J. J. More, Benchmarking Optimization Software with Performance Profiles (2002); J. J.
More, S. M. Wild, Benchmarking Derivative-Free Optimization Algorithms (2009).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

import numpy as np

SUCCESSES = ("solved", "unconfirmed")
LINES = ("-", "--", "-.", ":")


@dataclass(frozen=True, eq=False)
class Profile:
    """A step function for each solver.

    Args:
        label: of the abscissa.
        steps: solver -> sorted abscissas at which a further problem is solved, all finite.
        count: number of problems, the denominator.
    """

    label: str
    steps: Mapping[str, np.ndarray]
    count: int

    def share(self, solver: str, at: float) -> float:
        """Share of the problems that a solver solves within `at`."""
        return float(np.searchsorted(self.steps[solver], at, side="right")) / max(1, self.count)


def seconds(row: dict) -> float:
    """Set-up and solve."""
    return row["setup_seconds"] + row["solve_seconds"]


def spent(row: dict, measure) -> float:
    """What a row's solver spent, infinite where it failed."""
    return measure(row) if row["verdict"] in SUCCESSES else inf


def performance(rows: Sequence[dict], measure=seconds, label: str = "seconds") -> Profile:
    """Dolan and More's profile of a measure.

    Args:
        rows: of a run.
        measure: row -> what was spent, positive.
        label: what that is.

    Returns:
        Profile over the ratio to the best solver.

    >>> row = {"problem": "p", "verdict": "solved"}
    >>> rows = [row | {"solver": "a", "cost": 1.0}, row | {"solver": "b", "cost": 2.0}]
    >>> profile = performance(rows, lambda row: row["cost"], "cost")
    >>> profile.share("b", 1.0), profile.share("b", 2.0)
    (0.0, 1.0)
    """
    costs = {(row["problem"], row["solver"]): spent(row, measure) for row in rows}
    problems = list(dict.fromkeys(row["problem"] for row in rows))
    best = {
        problem: min(cost for (other, _), cost in costs.items() if other == problem) for problem in problems
    }
    steps = {}
    for solver in dict.fromkeys(row["solver"] for row in rows):
        own = [(problem, costs.get((problem, solver), inf)) for problem in problems]
        steps[solver] = np.sort([cost / best[problem] for problem, cost in own if cost < inf])
    return Profile(f"{label}, ratio to the best", steps, len(problems))


def data(rows: Sequence[dict]) -> Profile:
    """More and Wild's profile: evaluations of the objective, for each variable and one."""
    steps = {}
    for solver in dict.fromkeys(row["solver"] for row in rows):
        costs = [
            spent(row, lambda row: row["evaluations"] / (row["n"] + 1))
            for row in rows
            if row["solver"] == solver
        ]
        steps[solver] = np.sort([cost for cost in costs if cost < inf])
    return Profile("evaluations for each variable and one", steps, len({row["problem"] for row in rows}))


def draw(profiles: Sequence[Profile], path: Path) -> None:
    """The profiles side by side, logarithmic abscissas.

    Raises:
        ImportError: matplotlib is not installed.
    """
    from matplotlib.figure import Figure  # pyright: ignore[reportMissingImports]

    figure = Figure(figsize=(5.5 * len(profiles), 4.2), layout="constrained")
    for place, profile in enumerate(profiles, 1):
        axis = figure.add_subplot(1, len(profiles), place)
        shown = [step for steps in profile.steps.values() for step in steps if step > 0]
        low, high = min(shown, default=1.0), max(shown, default=1.0)
        for number, (solver, steps) in enumerate(profile.steps.items()):
            share = np.arange(1, len(steps) + 1) / max(1, profile.count)
            last = share[-1] if len(share) else 0.0
            axis.step(
                np.r_[steps, 2 * high],
                np.r_[share, last],
                where="post",
                label=f"{solver}: {len(steps)} of {profile.count}",
                linestyle=LINES[number % len(LINES)],
            )
        axis.set_xscale("log")
        axis.set_xlim(low, 2 * high)
        axis.set_ylim(0.0, 1.02)
        axis.set_xlabel(profile.label)
        axis.set_ylabel("share of the problems solved")
        axis.grid(color="0.9")
        axis.legend(loc="lower right", frameon=False)
    figure.savefig(path, dpi=130)
