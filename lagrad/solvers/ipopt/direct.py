"""IPOPT by its C interface: arrays and callbacks to a shared library that is called outside Python's lock."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from lagrad.solvers.evaluation import Multipliers
from lagrad.solvers.ipopt import interface
from lagrad.solvers.ipopt.backend import End, refused
from lagrad.solvers.ipopt.callbacks import Callbacks
from lagrad.solvers.ipopt.library import NotThere, find
from lagrad.solvers.solver import Start, Task

C_ORDER = 0


def load() -> None:
    """Find and load the library.

    Raises:
        ImportError: there is none.
    """
    try:
        find()
    except NotThere as error:
        raise ImportError(str(error)) from error


def versions() -> dict[str, str]:
    """Version of Ipopt."""
    return {"ipopt": ".".join(map(str, find().version))}


def place() -> str:
    """Where the library is, and what it belongs to."""
    return f"{find().path} ({find().source})"


def library() -> str:
    """Its path."""
    return find().path


def solve(task: Task, options: Mapping[str, Any]) -> End:
    """Run IPOPT."""
    ipopt, calls = find().functions, Calls(task)
    with created(ipopt, calls) as problem:
        for name, value in options.items():
            if not interface.add_option(ipopt, problem, name, value):
                raise refused(name, value)
        calls.watch(ipopt, problem)
        x, (rows, lower, upper) = task.start.x.copy(), start_multipliers(task.start, calls)
        places = (pointer(array) for array in (rows, lower, upper))
        code = ipopt.IpoptSolve(problem, pointer(x), None, None, *places, None)
    return End(code, x, (rows, lower, upper))


def start_multipliers(start: Start, calls: Calls) -> Multipliers:
    """Multipliers to begin with, in arrays that IPOPT may write to."""
    if start.multipliers is None:
        return np.zeros(calls.m), np.zeros(calls.n), np.zeros(calls.n)
    rows, lower, upper = (np.array(part, float) for part in start.multipliers)
    return rows, lower, upper


@contextmanager
def created(ipopt: ctypes.CDLL, calls: Calls) -> Iterator[int]:
    """A problem of Ipopt's, freed at the end."""
    problem = calls.problem
    lower, upper, row_lower, row_upper = (
        np.ascontiguousarray(side, float)
        for side in (problem.lower, problem.upper, problem.constraint_lower, problem.constraint_upper)
    )
    handle = ipopt.CreateIpoptProblem(
        *(calls.n, pointer(lower), pointer(upper), calls.m, pointer(row_lower), pointer(row_upper)),
        *(calls.jacobian_size, calls.hessian_size, C_ORDER),
        *map(interface.address, calls.functions),
    )
    try:
        yield handle
    finally:
        ipopt.FreeIpoptProblem(handle)


class Calls:
    """Callbacks of C for one solve: addresses in, whether it could be evaluated out.

    Args:
        task: of this solve.

    Attributes:
        functions: f, c, gradient, Jacobian, Hessian, in the order of `CreateIpoptProblem`.
    """

    def __init__(self, task: Task):
        self.problem, self.callbacks = task.problem, Callbacks(task)
        self.n, self.m = int(task.problem.n), int(task.problem.m)
        self._jacobian_places = as_indices(self.callbacks.jacobianstructure())
        self._hessian_places = as_indices(self.callbacks.hessianstructure())
        self.jacobian_size, self.hessian_size = self._jacobian_places.shape[1], self._hessian_places.shape[1]
        self.functions = (
            interface.OBJECTIVE(self.objective),
            interface.CONSTRAINTS(self.constraints),
            interface.GRADIENT(self.gradient),
            interface.JACOBIAN(self.jacobian),
            interface.HESSIAN(self.hessian),
        )
        self._intermediate = interface.INTERMEDIATE(self.intermediate)

    def watch(self, ipopt: ctypes.CDLL, problem: int) -> None:
        """Have the iterations of Ipopt's problem reported."""
        self.callbacks.current = lambda: iterate(ipopt, problem, self.n, self.m)
        ipopt.SetIntermediateCallback(problem, interface.address(self._intermediate))

    def objective(self, n: int, x: int, is_new: bool, value: int, user: Any) -> bool:
        """f(x)."""
        vector(value, 1)[0] = self.callbacks.objective(vector(x, n))
        return not self.callbacks.is_over

    def gradient(self, n: int, x: int, is_new: bool, values: int, user: Any) -> bool:
        """Gradient of f."""
        vector(values, n)[:] = self.callbacks.gradient(vector(x, n))
        return not self.callbacks.is_over

    def constraints(self, n: int, x: int, is_new: bool, m: int, values: int, user: Any) -> bool:
        """c(x)."""
        vector(values, m)[:] = self.callbacks.constraints(vector(x, n))
        return not self.callbacks.is_over

    def jacobian(
        self, n: int, x: int, is_new: bool, m: int, size: int, rows: int, columns: int, values: int, user: Any
    ) -> bool:
        """Entries of J, or where they are."""
        if values is None:
            return tell_places(self._jacobian_places, rows, columns)
        vector(values, size)[:] = self.callbacks.jacobian(vector(x, n))
        return not self.callbacks.is_over

    def hessian(
        self, n: int, x: int, is_new: bool, weight: float, m: int, multipliers: int, *rest: Any
    ) -> bool:
        """Entries of the Lagrangian's Hessian, or where they are."""
        _, size, rows, columns, values, _ = rest
        if values is None:
            return tell_places(self._hessian_places, rows, columns)
        weights = vector(multipliers, m)
        vector(values, size)[:] = self.callbacks.hessian(vector(x, n), weights, weight)
        return not self.callbacks.is_over

    def intermediate(self, *state: Any) -> bool:
        """Note an iteration."""
        return self.callbacks.intermediate(*state[:-1])


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
    return np.frombuffer((ctypes.c_double * size).from_address(address))


def pointer(array: np.ndarray) -> int:
    """Address of an array's numbers."""
    return array.__array_interface__["data"][0]
