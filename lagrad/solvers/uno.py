"""Solve by Uno, which builds SQP and interior-point methods from common parts.

The preset "ipopt" (steps by MUMPS) is the default. Those of SQP (steps by BQPD) need fewer iterations, but
BQPD's work grows with the square of the free variables, and on some problems without convexity it never comes
back (HS57), which no limit ends. Uno's multipliers of lower bounds are <= 0.

Source: Vanaret and Leyffer (2024), "Implementing a unified solver for nonlinearly constrained optimization";
Fletcher and Leyffer (2002) for filterSQP.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lagrad.derivatives.triplets import rows_and_columns
from lagrad.errors import ProblemError
from lagrad.problem.problem import Problem
from lagrad.solution.status import Status
from lagrad.solvers.evaluation import Multipliers, Stopped
from lagrad.solvers.model import has_hessian, hessian_structure
from lagrad.solvers.options import Option, check_options, words
from lagrad.solvers.solver import Outcome, Task
from lagrad.solvers.wheels import load_wheel

# The first one is the default.
PRESETS = ("ipopt", "filtersqp", "funnelsqp", "filterslp")
MAX_ITERATIONS = 3000
# Its preset "ipopt" relaxes bounds and sides as IPOPT does, see `ipopt/options.py`: 112 of 113 optima of the
# Hock-Schittkowski problems are reached with a hundredth of that, 102 without.
DEFAULTS: dict[str, Any] = {"logger": "SILENT", "bound_relaxation_factor": 1e-10}

CHOICES = {"preset": PRESETS, "logger": ("SILENT", "DISCRETE", "WARNING", "INFO", "DEBUG")}
# A wrong name for one of these ends the process.
PARTS = words("""
    LP_solver QP_solver barrier_function constraint_relaxation_strategy globalization_mechanism
    globalization_strategy hessian_model inequality_handling_method inertia_correction_strategy linear_solver
    progress_norm residual_norm
""")
INTEGERS = words("""
    max_iterations LBFGS_max_skips_before_reset SOC_max_iterations acceptable_iteration_threshold
    filter_capacity filter_reset_iteration_threshold funnel_update_strategy max_number_filter_resets
    quasi_newton_memory_size threshold_unsuccessful_attempts
""")
NUMBERS = words("""
    LSR1_pivot_max_magnitude LS_backtracking_ratio SOC_infeasibility_fraction TR_activity_tolerance
    TR_aggressive_decrease_factor TR_decrease_factor TR_increase_factor TR_min_radius TR_radius
    TR_radius_reset_threshold acceptable_objective_change_tolerance acceptable_tolerance
    acceptable_unscaled_complementarity_tolerance acceptable_unscaled_primal_infeasibility_tolerance
    acceptable_unscaled_stationarity_tolerance armijo_decrease_fraction armijo_tolerance
    barrier_damping_factor barrier_default_multiplier barrier_initial_parameter barrier_k_epsilon barrier_k_mu
    barrier_k_sigma barrier_push_variable_to_interior_k1 barrier_push_variable_to_interior_k2
    barrier_regularization_exponent barrier_small_direction_factor barrier_small_infeasibility_factor
    barrier_tau_min barrier_theta_mu barrier_update_fraction bound_multiplier_max_norm
    bound_relaxation_factor constraint_violation_tolerance diverging_iterate_threshold
    dual_regularization_fraction dual_tolerance filter_beta filter_fact filter_gamma
    filter_sufficient_infeasibility_decrease_factor filter_ubd function_scaling_lower_bound
    function_scaling_threshold funnel_beta funnel_fact funnel_gamma funnel_kappa funnel_ubd gamma_alpha
    l1_constraint_violation_coefficient least_square_multiplier_max_norm
    primal_regularization_decrease_factor primal_regularization_fast_increase_factor
    primal_regularization_initial_factor primal_regularization_lb primal_regularization_slow_increase_factor
    primal_tolerance protected_actual_reduction_macheps_coefficient quasi_newton_delta_lower_bound
    quasi_newton_delta_upper_bound regularization_failure_threshold regularization_increase_factor
    residual_scaling_threshold sufficient_infeasibility_decrease_ratio switching_delta
    switching_infeasibility_exponent switching_merit_exponent tight_unscaled_complementarity_tolerance
    tight_unscaled_primal_infeasibility_tolerance tight_unscaled_stationarity_tolerance time_limit
    unbounded_objective_threshold
""")
BOOLEANS = words("""
    LS_scale_duals_with_step_length MA57_use_scaling filter_margin_uses_entry_infeasibility
    funnel_require_acceptance_wrt_current_iterate print_extended_statistics print_minor_iterations
    print_solution print_subproblem protect_actual_reduction_against_roundoff regularize_all_variables
    switch_to_optimality_requires_linearized_feasibility use_function_scaling use_proximal_term
""")
KINDS = (
    dict.fromkeys(CHOICES, str)
    | dict.fromkeys(INTEGERS, int)
    | dict.fromkeys(NUMBERS, float)
    | dict.fromkeys(BOOLEANS, bool)
)
OWNED = {
    "option_file": "lagrad never reads options from a file. Pass them here.",
    "libhsl_path": "lagrad loads no library for Uno; ask for IPOPT with 'hsllib'.",
    "write_solution_to_file": "save the Solution by its `save`.",
    **dict.fromkeys(PARTS, "the preset chooses it; Uno ends the process at a wrong name."),
}

# How Uno says that it ended -> a Status; SUCCESS is told apart by the point's own status.
ENDINGS = {
    "ITERATION_LIMIT": Status.ITERATION_LIMIT,
    "TIME_LIMIT": Status.TIME_LIMIT,
    "USER_TERMINATION": Status.INTERRUPTED,
    "USER_INTERRUPTION": Status.INTERRUPTED,
}
POINTS = {
    "FEASIBLE_KKT_POINT": Status.OPTIMAL,
    "FEASIBLE_FJ_POINT": Status.OPTIMAL,
    "FEASIBLE_SMALL_STEP": Status.OPTIMAL,
    "INFEASIBLE_STATIONARY_POINT": Status.INFEASIBLE,
    "UNBOUNDED_OBJECTIVE": Status.UNBOUNDED,
    "DIVERGING_ITERATE": Status.UNBOUNDED,
}
STALLED = ("FEASIBLE_FJ_POINT", "FEASIBLE_SMALL_STEP")


def translate(ending: str, point: str) -> Status:
    """Status of what Uno says of its end and of its last point; what is unknown is an error.

    >>> translate("SUCCESS", "FEASIBLE_KKT_POINT")
    <Status.OPTIMAL: 'optimal'>
    """
    return POINTS.get(point, Status.ERROR) if ending == "SUCCESS" else ENDINGS.get(ending, Status.ERROR)


def load() -> Any:
    """The unopy module.

    Raises:
        ImportError: it is not installed, or something else has its name.
    """
    return load_wheel("uno", "unopy", ("UnoSolver",))


def about() -> dict[str, str]:
    """Version, library and linear solvers."""
    return {**versions(), "library": str(load().__file__), "QP and linear solvers": "BQPD, HiGHS, MUMPS"}


def versions() -> dict[str, str]:
    """Uno's version."""
    return {"uno": str(load().current_uno_version())}


def check(options: Mapping[str, object] | None) -> dict[str, Option]:
    """Options checked by name and kind.

    Args:
        options: Uno's, and `preset`: one of "ipopt", "filtersqp", "funnelsqp", "filterslp".

    Returns:
        dict name -> value.

    Raises:
        ProblemError: an option is unknown, of the wrong kind, or set by lagrad itself.
    """
    checked = check_options(options, KINDS, OWNED)
    for name, choices in CHOICES.items():
        if checked.get(name, choices[0]) not in choices:
            expected = ", ".join(choices)
            raise ProblemError(f"`options`: {name!r} is {checked[name]!r}, expected one of {expected}.")
    return checked


def run(task: Task) -> Outcome:
    """Solve with Uno.

    Args:
        task: functions, start, tolerance, limits and checked options.

    Returns:
        Outcome with multipliers in lagrad's signs.

    Raises:
        ProblemError: Uno refuses an option.
    """
    unopy, calls = load(), Calls(task)
    try:
        calls.note_start()
        solver = configured(unopy, task, calls)
        end = solver.optimize(model(unopy, task, calls))
    except ProblemError:
        raise
    except Exception as error:
        task.evaluation.fail(error)
        return Outcome(Status.ERROR, versions=versions())
    except KeyboardInterrupt as error:
        task.evaluation.fail(error)
        return Outcome(Status.INTERRUPTED, versions=versions())
    ending, point = end.optimization_status.name, end.solution_status.name
    multipliers = end.constraint_dual_solution, end.lower_bound_dual_solution, end.upper_bound_dual_solution
    return Outcome(
        translate(ending, point),
        int(end.optimization_status.value),
        f"{ending}, {point}",
        np.array(end.primal_solution, float)[: task.problem.n],
        signed(task.problem, *multipliers),
        versions=versions(),
        stalled=point in STALLED,
    )


def signed(problem: Problem, rows: npt.ArrayLike, lower: npt.ArrayLike, upper: npt.ArrayLike) -> Multipliers:
    """Uno's multipliers, copied, in lagrad's signs; those of what its presets add stand behind, and go."""
    m, n = problem.m, problem.n
    return np.array(rows, float)[:m], -np.array(lower, float)[:n], np.array(upper, float)[:n]


def configured(unopy: Any, task: Task, calls: Calls) -> Any:
    """A solver with the arguments of solve and the user's options, each over the one before."""
    solver = unopy.UnoSolver()
    given = dict(task.options)
    solver.set_preset(given.pop("preset", PRESETS[0]))
    limit = MAX_ITERATIONS if task.max_iterations is None else int(task.max_iterations)
    ours = DEFAULTS | {"primal_tolerance": task.tol, "dual_tolerance": task.tol}
    if not has_hessian(task.evaluation.derivatives):
        ours["hessian_model"] = "LBFGS"
    for name, value in (ours | {"max_iterations": limit} | given).items():
        try:
            solver.set_option(name, value)
        except (KeyError, TypeError, RuntimeError) as error:
            raise ProblemError(f"`options`: Uno refuses {name!r} = {value!r}: {error}") from error
    solver.set_notify_acceptable_iterate_callback(calls.note)
    solver.set_termination_callback(calls.is_over)
    return solver


def model(unopy: Any, task: Task, calls: Calls) -> Any:
    """The problem as Uno wants it."""
    problem = task.problem
    bounds = problem.lower.tolist(), problem.upper.tolist()
    found = unopy.Model(unopy.PROBLEM_NONLINEAR, problem.n, *bounds, unopy.ZERO_BASED_INDEXING)
    found.set_objective(unopy.MINIMIZE, calls.objective, calls.gradient)
    if problem.m:
        rows, columns = rows_and_columns(task.evaluation.derivatives.jacobian_structure)
        sides = problem.constraint_lower.tolist(), problem.constraint_upper.tolist()
        places = len(rows), rows.tolist(), columns.tolist()
        found.set_constraints(problem.m, calls.constraints, *sides, *places, calls.jacobian)
    if has_hessian(task.evaluation.derivatives):
        rows, columns = rows_and_columns(hessian_structure(task.evaluation.derivatives))
        places = len(rows), unopy.LOWER_TRIANGLE, rows.tolist(), columns.tolist()
        found.set_lagrangian_hessian(*places, calls.hessian)
    found.set_lagrangian_sign_convention(unopy.MULTIPLIER_POSITIVE)
    found.set_initial_primal_iterate(task.start.x.tolist())
    if task.start.multipliers is not None and problem.m:
        found.set_initial_dual_iterate(task.start.multipliers[0].tolist())
    return found


class Calls:
    """What Uno calls. An exception tells it that a point is refused; those of users the evaluation keeps.

    Args:
        task: of this solve.
    """

    def __init__(self, task: Task):
        self._task, self._evaluation = task, task.evaluation
        self._iteration = 0

    def objective(self, x: np.ndarray) -> float:
        """f(x)."""
        return float(finite(self._kept(self._evaluation.objective, x[: self._task.problem.n])))

    def gradient(self, x: np.ndarray, values: np.ndarray) -> None:
        """Gradient of f."""
        values[:] = finite(self._kept(self._evaluation.gradient, x[: self._task.problem.n]))

    def constraints(self, x: np.ndarray, values: np.ndarray) -> None:
        """c(x)."""
        values[:] = finite(self._kept(self._evaluation.constraints, x[: self._task.problem.n]))

    def jacobian(self, x: np.ndarray, values: np.ndarray) -> None:
        """Entries of J."""
        values[:] = finite(self._kept(self._evaluation.jacobian, x[: self._task.problem.n]))

    def hessian(self, x: np.ndarray, weight: float, multipliers: np.ndarray, values: np.ndarray) -> None:
        """Entries of the Lagrangian's Hessian."""
        x, rows = x[: self._task.problem.n], np.array(multipliers, float)[: self._task.problem.m]
        values[:] = finite(self._kept(self._evaluation.hessian, x, rows, weight))

    def note_start(self) -> None:
        """Report the start, of which Uno tells nothing."""
        point = self._evaluation.point(self._task.start.x, 0, self._task.start.multipliers)
        self._evaluation.keep(point, self._task.tol)
        self._task.monitor.report(point)

    def note(
        self, x: np.ndarray, lower: npt.ArrayLike, upper: npt.ArrayLike, rows: npt.ArrayLike, *measures: float
    ) -> None:
        """Report an iterate that Uno accepted."""
        self._iteration += 1
        self._kept(self._report, np.array(x, float), signed(self._task.problem, rows, lower, upper), measures)

    def is_over(self, *state: object) -> bool:
        """Whether somebody wants the solve to end."""
        return self._evaluation.reason is not None

    def _report(self, x: np.ndarray, multipliers: Multipliers, measures: tuple[float, ...]) -> None:
        # The interior-point preset has slacks behind the variables.
        point = self._evaluation.point(x[: self._task.problem.n], self._iteration, multipliers)
        self._evaluation.keep(point, self._task.tol)
        self._task.monitor.report(point, stationarity=float(measures[2]))

    def _kept(self, function: Callable[..., Any], *arguments: object) -> Any:
        try:
            return function(*arguments)
        except BaseException as error:
            self._evaluation.fail(error)
            raise Stopped from None


def finite(values: Any) -> Any:
    """The values, unless one is not finite: that is a refusal, which Uno wants as an exception."""
    if not np.isfinite(values).all():
        raise Stopped
    return values
