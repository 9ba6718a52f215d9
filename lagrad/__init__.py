"""Solve constrained problems written in JAX, with exact sparse derivatives, by any solver.

problem      what you declare: an objective, a start, constraints, bounds
derivatives  gradient, sparse Jacobian and sparse Hessian of the Lagrangian, compiled
solution     point, multipliers, status, certificate, history
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from lagrad import batched, nested
from lagrad.coloring import Coloring, color_bidirectional, color_columns, color_rows, color_symmetric
from lagrad.derivatives import Derivatives, differentiate, sparse_hessian, sparse_jacobian
from lagrad.doctor import doctor
from lagrad.errors import DerivativeError, LagradWarning, ProblemError, SolveError
from lagrad.pattern import SparsityPattern
from lagrad.problem.constraints import Equality, Inequality
from lagrad.problem.problem import Problem
from lagrad.solution.solution import BoundMultipliers, Certificate, History, Solution
from lagrad.solution.status import Status
from lagrad.solvers import solve
from lagrad.sparsity import hessian_sparsity, jacobian_sparsity

# Python sets a folder's name when it first imports the folder, which is now and costs nothing; from here on
# `lagrad.batched` is the function.
del batched

if TYPE_CHECKING:
    from lagrad import plot
    from lagrad.batched.batched import batched
    from lagrad.checks import certify, check_derivatives, diagnose, explain_infeasibility
    from lagrad.sensitivity import solution_map
    from lagrad.solvers.interop import to_cyipopt, to_scipy
    from lagrad.solvers.minimize import ipopt, trust_constr
    from lagrad.sweep import multistart, solve_many

__version__ = "0.1.0"

__all__ = [
    "Problem",
    "Equality",
    "Inequality",
    "differentiate",
    "Derivatives",
    "solve",
    "Solution",
    "Status",
    "History",
    "Certificate",
    "BoundMultipliers",
    "solution_map",
    "solve_many",
    "batched",
    "multistart",
    "to_scipy",
    "to_cyipopt",
    "ipopt",
    "trust_constr",
    "check_derivatives",
    "certify",
    "diagnose",
    "explain_infeasibility",
    "doctor",
    "jacobian_sparsity",
    "hessian_sparsity",
    "sparse_jacobian",
    "sparse_hessian",
    "SparsityPattern",
    "color_columns",
    "color_rows",
    "color_symmetric",
    "color_bidirectional",
    "Coloring",
    "nested",
    "plot",
    "ProblemError",
    "DerivativeError",
    "SolveError",
    "LagradWarning",
]

# What a first solve does without: module -> its names, imported when they are first asked for.
_LATER = {
    "lagrad.batched.batched": ("batched",),
    "lagrad.checks": ("certify", "check_derivatives", "diagnose", "explain_infeasibility"),
    "lagrad.sensitivity": ("solution_map",),
    "lagrad.solvers.interop": ("to_cyipopt", "to_scipy"),
    "lagrad.solvers.minimize": ("ipopt", "trust_constr"),
    "lagrad.sweep": ("multistart", "solve_many"),
}


def __getattr__(name: str) -> object:
    """A public name whose module is imported now."""
    if name == "plot":
        return import_module("lagrad.plot")
    for module, names in _LATER.items():
        if name in names:
            return globals().setdefault(name, getattr(import_module(module), name))
    raise AttributeError(f"module 'lagrad' has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names; rooms of the house stay out of the way of `lagrad.<tab>`."""
    return sorted([*__all__, "__version__", "__doc__"])
