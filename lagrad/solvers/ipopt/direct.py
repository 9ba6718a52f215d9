"""IPOPT by its C interface: arrays and callbacks to a shared library that is called outside Python's lock."""

from __future__ import annotations

import ctypes
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from lagrad.derivatives.machine_code import MachineCode
from lagrad.solution.status import Status
from lagrad.solvers.evaluation import PATIENCE, Multipliers
from lagrad.solvers.ipopt import interface
from lagrad.solvers.ipopt.backend import End, refused
from lagrad.solvers.ipopt.callbacks import Callbacks
from lagrad.solvers.ipopt.compiled import CompiledCallbacks, is_supported
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
    """Run IPOPT, with callbacks of machine code where all functions are, else of Python."""
    ipopt, calls = find().functions, compiled_calls(task) or PythonCalls(task)
    with created(ipopt, calls) as problem:
        for name, value in options.items():
            if not interface.add_option(ipopt, problem, name, value):
                raise refused(name, value)
        calls.watch(ipopt, problem)
        x, (rows, lower, upper) = task.start.x.copy(), start_multipliers(task.start, calls)
        places = (pointer(array) for array in (rows, lower, upper))
        try:
            code = ipopt.IpoptSolve(problem, pointer(x), None, None, *places, calls.user_data)
        finally:
            calls.close()
    return End(code, x, (rows, lower, upper))


def start_multipliers(start: Start, calls: Calls) -> Multipliers:
    """Multipliers to begin with, in arrays that IPOPT may write to."""
    if start.multipliers is None:
        return np.zeros(calls.m), np.zeros(calls.n), np.zeros(calls.n)
    rows, lower, upper = (np.array(part, float) for part in start.multipliers)
    return rows, lower, upper


@contextmanager
def created(ipopt: ctypes.CDLL, calls: Calls) -> Generator[int, None, None]:
    """A problem of Ipopt's, freed at the end."""
    problem = calls.problem
    lower, upper, row_lower, row_upper = (
        np.ascontiguousarray(side, float)
        for side in (problem.lower, problem.upper, problem.constraint_lower, problem.constraint_upper)
    )
    handle = ipopt.CreateIpoptProblem(
        *(calls.n, pointer(lower), pointer(upper), calls.m, pointer(row_lower), pointer(row_upper)),
        *(calls.jacobian_size, calls.hessian_size, C_ORDER),
        *calls.addresses,
    )
    try:
        yield handle
    finally:
        ipopt.FreeIpoptProblem(handle)


class Calls:
    """What IPOPT calls in one solve.

    Args:
        task: of this solve.

    Attributes:
        addresses: f, c, gradient, Jacobian, Hessian, in the order of `CreateIpoptProblem`.
        user_data: what IPOPT hands on to them.
    """

    addresses: tuple[int, ...]
    user_data: int | None = None

    def __init__(self, task: Task):
        self.problem, self.callbacks = task.problem, Callbacks(task)
        self.n, self.m = int(task.problem.n), int(task.problem.m)
        self._jacobian_places = as_indices(self.callbacks.jacobianstructure())
        self._hessian_places = as_indices(self.callbacks.hessianstructure())
        self.jacobian_size, self.hessian_size = self._jacobian_places.shape[1], self._hessian_places.shape[1]
        self._intermediate = interface.INTERMEDIATE(self.intermediate)

    def watch(self, ipopt: ctypes.CDLL, problem: int) -> None:
        """Have the iterations of Ipopt's problem reported."""
        self.callbacks.current = lambda: self.iterate(ipopt, problem)
        ipopt.SetIntermediateCallback(problem, interface.address(self._intermediate))

    def intermediate(self, *state: Any) -> bool:
        """Note an iteration."""
        return self.callbacks.intermediate(*state[:-1])

    def iterate(self, ipopt: ctypes.CDLL, problem: int) -> tuple[np.ndarray, Multipliers] | None:
        """IPOPT's iterate and its multipliers, None if it has none to tell."""
        return iterate(ipopt, problem, self.n, self.m)

    def close(self) -> None:
        """Called when the solve is over."""


def compiled_calls(task: Task) -> CompiledCalls | None:
    """Callbacks of machine code, None where a function is not, or where this system does not support them."""
    make = getattr(task.evaluation.derivatives, "machine_code", None)
    code = make() if make is not None and is_supported() else None
    return None if code is None else CompiledCalls(task, code)


class CompiledCalls(Calls):
    """Callbacks of machine code; Python runs once an iteration.

    Args:
        task: of this solve.
        code: its functions.
    """

    def __init__(self, task: Task, code: MachineCode):
        super().__init__(task)
        self._evaluation, self._code = task.evaluation, code
        self._compiled = CompiledCallbacks(code, (self._jacobian_places, self._hessian_places), PATIENCE)
        self.addresses, self.user_data = self._compiled.addresses, self._compiled.user_data
        self._has_begun = False

    def iterate(self, ipopt: ctypes.CDLL, problem: int) -> tuple[np.ndarray, Multipliers] | None:
        """IPOPT's iterate, whose values are known."""
        if not self._has_begun:
            self._has_begun = True
            self._evaluation.start_gradient = float(np.abs(self._code.gradient.output).max(initial=0.0))
        found = super().iterate(ipopt, problem)
        values = found and self._compiled.values_at(found[0])
        if found is not None and values is not None:
            self._evaluation.know(found[0], *values)
        return found

    def close(self) -> None:
        """Tell the evaluation what was counted, and say why if the start could not be evaluated."""
        compiled, evaluation = self._compiled, self._evaluation
        values, gradient, jacobian, hessian = map(compiled.evaluations, range(4))
        first_order = max(gradient, jacobian)
        for name, count in zip(COUNTED, (values, values, first_order, first_order, hessian), strict=True):
            evaluation.counts[name] += count
        for number, stage in enumerate(STAGES):
            evaluation.seconds[stage] += compiled.seconds(number)
        evaluation.counts["nonfinite"] += compiled.refused
        evaluation.refused_in_a_row = compiled.refused_in_a_row
        evaluation.fell_without_end = compiled.refused_in_a_row > 0 and self._code.values.output[0] == -np.inf
        if compiled.has_lost_patience:
            fell = evaluation.fell_without_end
            evaluation.stop(Status.UNBOUNDED if fell else Status.INVALID_NUMBER)
        elif compiled.refused and (values == 1 or not self._has_begun):
            self.explain()

    def explain(self) -> None:
        """Evaluate the start once more in Python, which names what is not finite there."""
        evaluation, x = self._evaluation, self._compiled.x
        try:
            evaluation.values(x)
            evaluation.first_order(x)
            if self.hessian_size:
                evaluation.hessian(x, *self._compiled.multipliers)
        except BaseException as error:
            evaluation.fail(error)


# As elsewhere, f and c count together, and so do gradient and Jacobian.
COUNTED = ("objective", "constraints", "gradient", "jacobian", "hessian")
STAGES = ("values", "first_order", "first_order", "hessian")


class PythonCalls(Calls):
    """Callbacks of Python: addresses in, whether it could be evaluated out."""

    def __init__(self, task: Task):
        super().__init__(task)
        self._functions = (
            interface.OBJECTIVE(self.objective),
            interface.CONSTRAINTS(self.constraints),
            interface.GRADIENT(self.gradient),
            interface.JACOBIAN(self.jacobian),
            interface.HESSIAN(self.hessian),
        )
        self.addresses = tuple(map(interface.address, self._functions))

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
        self,
        n: int,
        x: int,
        is_new: bool,
        m: int,
        size: int,
        rows: int,
        columns: int,
        values: int | None,
        user: Any,
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


def pointer(array: np.ndarray) -> int:
    """Address of an array's numbers."""
    return array.__array_interface__["data"][0]
