"""Find distinct local optima from starts that fill the box of the bounds."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from lagrad.display.markup import preformatted
from lagrad.display.page import Page
from lagrad.errors import ProblemError
from lagrad.problem.bounds import read_bounds
from lagrad.problem.problem import Problem, problem_of
from lagrad.solution.solution import Solution
from lagrad.sweep.many import solve_many


@dataclass(frozen=True, eq=False)
class Group:
    """Solves that ended at one point.

    Args:
        solution: the best of them.
        members: numbers of all of them, in `Multistart.solutions`.
    """

    solution: Solution
    members: tuple[int, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Multistart:
    """What a multistart found.

    Args:
        starts: flat starts, shape (count, n); the first is the problem's own.
        solutions: one a start, in the same order.
        optima: distinct optima by objective, best first.
    """

    starts: np.ndarray
    solutions: list[Solution]
    optima: tuple[Group, ...]

    @property
    def best(self) -> Solution | None:
        """The best optimum, None if no solve succeeded."""
        return self.optima[0].solution if self.optima else None

    def __repr__(self) -> str:
        return f"Multistart({len(self.solutions)} starts, {len(self.optima)} distinct optima)"

    def __str__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return preformatted(self.summary())

    def summary(self, most: int = 10) -> Page:
        """The optima as a table, and why the other starts found none."""
        found = sum(len(group.members) for group in self.optima)
        optima = f"{len(self.optima)} distinct optim{'um' if len(self.optima) == 1 else 'a'}"
        head = f"{starts_in_words(len(self.solutions))}: {found} succeeded, {optima}"
        lines = [
            f"  {rank:>3}   objective {group.solution.objective:<18.10g} "
            f"from {starts_in_words(len(group.members))}"
            for rank, group in enumerate(self.optima[:most], 1)
        ]
        more = [f"  and {len(self.optima) - most} more"] if len(self.optima) > most else []
        failed = [str(solution.status) for solution in self.solutions if not solution.success]
        reasons = ", ".join(f"{failed.count(status)} {status}" for status in dict.fromkeys(failed))
        lines = [head, *lines, *more, *([f"  without success: {reasons}"] if failed else [])]
        return Page("\n".join(lines))


def starts_in_words(count: int) -> str:
    """A number of starts.

    >>> starts_in_words(1), starts_in_words(2)
    ('1 start', '2 starts')
    """
    return f"{count} start{'' if count == 1 else 's'}"


def multistart(
    problem: Any,
    count: int = 16,
    *,
    seed: int = 0,
    box: Any = None,
    reach: float = 10.0,
    sampler: Any = None,
    distinct: float = 1e-4,
    executor: Executor | int | None = None,
    progress: bool = False,
    **options: Any,
) -> Multistart:
    """Solve from many starts, and sort the solutions into distinct optima.

    A search for better local optima, no proof of a global one.

    Args:
        problem: a Problem, or its Derivatives.
        count: number of starts: the problem's own, and count - 1 sampled ones.
        seed: of the sampler: the same seed gives the same starts.
        box: where starts lie, in any form that bounds take; the problem's bounds if None.
        reach: how far starts lie from the problem's own where the box has no side, times max(1, |x0|).
        sampler: a scipy.stats.qmc engine of n dimensions; scrambled Latin hypercube if None.
        distinct: two points are one optimum if they differ by no more, relative to max(1, |x|), in any entry.
        executor, progress, options: as in `lagrad.solve_many`.

    Returns:
        Multistart.

    Raises:
        ProblemError: an argument does not fit.

    >>> problem = lagrad.Problem(lambda x: (x[0] ** 2 - 1) ** 2 + 0.1 * x[0], [0.9], bounds=(-2.0, 2.0))
    >>> found = multistart(problem, 6, method="trust-constr")
    >>> [round(float(group.solution.x[0]), 3) for group in found.optima]
    [-1.012, 0.987]
    """
    declared = problem_of(problem)
    if not isinstance(count, Real) or count < 1 or count % 1:
        shown = repr(count) if isinstance(count, Real) else type(count).__name__
        raise ProblemError(
            f"`count`: {shown}, expected a whole number of starts, at least 1. For starts of your own "
            "call `lagrad.solve_many(problem, x0=starts)`."
        )
    starts = sample(declared, int(count), seed, box, reach, sampler)
    solutions = solve_many(problem, x0=starts, executor=executor, progress=progress, **options)
    return Multistart(starts, solutions, group(declared, solutions, distinct))


def sample(problem: Problem, count: int, seed: int, box: Any, reach: float, sampler: Any) -> np.ndarray:
    """The problem's own start and points that fill the box, shape (count, n)."""
    lower, upper = (problem.lower, problem.upper) if box is None else read_bounds(box, problem.variables)
    width = reach * np.maximum(1.0, np.abs(problem.start))
    low = np.where(np.isfinite(lower), lower, np.minimum(problem.start, upper) - width)
    high = np.where(np.isfinite(upper), upper, np.maximum(problem.start, lower) + width)
    engine = latin_hypercube(problem.n, seed) if sampler is None else sampler
    if engine.d != problem.n:
        raise ProblemError(f"`sampler`: {engine.d} dimensions, expected {problem.n}. Give it one a variable.")
    points = low + (high - low) * engine.random(count - 1)
    return np.vstack([problem.start, np.clip(points, problem.lower, problem.upper)])


def latin_hypercube(n: int, seed: int) -> Any:
    """Sampler of n dimensions that puts one point into each slice of each axis."""
    # SciPy 1.14 knows only `seed`, later ones also `rng`.
    # scipy.stats would take half the time of `import lagrad`.
    from scipy.stats import qmc

    engine: Any = qmc.LatinHypercube
    return engine(n, seed=np.random.default_rng(seed))


def group(problem: Problem, solutions: list[Solution], distinct: float) -> tuple[Group, ...]:
    """Successful solutions by the point they found, best first."""
    ranked = sorted((s.objective, i) for i, s in enumerate(solutions) if s.success)
    points = {i: problem.variables.flatten(solutions[i].x) for _, i in ranked}
    members: dict[int, list[int]] = {}
    for _, i in ranked:
        same = (first for first in members if are_same(points[first], points[i], distinct))
        members.setdefault(next(same, i), []).append(i)
    return tuple(Group(solutions[first], tuple(sorted(found))) for first, found in members.items())


def are_same(one: np.ndarray, other: np.ndarray, distinct: float) -> bool:
    """Whether two points differ by no more than their accuracy explains."""
    return bool(np.all(np.abs(one - other) <= distinct * np.maximum(1.0, np.abs(one))))
