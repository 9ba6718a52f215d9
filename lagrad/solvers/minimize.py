"""Serve as a method of scipy.optimize.minimize.

    scipy.optimize.minimize(fun, x0, method=lagrad.ipopt, constraints=..., bounds=..., tol=..., options=...)

Functions are JAX's unless the user gives their derivatives: then these are used, and the functions may be
plain NumPy. Finite differences and Hessian updates, SciPy's defaults, count as not given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax.ops
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.optimize import (
    Bounds,
    HessianUpdateStrategy,
    LinearConstraint,
    NonlinearConstraint,
    OptimizeResult,
)

from lagrad.derivatives import differentiate
from lagrad.derivatives.triplets import Triplets, rows_and_columns
from lagrad.errors import DerivativeError, ProblemError
from lagrad.problem.constraints import Inequality
from lagrad.problem.problem import Problem
from lagrad.solution.solution import Solution
from lagrad.solution.status import Status
from lagrad.solvers.model import Model, has_hessian
from lagrad.solvers.remembered import remembered
from lagrad.solvers.scipy_states import counted, first_order, translated
from lagrad.solvers.solve import solve
from lagrad.solvers.supplied import OBJECTIVE, PatternGrown, SuppliedDerivatives, choose_piece, untraced
from lagrad.source_location import warn_user

OTHER_WAY = (
    "lagrad: functions of NumPy are fine, too, if their derivatives are given: jac=... here, and in each "
    "NonlinearConstraint or dict. Finite differences ('2-point', ...) do not count."
)
# SciPy's words among the options; all others are the solver's own.
WORDS = ("tol", "maxiter", "time_limit", "disp", "verbose")
# Options of SciPy's other methods, and what to do instead.
EXACT = "lagrad finds exact derivatives, or takes yours. Leave it out."
UNLIMITED = "evaluations are not limited. Give `maxiter` or `time_limit`."
OTHERS = {
    "ftol": "the solve does not end by the change of the objective. Give `tol`.",
    "xtol": "the solve does not end by the size of a step. Give `tol`.",
    "eps": EXACT,
    "finite_diff_rel_step": EXACT,
    "maxfun": UNLIMITED,
    "maxfev": UNLIMITED,
    "iprint": "a word of SLSQP. Give `disp` or `verbose`.",
}
NATIVE = {"xtol", "finite_diff_rel_step"}
# Entries of a Hessian that is taken as full where the user's sparse ones turn out to have too few.
LARGEST_FULL = 4_000_000
# SciPy's words for differences, which count as not given.
DIFFERENCES = ("2-point", "3-point", "cs")
DICT_KEYS = ("type", "fun", "jac", "hess", "args", "kwargs")
OLD_SIDES = {"eq": (0.0, 0.0), "ineq": (0.0, np.inf)}


@dataclass(frozen=True, eq=False)
class Rows:
    """One of SciPy's constraints: lower <= fun(x) <= upper, with derivatives where the user gave them."""

    fun: Callable[..., Any]
    lower: Any
    upper: Any
    jac: Callable[..., Any] | None = None
    hess: Callable[..., Any] | None = None


def ipopt(
    fun: Callable[..., Any],
    x0: npt.ArrayLike,
    args: tuple[Any, ...] = (),
    jac: Any = None,
    hess: Any = None,
    hessp: Any = None,
    bounds: Any = None,
    constraints: Any = (),
    callback: Callable[..., Any] | None = None,
    **options: Any,
) -> OptimizeResult:
    """IPOPT as a method of scipy.optimize.minimize, with exact derivatives by lagrad.

    Args:
        fun: x -> scalar, with `args` behind x; written with jax.numpy, or any function if `jac` is given.
        x0: start, shape (n,).
        args: passed to fun, jac, hess and hessp.
        jac: x -> gradient, used if given.
        hess: x -> Hessian, dense, sparse or LinearOperator, used if given; without it lagrad's, or if fun is
            not JAX's, IPOPT's own approximation.
        hessp: (x, v) -> Hessian times v, used if hess is not given, n times a Hessian.
        bounds: Bounds, or a (lower, upper) pair a variable, None for no bound.
        constraints: LinearConstraint, NonlinearConstraint, old-style dict, or a list of them.
        callback: callback(intermediate_result), (x) or (x, state); True or StopIteration ends the solve.
        options: `tol`, `maxiter`, `time_limit`, `disp` (print a summary), `verbose` (follow the solve),
            and the solver's own.

    Returns:
        OptimizeResult: x, fun, jac, hess, success, status (0 optimal, else the place of `solution.status` in
        `lagrad.Status`), message, nit, nfev, njev, nhev, maxcv; of trust-constr's: grad, lagrangian_grad,
        constr, v (multipliers of each constraint, then of the bounds, in the signs of `lagrad.Solution`),
        constr_nfev, constr_njev, constr_nhev, constr_violation, optimality, execution_time; and `solution`,
        lagrad's own.

    Raises:
        ProblemError: something cannot be read; the message names it.
        DerivativeError: fun cannot be traced by JAX, and no jac is given.
    """
    return minimize("ipopt", fun, x0, args, (jac, hess, hessp), bounds, constraints, callback, options)


def trust_constr(
    fun: Callable[..., Any],
    x0: npt.ArrayLike,
    args: tuple[Any, ...] = (),
    jac: Any = None,
    hess: Any = None,
    hessp: Any = None,
    bounds: Any = None,
    constraints: Any = (),
    callback: Callable[..., Any] | None = None,
    **options: Any,
) -> OptimizeResult:
    """SciPy's trust-constr as a method of scipy.optimize.minimize, with exact derivatives by lagrad.

    Args and returns are those of `ipopt`.
    """
    return minimize("trust-constr", fun, x0, args, (jac, hess, hessp), bounds, constraints, callback, options)


def minimize(
    method: str,
    fun: Callable[..., Any],
    x0: npt.ArrayLike,
    args: tuple[Any, ...],
    supplied: tuple[Any, Any, Any],
    bounds: Any,
    constraints: Any,
    callback: Callable[..., Any] | None,
    options: Mapping[str, Any],
) -> OptimizeResult:
    """Solve what scipy.optimize.minimize describes; see `ipopt`."""
    x0, args = np.atleast_1d(np.asarray(x0, float)), args if isinstance(args, tuple) else (args,)
    rows = [
        read_constraint(constraint, index, x0.size) for index, constraint in enumerate(as_list(constraints))
    ]
    declared = (fun, args, supplied, constraints, x0.shape)
    if supplied[0] is True:
        # SciPy's minimize takes such a function apart before it calls a method.
        returned = once_a_point(fun)
        fun, gradient = (lambda x, *args, part=part: returned(x, *args)[part] for part in (0, 1))
        supplied = gradient, *supplied[1:]
    given = objective_derivatives(supplied, args)
    try:
        derivatives, is_new = remembered(
            declared, lambda: declare(lambda x: fun(x, *args), x0, given, bounds, rows)
        )
    except DerivativeError as error:
        error.add_note(OTHER_WAY)
        raise
    start = {"x0": x0, "bounds": read_bounds(bounds) or (-np.inf, np.inf)}
    try:
        solution = solve_as_told(derivatives, method, callback, options, start)
    except PatternGrown as grown:
        if derivatives.n**2 > LARGEST_FULL:
            raise
        warn_user(f"{grown} All entries are used from now on, and the solve begins again.")
        derivatives = SuppliedDerivatives(derivatives.problem, derivatives.pieces, full=True)
        solution = solve_as_told(derivatives, method, callback, options, start)
    if isinstance(derivatives, SuppliedDerivatives) and not solution.success:
        for sentence in derivatives.wrong_slopes(np.array(solution.x)):
            warn_user(sentence)
    if is_new:
        spent = derivatives.timings
        both = {name: solution.timings.get(name, 0.0) + spent.get(name, 0.0) for name in solution.timings}
        solution = solution.replace(timings=both)
    if options.get("disp"):
        print(in_scipys_words(solution.summary()))
    return to_result(solution, derivatives)


def solve_as_told(
    derivatives: Model,
    method: str,
    callback: Callable[..., Any] | None,
    options: Mapping[str, Any],
    start: Mapping[str, Any],
) -> Solution:
    """Solve with SciPy's words for limits.

    Raises:
        ProblemError: an option is wrong, in SciPy's words, or means nothing here.
    """
    own = {name: value for name, value in options.items() if name not in WORDS}
    tol = options.get("tol")
    for name in own.keys() & OTHERS.keys() - (NATIVE if method == "trust-constr" else set()):
        raise ProblemError(f"`options[{name!r}]`: {OTHERS[name]}")
    if method != "trust-constr":
        tol = own.pop("gtol", None) or tol
    try:
        return solve(
            derivatives,
            method,
            **start,
            tol=tol or 1e-8,
            max_iterations=options.get("maxiter"),
            time_limit=options.get("time_limit"),
            progress=bool(options.get("verbose", 0)),
            callback=None if callback is None else translated(callback, derivatives, method),
            options=own,
        )
    except ProblemError as error:
        error.args = tuple(in_scipys_words(str(part)) for part in error.args)
        raise


def in_scipys_words(text: str) -> str:
    """A text that names arguments of `lagrad.solve` with SciPy's names for them."""
    return text.replace("max_iterations", "maxiter").replace("with `warm_start=solution`", "with x0=result.x")


def objective_derivatives(
    supplied: tuple[Any, Any, Any], args: tuple[Any, ...]
) -> tuple[Callable[..., Any] | None, Callable[..., Any] | None]:
    """The objective's jac(x) and hess(x, v), with args, None where not given."""
    jac, hess, hessp = (
        given_function(*each) for each in zip(("jac", "hess", "hessp"), supplied, strict=True)
    )
    gradient = None if jac is None else lambda x: jac(x, *args)
    if hess is not None:
        return gradient, lambda x, v: scaled(hess(x, *args), v[0])
    if hessp is not None:
        return gradient, lambda x, v: v[0] * np.array([hessp(x, e, *args) for e in np.eye(x.size)])
    return gradient, None


def given_function(name: str, given: Any) -> Any:
    """A derivative of the user's, None where SciPy's words ask for an approximation.

    Raises:
        ProblemError: neither a function nor one of SciPy's words.
    """
    if callable(given):
        return given
    is_none = given is None or given is False or isinstance(given, HessianUpdateStrategy)
    if is_none or (isinstance(given, str) and given in DIFFERENCES):
        return None
    found = f"{given!r}, expected a function, None, or one of {list(DIFFERENCES)}"
    raise ProblemError(f"`{name}`: {found}. Leave it out: lagrad finds exact derivatives.")


def scaled(matrix: Any, factor: float) -> Any:
    """A Hessian in any form times a number."""
    return (
        matrix * factor if sp.issparse(matrix) or hasattr(matrix, "matvec") else np.asarray(matrix) * factor
    )


def declare(
    fun: Callable[..., Any], x0: np.ndarray, supplied: tuple[Any, ...], bounds: Any, rows: list[Rows]
) -> Any:
    """Derivatives of what SciPy describes: lagrad's if none are supplied, else a mixture."""
    jac, hess = supplied
    sides = read_bounds(bounds)
    if jac is None and all(row.jac is None for row in rows):
        return differentiate(
            Problem(fun, x0, [Inequality(row.fun, row.lower, row.upper) for row in rows], sides)
        )
    pieces = [choose_piece(OBJECTIVE, fun, jac, hess, x0)]
    pieces += [choose_piece(f"constraints[{i}]", r.fun, r.jac, r.hess, x0) for i, r in enumerate(rows)]
    declared = [Inequality(r.fun if r.jac is None else untraced(r.fun, x0), r.lower, r.upper) for r in rows]
    problem = Problem(fun if jac is None else untraced(fun, x0), x0, declared, sides)
    return SuppliedDerivatives(problem, pieces)


def read_bounds(bounds: Any) -> Any:
    """SciPy's bounds as a Bounds or None; pairs may hold None or NaN."""
    if bounds is None or isinstance(bounds, Bounds):
        return bounds
    sides = np.array([(low, high) for low, high in bounds], float).reshape(-1, 2)
    # None has become NaN, which stands for no bound in SciPy's SLSQP, too.
    return Bounds(*np.where(np.isnan(sides), [-np.inf, np.inf], sides).T)  # pyright: ignore


def as_list(constraints: Any) -> list[Any]:
    """Constraints as a list: one, several or none."""
    single = isinstance(constraints, (dict, LinearConstraint, NonlinearConstraint))
    return [constraints] if single else list(constraints or ())


def read_constraint(constraint: Any, index: int, size: int) -> Rows:
    """One of SciPy's constraints, on `size` variables, in one form.

    Raises:
        ProblemError: none of SciPy's forms, or a matrix of another width.
    """
    if isinstance(constraint, Mapping):
        return from_dict(constraint, index)
    if np.any(getattr(constraint, "keep_feasible", False)):
        warn_user(f"`constraints[{index}]`: keep_feasible=True has no effect here. Leave it out.")
    if isinstance(constraint, LinearConstraint):
        columns = constraint.A.shape[-1] if sp.issparse(constraint.A) else np.shape(constraint.A)[-1]
        if columns != size:
            found = f"`A` has {columns} columns but x0 has {size} entries"
            raise ProblemError(f"`constraints[{index}]`: {found}. Give one column a variable.")
        return Rows(linear(constraint.A), constraint.lb, constraint.ub)
    if isinstance(constraint, NonlinearConstraint):
        jac = given_function(f"constraints[{index}].jac", constraint.jac)
        hess = given_function(f"constraints[{index}].hess", constraint.hess)
        return Rows(constraint.fun, constraint.lb, constraint.ub, jac, hess)
    found = type(constraint).__name__
    raise ProblemError(
        f"`constraints[{index}]`: a {found}, expected a LinearConstraint, a NonlinearConstraint or a dict."
    )


def from_dict(constraint: Mapping[str, Any], index: int) -> Rows:
    """An old-style dict: type, fun, jac, hess, args, kwargs.

    Raises:
        ProblemError: another key, or another type.
    """
    kind, unknown = str(constraint.get("type", "")).lower(), sorted(set(constraint) - set(DICT_KEYS))
    if kind not in OLD_SIDES or "fun" not in constraint:
        raise ProblemError(
            f"`constraints[{index}]`: {dict(constraint)!r}, expected 'type': 'eq' or 'ineq', and 'fun'."
        )
    if unknown:
        raise ProblemError(f"`constraints[{index}]`: {unknown}, expected keys of {list(DICT_KEYS)}.")
    args, kwargs = constraint.get("args", ()), constraint.get("kwargs") or {}
    args = tuple(args) if np.iterable(args) else (args,)

    def closed(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *given: function(*given, *args, **kwargs)

    fun, jac = closed(constraint["fun"]), constraint.get("jac")
    hess = given_function(f"constraints[{index}]['hess']", constraint.get("hess"))
    second = None if hess is None else closed(hess)
    if jac is True:
        both = once_a_point(fun)
        return Rows(lambda x: both(x)[0], *OLD_SIDES[kind], lambda x: both(x)[1], second)
    jac = given_function(f"constraints[{index}]['jac']", jac)
    return Rows(fun, *OLD_SIDES[kind], None if jac is None else closed(jac), second)


def once_a_point(fun: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, asked once for several calls at the same point in a row."""
    last: list[tuple[bytes, Any]] = [(b"", None)]

    def remembering(x: object, *args: Any) -> Any:
        # JAX's tracers have no bytes.
        if not isinstance(x, np.ndarray):
            return fun(x, *args)
        place, value = last[0]
        if place != x.tobytes():
            place, value = x.tobytes(), fun(x, *args)
            last[0] = place, value
        return value

    return remembering


def linear(matrix: Any) -> Callable[..., Any]:
    """x -> A x with the nonzeros of A only, in JAX."""
    coo = sp.coo_array(matrix if sp.issparse(matrix) else np.atleast_2d(np.asarray(matrix, float)))
    values, row, col, count = coo.data.astype(float), coo.row, coo.col, coo.shape[0]
    return lambda x: jax.ops.segment_sum(values * x[col], row, num_segments=count)


def to_result(solution: Solution, derivatives: Model) -> OptimizeResult:
    """A Solution in SciPy's words."""
    x, check = np.array(solution.x), solution.certificate
    lower, upper = solution.bound_multipliers
    rows = [np.atleast_1d(value) for value in solution.multipliers.values()]
    result = OptimizeResult(
        x=x,
        fun=solution.objective,
        success=solution.success,
        status=list(Status).index(solution.status),
        message=in_scipys_words(solution.message),
        **counted(solution.iterations, solution.evaluations, len(rows)),
        maxcv=check.feasibility,
        constr_violation=check.feasibility,
        optimality=check.stationarity,
        constr=[np.atleast_1d(value) for value in solution.constraints.values()],
        v=[*rows, upper - lower],
        execution_time=solution.timings["total"],
        method=solution.method,
        solution=solution,
    )
    net = np.concatenate([np.zeros(0), *map(np.ravel, rows)]), upper - lower
    return OptimizeResult(**result, **derivatives_at(derivatives, x, net))


def derivatives_at(derivatives: Model, x: np.ndarray, net: tuple[np.ndarray, np.ndarray]) -> dict[str, Any]:
    """Gradient and Hessian of the objective, and gradient of the Lagrangian, at the result."""
    gradient, _, stationarity = first_order(derivatives, x, net)
    found: dict[str, Any] = {"jac": gradient, "grad": gradient, "lagrangian_grad": stationarity}
    if has_hessian(derivatives):
        structure = rows_and_columns(derivatives.hessian_structure)
        values = derivatives.hessian_values(x, np.zeros(derivatives.problem.m), 1.0)
        found["hess"] = Triplets.symmetric(*structure, x.size).matrix(values)
    return found
