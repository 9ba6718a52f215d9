"""Read the arguments of `lagrad.solve`: the short form, the limits, and words that belong elsewhere."""

from __future__ import annotations

import inspect
import math
import numbers
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeGuard

from lagrad.errors import ProblemError
from lagrad.problem.problem import Problem, problem_of
from lagrad.solution.solution import Solution
from lagrad.solvers.options import suggestion

DERIVED = (
    "lagrad finds derivatives itself; functions with derivatives of their own go to "
    "scipy.optimize.minimize(..., method=lagrad.ipopt)."
)
TOLERANCE = "Give `tol=...`, or the solver's own name in `options={...}`."
# What the short form declares beside objective and start.
DECLARED = ("constraints", "bounds", "params", "name")
# Words of SciPy, cyipopt and others -> where they belong.
ELSEWHERE = {
    "constraints": "A Problem has its own: declare lagrad.Problem(objective, x0, constraints).",
    "fun": "The objective is the first argument.",
    "args": "Declare what may change as `params=...` and write f(x, params).",
    "jac": DERIVED,
    "hess": DERIVED,
    "hessp": DERIVED,
    "maxiter": "Give `max_iterations=...`.",
    "max_iter": "Give `max_iterations=...`.",
    "maxfun": "Give `max_iterations=...` or `time_limit=...`.",
    "gtol": TOLERANCE,
    "xtol": TOLERANCE,
    "ftol": TOLERANCE,
    "verbose": "Give `progress=True`, or ask for IPOPT's own log by `options={'print_level': 5}`.",
    "disp": "Give `progress=True`, or print the solution's `summary()`.",
    "print_level": "Give `options={'print_level': ...}`.",
    "max_cpu_time": "Give `time_limit=...`.",
    "lb": "Give `bounds=(lower, upper)`.",
    "ub": "Give `bounds=(lower, upper)`.",
    "name": "Give it to `lagrad.Problem(..., name=...)`.",
}


def takes_objectives(solve: Callable[..., Solution]) -> Callable[..., Solution]:
    """`solve(problem, method, ...)` that takes `solve(objective, x0, ...)` as well, and knows others' words.

    >>> @takes_objectives
    ... def show(problem, method="auto", *, tol=1e-8):
    ...     return problem.n, problem.m, method
    >>> show(lambda x: x @ x, [1.0, 2.0], constraints=lagrad.Equality(lambda x: x[0]))
    (2, 1, 'auto')
    """
    known = set(inspect.signature(solve).parameters)

    @wraps(solve)
    def wrapper(problem: Any, *given: Any, **arguments: Any) -> Solution:
        if is_objective(problem):
            problem, given, arguments = declared(problem, given, arguments)
        elif given and not isinstance(given[0], str):
            problem_of(problem)
        refuse_unknown(arguments, known)
        if len(given) > 1 or given and not isinstance(given[0], str):
            raise ProblemError(
                f"`solve`: {given!r} after the problem, expected a method's name at most. Name other "
                "arguments, such as x0=..."
            )
        return solve(problem, *given, **arguments)

    return wrapper


def is_objective(problem: object) -> TypeGuard[Callable[..., Any]]:
    """Whether the first argument is a function and no model, which may be callable, too."""
    return callable(problem) and not hasattr(problem, "problem") and not isinstance(problem, Problem)


def declared(
    objective: Callable[..., Any], given: tuple[Any, ...], arguments: dict[str, Any]
) -> tuple[Problem, tuple[Any, ...], dict[str, Any]]:
    """The short form as the long one: what was declared becomes a Problem.

    Args:
        objective: f(x) or f(x, params).
        given: x0 and further arguments without a name.
        arguments: those with a name.

    Raises:
        ProblemError: there is no start.
    """
    if not given and "x0" in arguments:
        given = (arguments["x0"],)
        arguments = {name: value for name, value in arguments.items() if name != "x0"}
    if not given or isinstance(given[0], str):
        raise ProblemError(
            "`problem`: a function, expected a Problem, or what lagrad.differentiate made of one; or give a "
            "start after the function: lagrad.solve(f, x0)."
        )
    parts = {name: arguments.get(name) for name in DECLARED}
    rest = {name: value for name, value in arguments.items() if name not in DECLARED}
    return Problem(objective, given[0], **parts), given[1:], rest


def refuse_unknown(arguments: Mapping[str, Any], known: set[str]) -> None:
    """Raise for an argument that `solve` does not have.

    Raises:
        ProblemError: SciPy's or another's word; the message says where it belongs.
        TypeError: a word that nobody knows.
    """
    for word in arguments:
        if word in ELSEWHERE:
            raise ProblemError(f"`{word}`: no argument of lagrad.solve here. {ELSEWHERE[word]}")
        if word not in known:
            raise TypeError(f"lagrad.solve has no argument {word!r}. {suggestion(word, sorted(known))}")


def check_limits(tol: object, max_iterations: object, time_limit: object, callback: object) -> None:
    """Raise ProblemError unless tolerance, limits and callback are of their kinds."""
    if not is_real(tol) or not 0 < tol < math.inf:
        raise ProblemError(f"`tol`: {tol!r}, expected a positive number.")
    if max_iterations is not None and not is_count(max_iterations):
        raise ProblemError(f"`max_iterations`: {max_iterations!r}, expected a whole number >= 0, or None.")
    if time_limit is not None and (not is_real(time_limit) or not time_limit >= 0):
        raise ProblemError(f"`time_limit`: {time_limit!r}, expected seconds of at least 0, or None.")
    if callback is not None and not callable(callback):
        raise ProblemError(f"`callback`: a {type(callback).__name__}, expected a function of one Iterate.")
    if callable(callback) and not takes_one(callback):
        raise ProblemError(
            f"`callback`: {inspect.signature(callback)}, expected a function of one Iterate, which has the "
            "iteration, x, objective, mu and so on as attributes. True stops the solve."
        )


def takes_one(function: Callable[..., Any]) -> bool:
    """Whether a function can be called with one argument; those that do not tell count as such."""
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def is_count(value: object) -> TypeGuard[float]:
    """Whether a value is a whole number that IPOPT can hold, 0 included."""
    return is_real(value) and 0 <= value < 2**31 and value % 1 == 0


def is_real(value: object) -> TypeGuard[float]:
    """Whether a value is a number and no Boolean."""
    return isinstance(value, (float, numbers.Real)) and not isinstance(value, bool)
