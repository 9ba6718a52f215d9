"""Choose how a sweep is solved where nobody says: one by one, or as a batch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lagrad.problem.problem import Problem

# Compiling a batch takes as long as about so many solves by IPOPT (`python -m benchmarks.batched ways`), of
# problems with at most TINY variables and rows, and of larger ones.
TINY, MANY, FEWER = 20, 4096, 1536
# Variables and rows up to which a batch is several times faster, once compiled.
SMALL = 200
# Arguments of `lagrad.solve` that a batched sweep understands.
KNOWN = {"tol", "max_iterations"}


def pays_as_batch(problem: Problem, count: int, executor: Any, options: Iterable[str]) -> bool:
    """Whether a batch is the faster way.

    It is for thousands of small problems, where nothing is asked for that only the other solvers have.

    Args:
        problem: one of them.
        count: how many there are.
        executor: where the user wants solves to run; None for no wish.
        options: names of what the user asks for.

    >>> pays_as_batch(Problem(lambda x, p: (x[0] - p) ** 2, [0.0], params=0.0), 10_000, None, ["tol"])
    True
    """
    size = problem.n + problem.m
    enough = MANY if size <= TINY else FEWER
    return executor is None and size <= SMALL and count >= enough and KNOWN.issuperset(options)
