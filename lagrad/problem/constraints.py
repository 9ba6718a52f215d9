"""Read constraints as the user wrote them: their names and sides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lagrad.display.text import others
from lagrad.errors import ProblemError
from lagrad.problem.bounds import INFINITE, check_sides, infinite, spread
from lagrad.problem.layout import Layout
from lagrad.problem.scipy_objects import is_of_scipy
from lagrad.source_location import warn_user


@dataclass(frozen=True, eq=False)
class Equality:
    """The constraint fun(x) == value.

    Args:
        fun: function f(x), or f(x, params) if the problem has params; returns an array or a pytree of arrays.
        value: a number, an array of the shape that `fun` returns, or a pytree like its value.

    >>> Equality(lambda x: x[0] + x[1], value=1.0).value
    1.0
    """

    fun: Callable[..., Any]
    value: Any = 0.0


@dataclass(frozen=True, eq=False)
class Inequality:
    """The constraint lower <= fun(x) <= upper, either side or both.

    Args:
        fun: function f(x), or f(x, params) if the problem has params; returns an array or a pytree of arrays.
        lower: a number, an array of the shape that `fun` returns, or a pytree like its value; None for none.
        upper: likewise. Where both are equal, the row is an equality.

    >>> Inequality(lambda x: x[0] * x[1], lower=25.0).upper
    inf
    """

    fun: Callable[..., Any]
    lower: Any = -np.inf
    upper: Any = np.inf


Constraint = Equality | Inequality
_WRAP = "Wrap it: lagrad.Equality(fun, value) or lagrad.Inequality(fun, lower, upper)."


def named(constraints: Any) -> dict[str, Constraint]:
    """Constraints by name, in declared order.

    Args:
        constraints: None, one constraint, a sequence of them, or a dict name -> constraint.

    Returns:
        dict; a single constraint is called "constraint", those of a sequence "constraints[0]" and so on.

    Raises:
        ProblemError: something else than Equality or Inequality, or a name that is not a string.
    """
    if constraints is None:
        return {}
    found: dict[Any, Any]
    if isinstance(constraints, list | tuple):
        found = {f"constraints[{i}]": constraint for i, constraint in enumerate(constraints)}
    elif isinstance(constraints, dict) and not _is_scipy(constraints):
        found = dict(constraints)
    else:
        found = {"constraint": constraints}
    for name, constraint in found.items():
        _check_name(name)
        _check_kind(constraint, argument(name))
    return found


def argument(name: str) -> str:
    """How error messages name a constraint: `constraints['flow']`, `constraints[0]`, or `constraints`."""
    if name == "constraint":
        return "constraints"
    return name if name.startswith("constraints[") else f"constraints[{name!r}]"


def _is_scipy(constraint: object) -> bool:
    """Whether a constraint is written for scipy.optimize.minimize."""
    is_old_style = isinstance(constraint, dict) and {"type", "fun"} <= set(constraint)
    return is_old_style or is_of_scipy(constraint, "NonlinearConstraint", "LinearConstraint")


def _check_name(name: object) -> None:
    """Raise ProblemError unless a constraint's name is a non-empty string."""
    if not isinstance(name, str) or not name:
        raise ProblemError(
            f"`constraints`: name {name!r}, expected a non-empty string. Rename the constraint."
        )


def _check_kind(constraint: object, where: str) -> None:
    """Raise ProblemError unless a constraint is an Equality or an Inequality; say what to do instead."""
    if isinstance(constraint, Equality | Inequality):
        return
    if _is_scipy(constraint):
        raise ProblemError(
            f"`{where}`: {type(constraint).__name__} as SciPy takes it, expected lagrad.Equality or "
            "lagrad.Inequality. To keep it, call scipy.optimize.minimize(..., method=lagrad.ipopt)."
        )
    if callable(constraint):
        name = getattr(constraint, "__name__", type(constraint).__name__)
        raise ProblemError(f"`{where}`: a plain function ({name}), expected a constraint. {_WRAP}")
    raise ProblemError(f"`{where}`: {type(constraint).__name__}, expected a constraint. {_WRAP}")


def sides(constraint: Constraint, layout: Layout, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper side of every row of a constraint.

    Args:
        constraint: as declared.
        layout: how the function's value is laid out, size k.
        where: how error messages name the constraint, such as `constraints['flow']`.

    Returns:
        Two float64 arrays of shape (k,), equal for an Equality; infinite where there is no side.

    Raises:
        ProblemError: a shape that does not fit, NaN, lower above upper, or an equality with infinity.
    """
    if isinstance(constraint, Equality):
        value = spread(constraint.value, layout, 0.0, where, "value")
        _check_finite(value, layout, where)
        return value, value
    lower = infinite(spread(constraint.lower, layout, -np.inf, where, "lower"))
    upper = infinite(spread(constraint.upper, layout, np.inf, where, "upper"))
    check_sides(lower, upper, layout, where)
    if layout.size and np.isinf(lower).all() and np.isinf(upper).all():
        warn_user(
            f"`{where}`: neither `lower` nor `upper` is finite, so it constrains nothing. "
            "Give one, or leave the constraint out."
        )
    return lower, upper


def _check_finite(value: np.ndarray, layout: Layout, where: str) -> None:
    """Raise ProblemError if an equality asks for infinity."""
    bad = np.flatnonzero(np.abs(value) >= INFINITE)
    if bad.size:
        found = f"{value[bad[0]]:g}{others(bad.size)}"
        raise ProblemError(
            f"`{where}`: `value` of {layout.describe(bad[0])} is {found}, expected a "
            "finite number (1e20 and beyond count as infinite). Use lagrad.Inequality for one side."
        )
