"""Make a registry entry of the formula of a small problem.

The books write min f(x) subject to g(x) >= 0, h(x) = 0 and bounds, with x = (x1, ..., xn). Here `positive` is
g and `equal` is h; a two-sided g has a `span`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

import lagrad
from lagrad_problems.entry import PUBLISHED, Entry

Bound = float | Sequence[float]
# Of the vector x; NumPy's constants make the type of the result hard to state.
Function = Callable[[Array], Any]


@dataclass(frozen=True)
class Collection:
    """What the problems of one book have in common.

    Args:
        prefix: of the registry's names, such as "hs".
        kind: as in `Entry`.
        source: of one problem, with `{}` for its number.
    """

    prefix: str
    kind: str
    source: str


@dataclass(frozen=True, eq=False)
class Formula:
    """The book's page as it stands: f, g, h, bounds, start and optimum.

    Args:
        number: the book's number, or its name for the problem.
        optimum: objective at the book's solution, recomputed where the book errs.
        x0: the book's start, n numbers; it need not satisfy anything.
        objective: f, of the vector x.
        equal: h of the vector x, a scalar or a vector; None if there are no equalities.
        positive: g of the vector x, a scalar or a vector; None if there are no inequalities.
        span: lower and upper limits of `positive`.
        lower, upper: bounds of the variables.
        note: where the book errs or a solver may be led astray.
        other_optima: objectives of further local minima.
        tolerance: relative accuracy of the objective to expect of a solver.
        evidence: why `optimum` counts as known, as in `Entry`.
        difficulty: as in `Entry`.
    """

    number: int | str
    optimum: float
    x0: Sequence[float] | np.ndarray
    objective: Function
    equal: Function | None = None
    positive: Function | None = None
    span: tuple[Bound, Bound] = (0.0, inf)
    lower: Bound = -inf
    upper: Bound = inf
    note: str = ""
    other_optima: tuple[float, ...] = ()
    tolerance: float = 1e-6
    evidence: str = PUBLISHED
    difficulty: str = "normal"


def scalars(
    number: int | str, optimum: float, x0: Sequence[float], objective: Callable[..., Any], **rest
) -> Formula:
    """A formula whose functions take x1, x2, ... one by one, as the book prints them.

    Args:
        number: the book's number.
        optimum: objective at the solution.
        x0: the book's start, n numbers.
        objective: f(x1, ..., xn).
        **rest: as in `Formula`; `equal` and `positive` take n arguments and return a scalar or a tuple.

    Returns:
        Formula with functions of the vector x.
    """
    functions = {name: _of_vector(rest.pop(name)) for name in ("equal", "positive") if name in rest}
    return Formula(number, optimum, x0, _of_vector(objective), **functions, **rest)


def _of_vector(function: Callable[..., Any]) -> Function:
    """The function of n scalars as one of a vector; a tuple of results becomes a vector."""

    def of_vector(x: Array) -> Array:
        value = function(*(x[i] for i in range(x.shape[0])))
        return (
            jnp.stack([jnp.asarray(part, x.dtype) for part in value]) if isinstance(value, tuple) else value
        )

    return of_vector


def entry(formula: Formula, collection: Collection) -> Entry:
    """The formula declared as a problem, with its optimum and source.

    Args:
        formula: one of the tables' rows.
        collection: the book it stands in.

    Returns:
        Entry; the constraints are called "equal" and "positive".
    """
    name = f"{collection.prefix}{formula.number}"
    constraints = {}
    if formula.equal is not None:
        constraints["equal"] = lagrad.Equality(formula.equal)
    if formula.positive is not None:
        constraints["positive"] = lagrad.Inequality(formula.positive, *map(limit, formula.span))
    start = np.clip(formula.x0, formula.lower, formula.upper)
    moved = (
        ""
        if np.array_equal(start, formula.x0)
        else "The book's start lies outside the bounds: moved onto them."
    )
    problem = lagrad.Problem(
        formula.objective,
        start,
        constraints or None,
        bounds=(limit(formula.lower), limit(formula.upper)),
        name=name,
    )
    return Entry(
        name=name,
        problem=problem,
        kind=collection.kind,
        optimum=formula.optimum,
        source=collection.source.format(formula.number),
        note=" ".join(filter(None, (formula.note, moved))),
        tolerance=formula.tolerance,
        other_optima=formula.other_optima,
        evidence=formula.evidence,
        difficulty=formula.difficulty,
    )


def limit(value: Bound):
    """A scalar as it is, a sequence as an array."""
    return value if isinstance(value, (int, float)) else np.asarray(value, float)
