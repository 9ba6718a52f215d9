"""Solve by SciPy's trust-constr, which needs no compiled solver.

Fixed variables are taken out, since an interior-point method has no room between equal bounds. All rows
go in as one NonlinearConstraint whose Hessian is that of the whole Lagrangian, the objective's being
zero: one Hessian an iteration instead of two. SciPy ends a solve when gradient and violation are small,
however large the barrier parameter; here that must be small too, so its own test is switched off. Points
at which a function is not finite count as infinitely bad, so that the trust region shrinks instead of
spinning.

Source: Byrd, Hribar, Nocedal (1999); Lalee, Nocedal, Plantenga (1998).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import scipy
import scipy.sparse as sp

from lagrad.derivatives.triplets import Triplets, rows_and_columns
from lagrad.errors import ProblemError
from lagrad.solution.status import Status
from lagrad.solvers.entries import Entries
from lagrad.solvers.evaluation import Point, Stopped
from lagrad.solvers.model import has_hessian
from lagrad.solvers.optimality import success_tolerance
from lagrad.solvers.options import Option, check_options
from lagrad.solvers.quiet import SCIPY_QUIET
from lagrad.solvers.solver import Outcome, Task
from lagrad.solvers.violation import is_stuck_outside

KINDS: Mapping[str, type] = {
    "gtol": float,
    "xtol": float,
    "barrier_tol": float,
    "maxiter": int,
    "verbose": int,
    "disp": bool,
    "initial_constr_penalty": float,
    "initial_tr_radius": float,
    "initial_barrier_parameter": float,
    "initial_barrier_tolerance": float,
    "factorization_method": str,
    "sparse_jacobian": bool,
    "hessian_products": bool,
}

OWNED = {
    "finite_diff_rel_step": "lagrad gives exact derivatives.",
    "workers": "lagrad gives exact derivatives.",
}

# Options that lagrad itself obeys.
NOT_SCIPYS = ("hessian_products", "verbose", "disp")
NOT_NEGATIVE = ("gtol", "xtol", "barrier_tol", "maxiter", "verbose")
POSITIVE = (
    "initial_constr_penalty",
    "initial_tr_radius",
    "initial_barrier_parameter",
    "initial_barrier_tolerance",
)
# Whether each method of factorization wants sparse Jacobians.
FACTORIZATIONS = {
    "NormalEquation": True,
    "AugmentedSystem": True,
    "QRFactorization": False,
    "SVDFactorization": False,
}

CODES: Mapping[int, Status] = {
    0: Status.ITERATION_LIMIT,
    1: Status.OPTIMAL,
    2: Status.OPTIMAL,
    3: Status.INTERRUPTED,
    4: Status.OPTIMAL,
}
STALLED = (2, 4)
CONVERGED = 1

MAX_ITERATIONS = 3000
STUCK_ITERATIONS = 20
# Below this many entries dense factorizations are faster than sparse ones, and safe against dependent rows.
DENSE_ENTRIES = 40_000
# Products pay once the Hessian holds this many entries a variable.
FULL_ROWS = 200


def translate(code: int | None) -> Status:
    """Status of one of SciPy's codes; an unknown one is an error."""
    return CODES.get(-1 if code is None else code, Status.ERROR)


def load() -> None:
    """Import SciPy's solvers, which are always there, before the clock of a solve starts."""
    import_module("scipy.optimize")


def about() -> dict[str, str]:
    """SciPy's version."""
    return {**VERSIONS, "library": str(scipy.__file__)}


def check(options: Mapping[str, object] | None) -> dict[str, Option]:
    """Options checked by name and kind.

    Args:
        options: those of scipy.optimize's trust-constr, and `hessian_products`: whether to multiply by the
            Hessian without forming it.

    Returns:
        dict name -> value.

    Raises:
        ProblemError: an option is unknown, of the wrong kind, out of range, or without use here.
    """
    checked = check_options(options, KINDS, OWNED)
    for name, value in checked.items():
        check_range(name, value)
    return checked


def check_range(name: str, value: Option) -> None:
    """Raise ProblemError for a value that SciPy would choke on, or run with for ever."""
    found = f"`options`: {name!r} is {value!r}"
    if name in NOT_NEGATIVE and not float(value) >= 0:
        raise ProblemError(f"{found}, expected 0 or more.")
    if name in POSITIVE and not 0 < float(value) < math.inf:
        raise ProblemError(f"{found}, expected a positive number.")
    if name == "factorization_method" and value not in FACTORIZATIONS:
        raise ProblemError(f"{found}, expected one of {', '.join(FACTORIZATIONS)}.")


def run(task: Task) -> Outcome:
    """Solve with trust-constr.

    Args:
        task: functions, start, tolerance, limits and checked options.

    Returns:
        Outcome with multipliers in lagrad's signs.
    """
    reduced = Reduced(task)
    try:
        with SCIPY_QUIET:
            end = scipy.optimize.minimize(**reduced.arguments())
    except Stopped:
        return Outcome(task.evaluation.reason or Status.ERROR, versions=VERSIONS)
    except KeyboardInterrupt as error:
        task.evaluation.fail(error)
        return Outcome(Status.INTERRUPTED, versions=VERSIONS)
    except (ValueError, ArithmeticError, RuntimeError, np.linalg.LinAlgError) as error:
        if task.evaluation.failure is None:
            return Outcome(Status.ERROR, message=f"{type(error).__name__}: {error}", versions=VERSIONS)
        return Outcome(Status.ERROR, versions=VERSIONS)
    except BaseException as error:
        task.evaluation.fail(error)
        return Outcome(Status.ERROR, versions=VERSIONS)
    x, multipliers = reduced.expand(end.x), reduced.multipliers(end)
    code, words = (CONVERGED, "converged") if reduced.has_converged else (end.status, end.message)
    stalled = code in STALLED
    if verbosity(task) > 0:
        print(f"{words}\nNumber of iterations: {task.monitor.iterations}, function evaluations: {end.nfev}")
    return Outcome(translate(code), code, words, x, multipliers, versions=VERSIONS, stalled=stalled)


def verbosity(task: Task) -> int:
    """How much to print. SciPy's own words would tell how lagrad stops it, not why."""
    return max(int(task.options.get("verbose", 0)), int(task.options.get("disp", False)))


VERSIONS = {"scipy": scipy.__version__}


class Reduced:
    """The problem in its free variables, as scipy.optimize.minimize wants it.

    Args:
        task: the whole problem.
    """

    def __init__(self, task: Task):
        problem, derivatives = task.problem, task.evaluation.derivatives
        self.task, self.problem, self.evaluation = task, problem, task.evaluation
        self.free = problem.lower < problem.upper
        equalities, count = int((problem.constraint_lower == problem.constraint_upper).sum()), self.free.sum()
        # SciPy takes at most n - m steps of conjugate gradients, none for n equalities that follow from one
        # another: variables that nothing depends on make it take them.
        self.idle = equalities if equalities >= count else 0
        self.n, self.m = int(count) + self.idle, problem.m
        jacobian, hessian = derivatives.jacobian_structure, derivatives.hessian_structure
        self.whole_jacobian = Triplets.of(*rows_and_columns(jacobian), (problem.m, problem.n))
        self.jacobian_assembly = self.whole_jacobian.restricted(None, self.free).widened(0, self.idle)
        whole = Triplets.symmetric(*rows_and_columns(hessian), problem.n)
        self.hessian_assembly = whole.restricted(self.free, self.free).widened(self.idle, self.idle)
        self.has_rows = bool(
            (np.isfinite(problem.constraint_lower) | np.isfinite(problem.constraint_upper)).any()
        )
        self.has_bounds = bool(
            np.isfinite(np.concatenate([problem.lower, problem.upper])[np.tile(self.free, 2)]).any()
        )
        self.is_sparse = task.options.get("sparse_jacobian", self._wants_sparse())
        self.by_products = task.options.get("hessian_products", hessian_is_full(self.hessian_assembly))
        self.tolerance = float(task.options.get("gtol", task.tol))
        self.barrier_tolerance = float(task.options.get("barrier_tol", task.tol))
        self.is_exact = has_hessian(derivatives)
        self.has_converged = False
        self.stuck_for = 0
        self._last: Point | None = None
        self._finite_rows = np.zeros(problem.m)

    def expand(self, x: np.ndarray) -> np.ndarray:
        """All variables, fixed ones at their values."""
        whole = self.problem.lower.copy()
        whole[self.free] = x[: self.n - self.idle]
        return whole

    def reduce(self, whole: np.ndarray, idle: float = 0.0) -> np.ndarray:
        """Entries of the free variables, then those of the idle ones."""
        return np.append(whole[self.free], np.full(self.idle, idle))

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of scipy.optimize.minimize."""
        note = self.guard(self.note)
        lower, upper = self.reduce(self.problem.lower, -np.inf), self.reduce(self.problem.upper, np.inf)
        bounds = scipy.optimize.Bounds(lower, upper)  # pyright: ignore
        return {
            "fun": self.guard(self.objective),
            "x0": self.reduce(self.task.start.x),
            "jac": self.guard(self.gradient),
            "hess": self.lagrangian() if not (self.has_rows and self.is_exact) else self.no_hessian,
            "bounds": bounds if self.has_bounds else None,
            "constraints": [self.constraint()] if self.has_rows else [],
            "method": "trust-constr",
            "callback": lambda intermediate_result: note(intermediate_result),
            "options": self.options(),
        }

    def options(self) -> dict[str, Any]:
        """Defaults, the arguments of solve, and the user's options, each over the one before."""
        task = self.task
        # SciPy counts the start as its first iteration.
        limit = MAX_ITERATIONS if task.max_iterations is None else task.max_iterations
        given: dict[str, Any] = {
            "barrier_tol": task.tol,
            "xtol": min(task.tol, 1e-8) * 1e-4,
            "maxiter": limit + 1,
        }
        if task.start.mu is not None:
            given["initial_barrier_parameter"] = given["initial_barrier_tolerance"] = max(
                task.start.mu, task.tol
            )
        rest = {name: value for name, value in task.options.items() if name not in NOT_SCIPYS}
        if self.idle and not self.is_sparse:
            given["factorization_method"] = "SVDFactorization"
        return given | rest | {"sparse_jacobian": self.is_sparse, "gtol": 0.0}

    def constraint(self) -> scipy.optimize.NonlinearConstraint:
        """All rows, with the Lagrangian's Hessian."""
        sides = self.problem.constraint_lower, self.problem.constraint_upper
        return scipy.optimize.NonlinearConstraint(
            self.guard(self.constraints),
            *sides,
            jac=self.guard(self.jacobian),  # pyright: ignore
            hess=self.lagrangian(),
        )

    def lagrangian(self) -> Any:
        """The Lagrangian's Hessian, or SciPy's approximation where there is none."""
        return self.guard(self.hessian) if self.is_exact else scipy.optimize.BFGS()

    def objective(self, x: np.ndarray) -> float:
        """f(x), infinite where f or c is not finite."""
        whole = self.expand(x)
        return self.evaluation.objective(whole) if self.evaluation.is_finite(whole) else math.inf

    def constraints(self, x: np.ndarray) -> np.ndarray:
        """c(x), that of the last good point where f or c is not finite."""
        whole = self.expand(x)
        if self.evaluation.is_finite(whole):
            self._finite_rows = self.evaluation.constraints(whole)
        return self._finite_rows

    def gradient(self, x: np.ndarray) -> np.ndarray:
        """grad f(x) in the free variables."""
        return self.reduce(self._first_order(x)[0])

    def jacobian(self, x: np.ndarray) -> Any:
        """J(x) in the free variables."""
        matrix = self.jacobian_assembly.matrix(self._first_order(x)[1])
        return matrix if self.is_sparse else matrix.toarray()

    def hessian(self, x: np.ndarray, multipliers: np.ndarray | None = None) -> Any:
        """The Lagrangian's Hessian in the free variables: a matrix, or products with it."""
        whole = self.expand(x)
        rows = np.zeros(self.m) if multipliers is None else multipliers
        if self.by_products:
            from scipy.sparse.linalg import LinearOperator

            shape = (self.n, self.n)
            return LinearOperator(shape, lambda v: self._product(whole, rows, v), dtype=float)  # pyright: ignore
        return self.hessian_assembly.matrix(self.evaluation.hessian(whole, rows, 1.0))

    def no_hessian(self, x: np.ndarray) -> sp.csr_array:
        """Zero: the constraint's Hessian has the objective's in it."""
        return sp.csr_array((self.n, self.n))

    def note(self, intermediate_result: Any) -> bool:
        """Report an iteration; True ends the solve."""
        state = intermediate_result
        point = self._point(state)
        self.evaluation.keep(point, self.task.tol)
        mu = float(state.get("barrier_parameter", math.nan))
        going_on = self.task.monitor.report(
            point,
            stationarity=float(state.optimality),
            mu=mu,
            step_size=float(state.tr_radius),
            trials=int(state.cg_niter),
            state=state,
        )
        if verbosity(self.task) > 1:
            print(
                f"{state.nit - 1:5d}  f {state.fun:+.6e}  violation {state.constr_violation:.2e}  "
                f"optimality {state.optimality:.2e}  radius {state.tr_radius:.2e}  {state.cg_niter} cg"
            )
        self._look_for_a_way_back(point)
        self.has_converged = max(state.optimality, state.constr_violation) < self.tolerance and not (
            mu > self.barrier_tolerance
        )
        return self.has_converged or not going_on or self.evaluation.reason is not None

    def _point(self, state: Any) -> Point:
        """The iterate; where a step was refused it is the one before, and nothing is evaluated."""
        x, iteration, multipliers = self.expand(state.x), state.nit - 1, self.multipliers(state)
        if self._last is not None and np.array_equal(x, self._last.x):
            self._last = replace(self._last, iteration=iteration, multipliers=multipliers)
        else:
            self._last = self.evaluation.point(x, iteration, multipliers)
        return self._last

    def _look_for_a_way_back(self, point: Point) -> None:
        """Stop where, for many iterations, constraints were violated and no direction reduced that."""
        tolerance = success_tolerance(self.task.tol)
        if point.violation <= tolerance:
            self.stuck_for = 0
            return
        jacobian = Entries.of(self.whole_jacobian.matrix(self.evaluation.jacobian(point.x)))
        stuck = is_stuck_outside(self.problem, point.x, point.constraints, jacobian, tolerance)
        self.stuck_for = self.stuck_for + 1 if stuck else 0
        if self.stuck_for >= STUCK_ITERATIONS:
            self.evaluation.stop(Status.INFEASIBLE)

    def multipliers(self, state: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Multipliers in lagrad's signs: rows (m,), lower (n,), upper (n,)."""
        net = np.zeros(self.problem.n)
        if self.has_bounds:
            net[self.free] = state.v[-1][: self.n - self.idle]
        rows = np.array(state.v[0], float) if self.has_rows else np.zeros(self.m)
        return rows, np.maximum(-net, 0.0), np.maximum(net, 0.0)

    def guard(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, whose exceptions are kept in the evaluation before SciPy sees them."""

        def guarded(*arguments: object, **keywords: object) -> Any:
            try:
                return function(*arguments, **keywords)
            except BaseException as error:
                self.evaluation.fail(error)
                raise Stopped from error

        return guarded

    def _first_order(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        gradient, jacobian = self.evaluation.first_order(self.expand(x))
        if not (np.isfinite(gradient).all() and np.isfinite(jacobian).all()):
            self.evaluation.stop(Status.INVALID_NUMBER)
            raise Stopped
        return gradient, jacobian

    def _product(self, x: np.ndarray, multipliers: np.ndarray, vector: np.ndarray) -> np.ndarray:
        whole = np.zeros(self.problem.n)
        whole[self.free] = np.ravel(vector)[: self.n - self.idle]
        return self.reduce(self.evaluation.product(x, multipliers, whole))

    def _wants_sparse(self) -> bool:
        method = self.task.options.get("factorization_method")
        return self._is_large() if method is None else FACTORIZATIONS[str(method)]

    def _is_large(self) -> bool:
        inequalities = int((self.problem.constraint_lower < self.problem.constraint_upper).sum()) + 2 * self.n
        return (self.n + inequalities) * (self.m + inequalities) > DENSE_ENTRIES


def hessian_is_full(assembly: Triplets) -> bool:
    """Whether the Hessian is so full that products with it are cheaper."""
    return assembly.indices.size > FULL_ROWS * max(assembly.shape[0], 1)
