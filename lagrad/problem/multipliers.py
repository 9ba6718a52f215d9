"""Flatten multipliers given by name, and name those given flat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lagrad.errors import ProblemError
from lagrad.problem.problem import Problem

NAMED = (
    "Give one array for each of these, all rows in one flat array, or names of your own to the problem: "
    "constraints={'name': ...}."
)
NONE = "The problem has no constraints: give an empty dict, or nothing."


def flat_multipliers(problem: Problem, multipliers: Any, where: str = "multipliers") -> np.ndarray:
    """Multipliers of all constraint rows as one vector.

    Args:
        problem: m constraint rows.
        multipliers: shape (m,), or a mapping from the name of each constraint to an array in the shape of its
            value, as in `Solution.multipliers`; None if there are no rows.
        where: name of the argument.

    Returns:
        float64 array of shape (m,).

    Raises:
        ProblemError: another size, a missing or unknown name, or None where there are rows.

    >>> problem = Problem(lambda x: x[0], [1.0, 2.0], {"sum": lagrad.Equality(lambda x: x.sum())})
    >>> flat_multipliers(problem, {"sum": 3.0})
    array([3.])
    """
    if multipliers is None:
        if problem.m:
            found = f"None, expected {problem.m} numbers, one a constraint row"
            raise ProblemError(f"`{where}`: {found}. Give an array, or a dict of arrays by constraint.")
        return np.zeros(0)
    if isinstance(multipliers, Mapping):
        names = list(problem.row_layouts)
        if set(multipliers) != set(names):
            found = f"constraints {list(multipliers)}, expected {names}"
            raise ProblemError(f"`{where}`: {found}. {NAMED if problem.m else NONE}")
        parts = [layout.flatten(multipliers[name]) for name, layout in problem.row_layouts.items()]
        return np.concatenate([np.zeros(0), *parts])
    flat = np.asarray(multipliers, dtype=np.float64).reshape(-1)
    if flat.size != problem.m:
        raise ProblemError(f"`{where}`: {flat.size} entries, expected {problem.m}, one a constraint row.")
    return flat


def named_rows(problem: Problem, rows: Any) -> dict[str, Any]:
    """A number a constraint row, shape (m,), by constraint and in the shape of its value."""
    named, start = {}, 0
    for name, layout in problem.row_layouts.items():
        named[name] = layout.unflatten(rows[start : start + layout.size])
        start += layout.size
    return named
