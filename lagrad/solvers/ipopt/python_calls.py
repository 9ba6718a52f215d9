"""IPOPT's callbacks as functions of Python: addresses of numbers in, whether they could be evaluated out."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from lagrad.solvers.evaluation import Multipliers
from lagrad.solvers.ipopt import interface
from lagrad.solvers.ipopt.callbacks import Callbacks
from lagrad.solvers.ipopt.handle import Handle, Sizes, pointer
from lagrad.solvers.ipopt.sides import row_sides
from lagrad.solvers.solver import Options, Task


class PythonCalls:
    """Callbacks of one solve.

    Args:
        task: of this solve.
        ipopt: the library.
    """

    def __init__(self, task: Task, ipopt: ctypes.CDLL):
        self._ipopt, self._task, self._callbacks = ipopt, task, Callbacks(task)
        self._jacobian_places = as_indices(self._callbacks.jacobianstructure())
        self._hessian_places = as_indices(self._callbacks.hessianstructure())
        self._functions = (
            interface.OBJECTIVE(self.objective),
            interface.CONSTRAINTS(self.constraints),
            interface.GRADIENT(self.gradient),
            interface.JACOBIAN(self.jacobian),
            interface.HESSIAN(self.hessian),
            interface.INTERMEDIATE(self.intermediate),
        )

    def run(self, options: Options, x: np.ndarray, multipliers: Multipliers) -> int:
        """Solve; x and the multipliers, where it begins, are where it ends. Ipopt's return code.

        Raises:
            ProblemError: Ipopt refuses an option.
        """
        problem = self._task.problem
        sizes = Sizes(problem.n, problem.m, self._jacobian_places.shape[1], self._hessian_places.shape[1])
        sides = problem.lower, problem.upper, *row_sides(self._task)
        addresses = tuple(map(interface.address, self._functions))
        handle = Handle(self._ipopt, sizes, sides, addresses, options)
        self._callbacks.current = lambda: iterate(self._ipopt, handle.address, sizes.n, sizes.m)
        try:
            return handle.solve(x, multipliers, None)
        finally:
            handle.close()

    def objective(self, n: int, x: int, is_new: bool, value: int, user: object) -> bool:
        """f(x)."""
        vector(value, 1)[0] = self._callbacks.objective(vector(x, n))
        return not self._callbacks.is_over

    def gradient(self, n: int, x: int, is_new: bool, values: int, user: object) -> bool:
        """Gradient of f."""
        vector(values, n)[:] = self._callbacks.gradient(vector(x, n))
        return not self._callbacks.is_over

    def constraints(self, n: int, x: int, is_new: bool, m: int, values: int, user: object) -> bool:
        """c(x)."""
        vector(values, m)[:] = self._callbacks.constraints(vector(x, n))
        return not self._callbacks.is_over

    def jacobian(
        self,
        n: int,
        x: int,
        is_new: bool,
        m: int,
        size: int,
        rows: int,
        columns: int,
        values: int | None,
        user: object,
    ) -> bool:
        """Entries of J, or where they are."""
        if values is None:
            return tell_places(self._jacobian_places, rows, columns)
        vector(values, size)[:] = self._callbacks.jacobian(vector(x, n))
        return not self._callbacks.is_over

    def hessian(
        self, n: int, x: int, is_new: bool, weight: float, m: int, multipliers: int, *rest: Any
    ) -> bool:
        """Entries of the Lagrangian's Hessian, or where they are."""
        _, size, rows, columns, values, _ = rest
        if values is None:
            return tell_places(self._hessian_places, rows, columns)
        weights = vector(multipliers, m)
        vector(values, size)[:] = self._callbacks.hessian(vector(x, n), weights, weight)
        return not self._callbacks.is_over

    def intermediate(self, *state: Any) -> bool:
        """Note an iteration."""
        return self._callbacks.intermediate(*state[:-1])


def iterate(ipopt: ctypes.CDLL, problem: int, n: int, m: int) -> tuple[np.ndarray, Multipliers] | None:
    """IPOPT's iterate and its multipliers, None if it has none to tell."""
    x, lower, upper = np.empty(n), np.empty(n), np.empty(n)
    c, rows = np.empty(m), np.empty(m)
    places = pointer(x), pointer(lower), pointer(upper), m, pointer(c), pointer(rows)
    return (x, (rows, lower, upper)) if ipopt.GetIpoptCurrentIterate(problem, False, n, *places) else None


def tell_places(places: np.ndarray, rows: int, columns: int) -> bool:
    """Write rows and columns, (2, entries), where IPOPT wants them."""
    for place, row in zip((rows, columns), places, strict=True):
        ctypes.memmove(place, pointer(row), row.nbytes)
    return True


def as_indices(places: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Rows and columns as Ipopt's integers, shape (2, entries)."""
    return np.ascontiguousarray(np.stack(places), np.int32)


def vector(address: int | None, size: int) -> np.ndarray:
    """The numbers at an address, shape (size,); they are C's, and may be gone after the callback."""
    if not address or not size:
        return np.zeros(0)
    numbers: Any = (ctypes.c_double * size).from_address(address)
    return np.frombuffer(numbers)
