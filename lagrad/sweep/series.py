"""Read a series of params or starts in either form.

stacked     a pytree like one of them whose arrays have one axis more, in front
listed      a list, tuple or other iterable of them
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import jax
import numpy as np

from lagrad.errors import ProblemError
from lagrad.problem.problem import Problem


def read_series(problem: Problem, params: Any, x0: Any) -> list[tuple[Any, Any]]:
    """Pairs of params and start, None for the problem's own.

    Args:
        problem: whose structure one of them has.
        params: a series, or None.
        x0: a series, or None; one of them may be a flat vector of shape (n,).

    Returns:
        List of pairs, checked.

    Raises:
        ProblemError: nothing to go through, different lengths, or an entry that does not fit.
    """
    if params is None and x0 is None:
        raise ProblemError("`solve_many`: neither params nor x0. Give a sequence of one of them, or of both.")
    given = None if params is None else entries(params, problem.params, "params")
    starts = None if x0 is None else entries(x0, problem.x0, "x0", problem.n)
    if None not in (given, starts) and len(given or []) != len(starts or []):
        counts = f"{len(given or [])} params but {len(starts or [])} starts"
        raise ProblemError(f"`solve_many`: {counts}. Give one start for each, or none at all.")
    count = len(given if given is not None else starts or [])
    checked = [checked_params(problem, *pair) for pair in enumerate(given or [])] or [None] * count
    begun = [checked_start(problem, *pair) for pair in enumerate(starts or [])] or [None] * count
    return list(zip(checked, begun, strict=True))


def checked_params(problem: Problem, index: int, params: Any) -> Any:
    """One entry of params, or a ProblemError that says which."""
    try:
        return problem.read_params(params)
    except ProblemError as error:
        raise ProblemError(f"`solve_many`: params number {index}: {error}") from error


def checked_start(problem: Problem, index: int, x0: Any) -> Any:
    """One start, or a ProblemError that says which."""
    try:
        return problem.read_x0(x0)
    except ProblemError as error:
        raise ProblemError(f"`solve_many`: x0 number {index}: {error}") from error


def entries(series: Any, like: Any, name: str, flat: int | None = None) -> list[Any]:
    """The entries of a series in either form.

    >>> entries({"a": np.zeros((2, 3))}, {"a": np.zeros(3)}, "params")
    [{'a': array([0., 0., 0.])}, {'a': array([0., 0., 0.])}]
    """
    if isinstance(series, Iterator):
        return list(series)
    if is_stacked(series, like, flat):
        count = len(jax.tree.leaves(series)[0])
        return [jax.tree.map(lambda leaf, row=row: np.asarray(leaf)[row], series) for row in range(count)]
    if isinstance(series, Iterable) and not isinstance(series, dict | str):
        return list(series)
    raise ProblemError(
        f"`{name}`: a {type(series).__name__}, expected many. Give a sequence, or a pytree like one of them "
        "whose arrays have an axis more, in front."
    )


def is_stacked(series: Any, like: Any, flat: int | None) -> bool:
    """Whether a series is a pytree like one entry with a common leading axis, or a matrix of flat vectors."""
    if flat is not None and getattr(series, "shape", ())[1:] == (flat,):
        return True
    leaves, expected = jax.tree.leaves(series), jax.tree.leaves(like)
    if jax.tree.structure(series) != jax.tree.structure(like):
        return False
    fits = [
        hasattr(leaf, "shape") and leaf.ndim == np.ndim(own) + 1 and leaf.shape[1:] == np.shape(own)
        for leaf, own in zip(leaves, expected, strict=True)
    ]
    return all(fits) and len({len(leaf) for leaf in leaves}) == 1
