"""Declare the cases in JAX: objective(x) and constraints(x) of the flat x.

The functions are those of `lagrad_problems`, so asdex, POUNCE, dense JAX and lagrad get the very same ones.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from benchmarks.cases import Case, catalog


@cache
def functions(name: str) -> tuple[Callable, Callable]:
    """Objective and constraints by the case's name."""
    problem = catalog.declare(name)()
    return (lambda x: problem.flat_objective(x)), (lambda x: problem.flat_constraints(x))


def declare(case: Case) -> tuple[Callable, Callable]:
    """Objective and constraint function of a case; the first call for a case is slow, later ones are not."""
    return functions(case.name)
