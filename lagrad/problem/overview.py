"""Describe a Problem on a page: variables, constraints, params, each with its numbers."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from lagrad.display.markup import html_table, titled
from lagrad.display.text import figure, table


def overview(problem: Any) -> str:
    """What a problem declares, in lines.

    Args:
        problem: a Problem.

    Returns:
        Lines joined by newlines, without a last one.

    >>> print(overview(lagrad.Problem(lambda x: x @ x, [1.0, 2.0], bounds=(0.0, None), name="bowl")))
    Problem 'bowl': 2 variables, 0 constraint rows
      variable  shape  start   bounds
      x         (2,)   1 to 2  >= 0
    """
    lines = [f"  {line}" for rows in tables(problem) if rows for line in table(rows).splitlines()]
    return "\n".join([heading(problem), *lines])


def markup(problem: Any) -> str:
    """The same as HTML, for notebooks."""
    return titled(heading(problem), *map(html_table, tables(problem)))


def heading(problem: Any) -> str:
    """Name and size."""
    name = "" if problem.name is None else f" {problem.name!r}"
    return f"Problem{name}: {problem.n:,} variables, {problem.m:,} constraint rows"


def tables(problem: Any) -> tuple[list[dict[str, Any]], ...]:
    """Rows about variables, constraints and params."""
    return variable_rows(problem), constraint_rows(problem), param_rows(problem)


def variable_rows(problem: Any) -> list[dict[str, str]]:
    """A row a leaf of x."""
    layout = problem.variables
    slices = [slice(a, b) for a, b in zip(layout.offsets[:-1], layout.offsets[1:], strict=True)]
    return [
        {
            "variable": path,
            "shape": str(shape),
            "start": span(problem.start[part]),
            "bounds": between(problem.lower[part], problem.upper[part]),
        }
        for path, shape, part in zip(layout.paths, layout.shapes, slices, strict=True)
    ]


def constraint_rows(problem: Any) -> list[dict[str, str | int]]:
    """A row a constraint."""
    parts = {name: problem.rows(name) for name in problem.constraints}
    lower, upper = problem.constraint_lower, problem.constraint_upper
    return [
        {"constraint": name, "rows": part.stop - part.start, "must be": between(lower[part], upper[part])}
        for name, part in parts.items()
    ]


def param_rows(problem: Any) -> list[dict[str, str]]:
    """A row a leaf of params."""
    if not problem.has_params:
        return []
    leaves = jax.tree_util.tree_leaves_with_path(problem.params)
    return [
        {"param": f"params{jax.tree_util.keystr(path)}", "shape": str(np.shape(leaf)), "is": span(leaf)}
        for path, leaf in leaves
    ]


def between(lower: np.ndarray, upper: np.ndarray) -> str:
    """Sides of several entries in few words.

    >>> inf = np.inf
    >>> between(np.array([0.0, 0.0]), np.array([inf, inf])), between(np.array([-inf]), np.array([5.0]))
    ('>= 0', '<= 5')
    >>> between(np.array([0.0, 1.0]), np.array([3.0, inf]))
    'from 0 to 1 up to 3 to inf'
    """
    if lower.size == 0:
        return "nothing"
    if np.array_equal(lower, upper):
        return f"= {span(lower)}"
    has_lower, has_upper = np.isfinite(lower).any(), np.isfinite(upper).any()
    if has_lower and has_upper:
        is_plain = len(np.unique(lower)) == len(np.unique(upper)) == 1
        return f"{'' if is_plain else 'from '}{span(lower)} {'to' if is_plain else 'up to'} {span(upper)}"
    if has_lower or has_upper:
        return one_sided(">=", lower) if has_lower else one_sided("<=", upper)
    return "free"


def one_sided(sign: str, side: np.ndarray) -> str:
    """A side that not all entries need have.

    >>> one_sided("<=", np.array([1.0, np.inf]))
    '<= 1 for 1 of 2'
    """
    known = side[np.isfinite(side)]
    return f"{sign} {span(known)}" + (f" for {known.size} of {side.size}" if known.size < side.size else "")


def span(values: Any) -> str:
    """The smallest and the largest of some numbers.

    >>> span(np.array([3.0, 1.0])), span(2.0), span(np.zeros((2, 0)))
    ('1 to 3', '2', 'nothing')
    """
    numbers = np.asarray(values)
    if numbers.size == 0:
        return "nothing"
    low, high = numbers.min(), numbers.max()
    return figure(low) if low == high else f"{figure(low)} to {figure(high)}"
