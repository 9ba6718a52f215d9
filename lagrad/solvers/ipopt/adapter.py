"""Solve by the method "ipopt", through whichever interface to IPOPT is there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import cast

from lagrad.derivatives.triplets import rows_and_columns
from lagrad.solution.status import Status
from lagrad.solvers.ipopt import direct, through_cyipopt
from lagrad.solvers.ipopt.backend import Backend
from lagrad.solvers.ipopt.dependence import remedy
from lagrad.solvers.ipopt.library import VARIABLE
from lagrad.solvers.ipopt.linear_solvers import available, check_linear_solver
from lagrad.solvers.ipopt.options import ELSEWHERE, KINDS, OWNED
from lagrad.solvers.ipopt.settings import all_options
from lagrad.solvers.ipopt.statuses import CODES, FACTORIZATION_FAILED, INVALID_OPTION, STALLED, translate
from lagrad.solvers.model import hessian_structure
from lagrad.solvers.options import Option, check_library, check_options, with_output_file
from lagrad.solvers.solver import Outcome, Task

INSTALL = (
    "`method`: 'ipopt' finds no Ipopt: {}. Get it by `pip install 'lagrad[ipopt]'` or "
    "`conda install -c conda-forge ipopt`, name its library in the environment variable "
    f"{VARIABLE}, or use method='trust-constr', which always works."
)
BY_NAME = "cyipopt"


def backend() -> Backend:
    """The way to IPOPT: its C interface if a library is found, else cyipopt, which LAGRAD_IPOPT can ask for.

    Raises:
        ImportError: there is none; the message says how to get it, and what works without.
    """
    named = os.environ.get(VARIABLE, "")
    reasons: list[str] = []
    ways: tuple[Backend, ...] = (direct, through_cyipopt)
    for way in ways[1:] if named == BY_NAME else ways[:1] if named else ways:
        try:
            way.load()
            return cast(Backend, way)
        except ImportError as error:
            reasons.append(str(error))
    raise ImportError(INSTALL.format("; ".join(reasons)))


def load() -> None:
    """Make sure that there is an IPOPT."""
    backend()


def check(options: Mapping[str, object] | None) -> dict[str, Option]:
    """Options checked by name and kind, those that touch files or libraries by their paths.

    Args:
        options: IPOPT's options as in its manual.

    Returns:
        dict name -> int, float or str.

    Raises:
        ProblemError: an option is unknown, of the wrong kind, unsafe, or set by lagrad itself; or this Ipopt
            does not have the linear solver.
    """
    checked = with_output_file(check_options(options, KINDS, OWNED, ELSEWHERE))
    libraries = {
        name: check_library(name, str(checked[name])) for name in ("hsllib", "pardisolib") if name in checked
    }
    if "linear_solver" in checked:
        check_linear_solver(str(checked["linear_solver"]), backend().library(), libraries)
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
    way = backend()
    try:
        end = way.solve(task, all_options(task, way.has_mumps()))
    except KeyboardInterrupt as error:
        task.evaluation.fail(error)
        return Outcome(Status.INTERRUPTED, versions=way.versions())
    name, status = translate(end.code)
    return Outcome(
        status,
        end.code,
        name,
        end.x,
        end.multipliers,
        note=explain(end.code, task, way),
        versions=way.versions(),
        stalled=end.code in STALLED,
        remedy=remedy(task),
    )


def explain(code: int, task: Task, way: Backend) -> str:
    """What lagrad can add to some of Ipopt's codes, a sentence or nothing."""
    if code == INVALID_OPTION:
        there = ", ".join(available(way.library()))
        return f"An option cannot be used, or the linear solver is not there; {there} would be."
    if code in FACTORIZATION_FAILED:
        model = task.evaluation.derivatives
        matrices = (model.jacobian_structure, hessian_structure(model))
        entries = [len(rows_and_columns(structure)[0]) for structure in matrices]
        return (
            f"{FACTORIZATION_FAILED[code]}: {task.problem.n} variables and {task.problem.m} rows, "
            f"{entries[0]} entries in the Jacobian and {entries[1]} in the Hessian."
        )
    return "" if code in CODES else f"Ipopt's code {code} is not known to lagrad."


def about() -> dict[str, str]:
    """Version, library and linear solvers."""
    way = backend()
    return {
        **way.versions(),
        "library": way.place(),
        "linear solvers": ", ".join(available(way.library())),
    }
