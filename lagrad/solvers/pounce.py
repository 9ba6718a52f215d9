"""Solve by POUNCE, a port of Ipopt to Rust with a factorization of its own.

It takes most of Ipopt's options, tells no iterates, and reads no option file from Python.

Source: https://github.com/jkitchin/pounce; Waechter and Biegler (2006).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lagrad.errors import ProblemError
from lagrad.solution.status import Status
from lagrad.solvers.ipopt.callbacks import Callbacks
from lagrad.solvers.ipopt.options import KINDS, OWNED
from lagrad.solvers.ipopt.settings import all_options
from lagrad.solvers.ipopt.statuses import STALLED, translate
from lagrad.solvers.options import Option, check_options, with_output_file, words
from lagrad.solvers.solver import Outcome, Task
from lagrad.solvers.wheels import load_wheel

# Options that only POUNCE has; their kinds are left to it.
OWN = words("""
    algorithm kkt_block_detect kkt_fidelity_tol l1_exact_penalty_barrier limited_memory_ls_failure_restarts
    mu_strategy_fallback neg_curv_escapes obj_scale_certificate_threshold partitioned_block_size
    partitioned_elements partitioned_structure presolve_auxiliary presolve_auxiliary_max_block_dim
    presolve_bound_mult_init_val presolve_licq_action presolve_licq_check presolve_warm_z_bounds
    primal_noise_floor_kappa qp_crossover qp_equilibrate qp_hsde qp_presolve qp_reg qp_tau qp_tau_max
    solver_selection sqp_globalization sqp_hessian sqp_l1_penalty sqp_l1_penalty_safety sqp_qp_anti_cycling
    sqp_qp_certify_second_order sqp_qp_elastic_gamma sqp_qp_feas_tol sqp_qp_max_iter
    sqp_qp_max_schur_updates_before_refactor sqp_qp_opt_tol sqp_qp_use_homotopy sqp_qp_use_schur_updates
    square_system_recovery start_point_conditioner start_point_perturbation start_point_perturbation_seed
    warm_start_recentering
""")
REFUSED = {
    "hsllib": "POUNCE loads no libraries.",
    "pardisolib": "POUNCE loads no libraries.",
}
# A name of Ipopt's that POUNCE refuses, though lagrad sets it elsewhere.
NOT_TAKEN = "check_derivatives_for_naninf"
# POUNCE would begin again with another strategy; a limit is meant for the whole solve.
LIMITED = {"mu_strategy_fallback": "no"}
INVALID_OPTION = -12


def load() -> Any:
    """The pounce module.

    Raises:
        ImportError: it is not installed, or something else has its name.
    """
    return load_wheel("pounce", "pounce", ("Problem",))


def about() -> dict[str, str]:
    """Version, library and linear solvers."""
    return {**versions(), "library": str(load().__file__), "linear solvers": "feral"}


def versions() -> dict[str, str]:
    """POUNCE's version."""
    return {"pounce": load().__version__}


def check(options: Mapping[str, object] | None) -> dict[str, Option]:
    """Options checked by name and kind.

    Args:
        options: Ipopt's, and a few of POUNCE's own.

    Returns:
        dict name -> int, float or str.

    Raises:
        ProblemError: an option is unknown, of the wrong kind, unsafe, or set by lagrad itself.
    """
    return with_output_file(check_options(options, KINDS, OWNED | REFUSED, OWN))


def run(task: Task) -> Outcome:
    """Solve with POUNCE.

    Args:
        task: functions, start, tolerance, limits and checked options.

    Returns:
        Outcome with the multipliers that POUNCE gives.

    Raises:
        ProblemError: POUNCE refuses an option.
    """
    problem = task.problem
    nlp = load().Problem(
        n=int(problem.n),
        m=int(problem.m),
        problem_obj=Callbacks(task),
        lb=problem.lower,
        ub=problem.upper,
        cl=problem.constraint_lower,
        cu=problem.constraint_upper,
    )
    options = (LIMITED if task.max_iterations is not None else {}) | all_options(task, has_mumps=False)
    for name, value in options.items():
        if name != NOT_TAKEN:
            nlp.add_option(name, value)
    multipliers = task.start.multipliers
    warm = {} if multipliers is None else dict(zip(("lagrange", "zl", "zu"), multipliers, strict=True))
    try:
        x, end = nlp.solve(task.start.x, **warm)
    except KeyboardInterrupt as error:
        task.evaluation.fail(error)
        return Outcome(Status.INTERRUPTED, versions=versions())
    except RuntimeError as error:
        raise ProblemError(f"`options`: POUNCE refuses one: {error}") from error
    code = int(end["status"])
    status = translate(code)[1]
    found = end["mult_g"], end["mult_x_L"], end["mult_x_U"]
    note = "POUNCE refused an option; what it says it has printed on stderr." * (code == INVALID_OPTION)
    return Outcome(status, code, end["status_msg"], x, found, note, versions(), code in STALLED)
