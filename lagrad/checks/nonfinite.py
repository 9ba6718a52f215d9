"""Tell which function, entry and operation is not finite."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lagrad.annotations import Pytree
from lagrad.checks.faults import Fault, first_fault
from lagrad.derivatives import Derivatives
from lagrad.display.text import others
from lagrad.precision import float64
from lagrad.problem.functions import OBJECTIVE, arguments, functions
from lagrad.problem.problem import Problem
from lagrad.program.callbacks import jitted

MASKED = "In reverse, `jnp.where` multiplies what it masks by zero: make its operand harmless as well"


@dataclass(frozen=True)
class NonFinite:
    """Something that should be a finite number.

    Args:
        what: such as "flow[3]" or "Jacobian of flow[3] by x[0]".
        value: what it is.
        fault: the operation at its root; None if the search found none.
    """

    what: str
    value: float
    fault: Fault | None

    def __str__(self) -> str:
        hint = f". {MASKED}" if self.fault is not None and self.fault.sweep == "adjoint" else ""
        root = f": {self.fault}{hint}" if self.fault is not None else ""
        return f"{self.what} is {self.value:g}{root}"


def nonfinite_values(problem: Problem, x: np.ndarray, params: Pytree = None) -> list[NonFinite]:
    """Each function with a value that is not finite, and why.

    Args:
        problem: n variables.
        x: shape (n,).
        params: in place of the problem's.
    """
    given, found = arguments(problem, x, params), []
    for name, function in functions(problem).items():
        with float64():
            value = np.asarray(jitted(function)(*given))
        bad = np.flatnonzero(~np.isfinite(value))
        if bad.size:
            what = row_name(problem, name, int(bad[0])) + others(bad.size)
            found.append(NonFinite(what, float(value[bad[0]]), first_fault(function, given)))
    return found


def nonfinite_derivatives(
    derivatives: Derivatives, x: np.ndarray, multipliers: np.ndarray, params: Pytree = None
) -> list[NonFinite]:
    """The first entry of gradient, Jacobian and Hessian that is not finite, and why.

    Args:
        derivatives: of a problem whose values at x are finite.
        x: shape (n,).
        multipliers: shape (m,).
        params: in place of the problem's.
    """
    found = bad_gradient(derivatives, x, params) + bad_jacobian(derivatives, x, params)
    return found or bad_hessian(derivatives, x, multipliers, params)


def bad_gradient(derivatives: Derivatives, x: np.ndarray, params: Pytree) -> list[NonFinite]:
    """The first entry of the gradient that is not finite."""
    problem, gradient = derivatives.problem, derivatives.gradient(x, params)
    bad = np.flatnonzero(~np.isfinite(gradient))
    if not bad.size:
        return []
    given, column = arguments(problem, x, params), int(bad[0])
    fault = first_fault(functions(problem)[OBJECTIVE], given, unit(problem.n, column), np.ones(1))
    what = f"gradient of the objective by {problem.variables.describe(column)}{others(bad.size)}"
    return [NonFinite(what, float(gradient[column]), fault)]


def bad_jacobian(derivatives: Derivatives, x: np.ndarray, params: Pytree) -> list[NonFinite]:
    """The first entry of each constraint's Jacobian that is not finite."""
    problem, jacobian, found = derivatives.problem, derivatives.jacobian(x, params).tocoo(), []
    bad = np.flatnonzero(~np.isfinite(jacobian.data))
    given = arguments(problem, x, params)
    for name, function in functions(problem).items() if bad.size else ():
        mine = [] if name == OBJECTIVE else bad[within(jacobian.row[bad], problem.rows(name))]
        if not len(mine):
            continue
        row, column = int(jacobian.row[mine[0]]), int(jacobian.col[mine[0]])
        rows = problem.rows(name)
        weights = unit(rows.stop - rows.start, row - rows.start)
        fault = first_fault(function, given, unit(problem.n, column), weights)
        names = f"{problem.describe_row(row)} by {problem.variables.describe(column)}{others(len(mine))}"
        found.append(NonFinite(f"Jacobian of {names}", float(jacobian.data[mine[0]]), fault))
    return found


def bad_hessian(
    derivatives: Derivatives, x: np.ndarray, multipliers: np.ndarray, params: Pytree
) -> list[NonFinite]:
    """The first entry of the Lagrangian's Hessian that is not finite, under each function to blame."""
    problem, hessian = derivatives.problem, derivatives.hessian(x, multipliers, 1.0, params).tocoo()
    bad = np.flatnonzero(~np.isfinite(hessian.data))
    if not bad.size:
        return []
    row, column = (int(index[bad[0]]) for index in (hessian.row, hessian.col))
    given, direction, guilty = arguments(problem, x, params), unit(problem.n, column), {}
    for name, function in functions(problem).items():
        rows = problem.rows(name) if name != OBJECTIVE else slice(0, 1)
        fault = first_fault(function, given, direction, np.ones(rows.stop - rows.start))
        if fault is not None:
            guilty[name] = fault
    entry = f"{problem.variables.describe(row)}, {problem.variables.describe(column)}{others(bad.size)}"
    value = float(hessian.data[bad[0]])
    named = [NonFinite(f"Hessian of {name} at {entry}", value, fault) for name, fault in guilty.items()]
    return named or [NonFinite(f"Hessian at {entry}", value, None)]


def row_name(problem: Problem, name: str, row: int) -> str:
    """Name of a row of one function."""
    return OBJECTIVE if name == OBJECTIVE else problem.describe_row(problem.rows(name).start + row)


def within(indices: np.ndarray, rows: slice) -> np.ndarray:
    """Which indices lie in a range."""
    return (indices >= rows.start) & (indices < rows.stop)


def unit(size: int, index: int) -> np.ndarray:
    """Unit vector, shape (size,)."""
    found = np.zeros(size)
    found[index] = 1.0
    return found
