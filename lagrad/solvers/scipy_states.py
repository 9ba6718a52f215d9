"""Tell callbacks written for SciPy of an iteration in SciPy's words."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.optimize import OptimizeResult

from lagrad.derivatives.triplets import Triplets, rows_and_columns
from lagrad.solvers.model import Model
from lagrad.solvers.monitor import Iterate


def translated(callback: Callable[..., Any], derivatives: Model, method: str) -> Callable[[Iterate], Any]:
    """SciPy's callback as lagrad's."""
    parameters = set(inspect.signature(callback).parameters)
    takes_two = len(parameters) > 1

    def call(iterate: Iterate) -> bool | None:
        x = np.array(iterate.x)
        if parameters == {"intermediate_result"}:
            answer = callback(intermediate_result=state_of(iterate, x, derivatives, method))
        else:
            answer = callback(x, state_of(iterate, x, derivatives, method)) if takes_two else callback(x)
        return True if isinstance(answer, (bool, np.bool_)) and answer else None

    return call


def state_of(iterate: Iterate, x: np.ndarray, derivatives: Model, method: str) -> OptimizeResult:
    """An iterate in the words of SciPy's trust-constr; what a solver does not have is nan, 0 or empty."""
    problem = derivatives.problem
    rows, lower, upper = iterate.multipliers or (np.full(problem.m, np.nan), *np.full((2, x.size), np.nan))
    gradient, entries, stationarity = first_order(derivatives, x, (rows, upper - lower))
    places = rows_and_columns(derivatives.jacobian_structure)
    jacobian = Triplets.of(*places, (problem.m, x.size)).matrix(entries)
    slices = [problem.rows(name) for name in problem.constraints]
    return OptimizeResult(
        x=x,
        fun=iterate.objective,
        grad=gradient,
        lagrangian_grad=stationarity,
        constr=[*(iterate.constraints[rows] for rows in slices), x],
        jac=[*(jacobian[rows] for rows in slices), sp.eye_array(x.size, format="csr")],
        v=[*(rows[part] for part in slices), upper - lower],
        **counted(iterate.iteration, iterate.evaluations, len(slices)),
        **of_trust_region(iterate.state),
        constr_violation=iterate.infeasibility,
        optimality=iterate.stationarity,
        barrier_parameter=iterate.mu,
        execution_time=iterate.time,
        method=method,
        status=0,
    )


def counted(iterations: int, counts: Mapping[str, int], constraints: int) -> dict[str, Any]:
    """Iterations and evaluations by SciPy's names, those of constraints once for each of them."""
    return {
        "nit": iterations,
        "niter": iterations,
        "nfev": counts["objective"],
        "njev": counts["gradient"],
        "nhev": counts["hessian"],
        "constr_nfev": [counts["constraints"]] * constraints,
        "constr_njev": [counts["jacobian"]] * constraints,
        "constr_nhev": [counts["hessian"]] * constraints,
    }


# Of a trust region, in SciPy's words, and what they are where there is none.
ABSENT = {
    "cg_niter": 0,
    "cg_stop_cond": 0,
    "tr_radius": np.nan,
    "constr_penalty": np.nan,
    "barrier_tolerance": np.nan,
}


def of_trust_region(state: Mapping[str, Any] | None) -> dict[str, Any]:
    """What SciPy's trust-constr tells of its own iteration."""
    return ABSENT if state is None else {name: state.get(name, value) for name, value in ABSENT.items()}


def first_order(
    derivatives: Model, x: np.ndarray, net: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradient of the objective, entries of the Jacobian, and gradient of the Lagrangian.

    Args:
        derivatives: compiled functions.
        x: point, shape (n,).
        net: multipliers of the rows, (m,), and of the bounds, upper less lower, (n,).
    """
    gradient, entries = derivatives.first_order(x)
    rows, cols = rows_and_columns(derivatives.jacobian_structure)
    pull = np.bincount(cols, weights=entries * net[0][rows], minlength=x.size)
    return gradient, entries, gradient + pull + net[1]
