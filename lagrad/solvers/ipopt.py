"""IPOPT through cyipopt: a Task in, an Outcome out; its options checked, its statuses translated.

    evaluation  <-  Callbacks  <-  cyipopt.Problem (a fresh one each solve)  ->  code  ->  CODES  ->  Status

Source: Waechter and Biegler (2006), "On the implementation of an interior-point filter line-search
algorithm for large-scale nonlinear programming".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lagrad.derivatives.triplets import never_empty, rows_and_columns
from lagrad.errors import ProblemError
from lagrad.solution.status import Status
from lagrad.solvers.ipopt_options import ALWAYS, DEFAULTS, ELSEWHERE, KINDS, OWNED
from lagrad.solvers.linear_solvers import available, check_linear_solver
from lagrad.solvers.optimality import success_tolerance
from lagrad.solvers.options import check_library, check_options, check_output_file
from lagrad.solvers.outcome import Outcome, Start, Task

INSTALL = (
    "`method`: 'ipopt' needs cyipopt, found: {}. Install it by `python -m lagrad.install_ipopt` "
    "or `conda install -c conda-forge cyipopt`, or use method='trust-constr', which always works."
)
# What lagrad needs of cyipopt; very old ones, and folders of that name, lack it.
NEEDED = ("Problem", "IPOPT_VERSION")

# Code -> (Ipopt's own name, status in lagrad's words). Optimal and acceptable are claims that lagrad checks.
CODES: Mapping[int, tuple[str, Status]] = {
    0: ("Solve_Succeeded", Status.OPTIMAL),
    1: ("Solved_To_Acceptable_Level", Status.ACCEPTABLE),
    2: ("Infeasible_Problem_Detected", Status.INFEASIBLE),
    3: ("Search_Direction_Becomes_Too_Small", Status.OPTIMAL),
    4: ("Diverging_Iterates", Status.UNBOUNDED),
    5: ("User_Requested_Stop", Status.INTERRUPTED),
    6: ("Feasible_Point_Found", Status.OPTIMAL),
    -1: ("Maximum_Iterations_Exceeded", Status.ITERATION_LIMIT),
    -2: ("Restoration_Failed", Status.ERROR),
    -3: ("Error_In_Step_Computation", Status.ERROR),
    -4: ("Maximum_CpuTime_Exceeded", Status.TIME_LIMIT),
    -5: ("Maximum_WallTime_Exceeded", Status.TIME_LIMIT),
    -10: ("Not_Enough_Degrees_Of_Freedom", Status.ERROR),
    -11: ("Invalid_Problem_Definition", Status.ERROR),
    -12: ("Invalid_Option", Status.ERROR),
    -13: ("Invalid_Number_Detected", Status.INVALID_NUMBER),
    -100: ("Unrecoverable_Exception", Status.ERROR),
    -101: ("NonIpopt_Exception_Thrown", Status.ERROR),
    -102: ("Insufficient_Memory", Status.ERROR),
    -199: ("Internal_Error", Status.ERROR),
}

INVALID_OPTION = -12
# MUMPS out of memory ends as the first.
FACTORIZATION_FAILED = {
    -3: "The linear solver failed, for bad scaling or want of memory",
    -102: "Memory ran out in the factorization",
}

# No step was small enough to go on, which may or may not be because the point is optimal.
STALLED = (1, 3)

# A warm start keeps to its point: the usual push away from the bounds would undo it.
WARM_START = {
    "warm_start_init_point": "yes",
    "warm_start_bound_push": 1e-9,
    "warm_start_bound_frac": 1e-9,
    "warm_start_slack_bound_push": 1e-9,
    "warm_start_slack_bound_frac": 1e-9,
    "warm_start_mult_bound_push": 1e-9,
}


def translate(code: int) -> tuple[str, Status]:
    """Ipopt's name of a code and its Status; a code of a future Ipopt is an error that keeps its number.

    >>> translate(2)
    ('Infeasible_Problem_Detected', <Status.INFEASIBLE: 'infeasible'>)
    >>> translate(-42)
    ('unknown code -42', <Status.ERROR: 'error'>)
    """
    return CODES.get(code, (f"unknown code {code}", Status.ERROR))


def load() -> Any:
    """The cyipopt module.

    Raises:
        ImportError: it is not installed; the message says how to install it, and what works without.
    """
    try:
        import cyipopt
    except ImportError as error:
        raise ImportError(INSTALL.format(error)) from error
    missing = [name for name in NEEDED if not hasattr(cyipopt, name)]
    if missing:
        place = getattr(cyipopt, "__file__", None) or "an unknown place"
        raise ImportError(INSTALL.format(f"one in {place} that lacks {missing[0]}"))
    return cyipopt


def check(options: Mapping[str, Any] | None) -> dict[str, Any]:
    """Options checked by name and kind, those that touch files or libraries by their paths.

    Args:
        options: IPOPT's options as in its manual.

    Returns:
        dict name -> int, float or str.

    Raises:
        ProblemError: an option is unknown, of the wrong kind, unsafe, or set by lagrad itself; or this Ipopt
            does not have the linear solver.
    """
    checked = check_options(options, KINDS, OWNED, ELSEWHERE)
    may_append = checked.get("file_append", "no") == "yes"
    if checked.get("output_file"):
        checked["output_file"] = check_output_file(checked["output_file"], may_append)
    for name in ("hsllib", "pardisolib"):
        if name in checked:
            checked[name] = check_library(name, checked[name])
    if "linear_solver" in checked:
        libraries = {name: checked[name] for name in ("hsllib", "pardisolib") if name in checked}
        check_linear_solver(checked["linear_solver"], libraries)
    return checked


def run(task: Task) -> Outcome:
    """Solve with IPOPT.

    Args:
        task: functions, start, tolerance, limits and checked options.

    Returns:
        Outcome with the multipliers that IPOPT gives.

    Raises:
        ProblemError: Ipopt refuses an option's value.
    """
    cyipopt = load()
    nlp = build(cyipopt, task)
    for name, value in all_options(task).items():
        set_option(nlp, name, value)
    rows, lower, upper = task.start.multipliers or ((), (), ())
    try:
        x, end = nlp.solve(task.start.x, lagrange=rows, zl=lower, zu=upper)
    except KeyboardInterrupt as error:
        task.evaluation.fail(error)
        return Outcome(Status.INTERRUPTED, versions=versions(cyipopt))
    finally:
        nlp.close()
    name, status = translate(end["status"])
    words = end["status_msg"].decode("ascii", "replace")
    return Outcome(
        status,
        end["status"],
        f"{name}: {' '.join(words.split())}",
        x,
        (end["mult_g"], end["mult_x_L"], end["mult_x_U"]),
        note=explain(end["status"], task),
        versions=versions(cyipopt),
        stalled=end["status"] in STALLED,
    )


def explain(code: int, task: Task) -> str:
    """What lagrad can add to some of Ipopt's codes, a sentence or nothing."""
    if code == INVALID_OPTION:
        there = ", ".join(available())
        return f"An option cannot be used, or the linear solver is not there; {there} would be."
    if code in FACTORIZATION_FAILED:
        derivatives = task.evaluation.derivatives
        matrices = (derivatives.jacobian_structure, derivatives.hessian_structure)
        entries = [len(rows_and_columns(structure)[0]) for structure in matrices]
        return (
            f"{FACTORIZATION_FAILED[code]}: {task.problem.n} variables and {task.problem.m} rows, "
            f"{entries[0]} entries in the Jacobian and {entries[1]} in the Hessian."
        )
    return "" if code in CODES else f"Ipopt's code {code} is not known to lagrad."


def build(cyipopt: Any, task: Task) -> Any:
    """A fresh cyipopt.Problem, which keeps nothing of earlier solves."""
    problem, derivatives = task.problem, task.evaluation.derivatives
    callbacks = Callbacks(task)
    callbacks.jacobianstructure = constantly(never_empty(derivatives.jacobian_structure, problem.m))
    callbacks.hessianstructure = constantly(rows_and_columns(derivatives.hessian_structure))
    nlp = cyipopt.Problem(
        n=int(problem.n),
        m=int(problem.m),
        problem_obj=callbacks,
        lb=problem.lower,
        ub=problem.upper,
        cl=problem.constraint_lower,
        cu=problem.constraint_upper,
    )
    if cyipopt.IPOPT_VERSION >= (3, 14, 0):
        callbacks.current_iterate = nlp.get_current_iterate
    return nlp


def constantly(value: Any) -> Callable[[], Any]:
    """A function that returns the same value at each call."""
    return lambda: value


def all_options(task: Task) -> dict[str, Any]:
    """Defaults, the arguments of solve, the user's options and what must be, each over the one before."""
    unscaled = min(success_tolerance(task.tol), 1e-4)
    given: dict[str, Any] = {"tol": float(task.tol), "constr_viol_tol": unscaled, "compl_inf_tol": unscaled}
    if not getattr(task.evaluation.derivatives, "has_hessian", True):
        given["hessian_approximation"] = "limited-memory"
    if task.max_iterations is not None:
        given["max_iter"] = int(task.max_iterations)
    return {**DEFAULTS, **given, **warm_options(task.start), **task.options, **ALWAYS}


def warm_options(start: Start) -> dict[str, Any]:
    """Options of a warm start, none for a cold one."""
    if start.multipliers is None:
        return {}
    return WARM_START if start.mu is None else WARM_START | {"mu_init": start.mu}


def set_option(nlp: Any, name: str, value: Any) -> None:
    """Hand one option to Ipopt.

    Raises:
        ProblemError: Ipopt does not have it, or does not take its value.
    """
    try:
        nlp.add_option(name, value)
    except TypeError as error:
        raise ProblemError(
            f"`options`: Ipopt refuses {name!r} = {value!r}: out of range, or not in this build of Ipopt. "
            "What it takes instead it has printed on stdout."
        ) from error


def versions(cyipopt: Any) -> dict[str, str]:
    """Versions of Ipopt and cyipopt."""
    return {"ipopt": ".".join(map(str, cyipopt.IPOPT_VERSION)), "cyipopt": cyipopt.__version__}


class Callbacks:
    """What cyipopt calls; exceptions are kept in the evaluation, and IPOPT is told to stop.

    Args:
        task: of this solve.
    """

    jacobianstructure: Callable[[], Any]
    hessianstructure: Callable[[], Any]
    current_iterate: Callable[[], Any] | None = None

    def __init__(self, task: Task):
        self._evaluation, self._monitor, self._tol = task.evaluation, task.monitor, task.tol
        self._last = task.start.x
        derivatives = task.evaluation.derivatives
        self._sizes = {
            "gradient": task.problem.n,
            "constraints": task.problem.m,
            "jacobian": len(never_empty(derivatives.jacobian_structure, task.problem.m)[0]),
            "hessian": len(derivatives.hessian_structure[0]),
        }

    def objective(self, x: np.ndarray) -> float:
        """f(x)."""
        return self._guarded(self._evaluation.objective, x)

    def constraints(self, x: np.ndarray) -> np.ndarray:
        """c(x)."""
        return self._guarded(self._evaluation.constraints, x)

    def gradient(self, x: np.ndarray) -> np.ndarray:
        """grad f(x)."""
        self._last = x
        return self._guarded(self._evaluation.gradient, x)

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """Values of J(x)."""
        self._last = x
        values = self._guarded(self._evaluation.jacobian, x)
        return values if values.size else np.zeros(self._sizes["jacobian"])

    def hessian(self, x: np.ndarray, multipliers: np.ndarray, objective_weight: float) -> np.ndarray:
        """Values of the Lagrangian's Hessian, lower triangle."""
        return self._guarded(self._evaluation.hessian, x, multipliers, objective_weight)

    def intermediate(
        self,
        mode,
        iteration,
        objective,
        inf_pr,
        inf_du,
        mu,
        step,
        regularization,
        alpha_dual,
        alpha_primal,
        trials,
    ) -> bool:
        """Note an iteration; False ends the solve."""
        try:
            point = self._point(iteration)
            self._evaluation.keep(point, self._tol)
            return self._monitor.report(
                point,
                stationarity=inf_du,
                mu=mu,
                step=step,
                step_size=alpha_primal,
                regularization=regularization,
                trials=trials,
                restoration=mode == 1,
            )
        except BaseException as error:
            self._evaluation.fail(error)
            return False

    def _point(self, iteration: int):
        current = self.current_iterate() if self.current_iterate is not None else None
        if current is None:
            return self._evaluation.point(self._last, iteration)
        multipliers = current["mult_g"], current["mult_x_L"], current["mult_x_U"]
        return self._evaluation.point(current["x"], iteration, multipliers)

    def _guarded(self, function: Callable, *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except BaseException as error:
            self._evaluation.fail(error)
            # Ipopt takes NaN for a refusal. Told of one by an exception, it crashes on what it did not get.
            return np.full(self._sizes.get(function.__name__, ()), np.nan)
