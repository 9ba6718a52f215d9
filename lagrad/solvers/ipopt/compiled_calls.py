"""Solve with callbacks of machine code, and tell evaluation and monitor what they noted."""

from __future__ import annotations

import ctypes
import time
from typing import Any

import numpy as np

from lagrad.derivatives.machine_code import MachineCode
from lagrad.derivatives.triplets import never_empty, rows_and_columns
from lagrad.solution.status import Status
from lagrad.solvers.evaluation import PATIENCE, Multipliers
from lagrad.solvers.ipopt import interface
from lagrad.solvers.ipopt.compiled import CompiledCallbacks, Counted, is_supported
from lagrad.solvers.ipopt.handle import Handle, Sizes
from lagrad.solvers.ipopt.iterations import PATIENCE_LOST, RUNAWAY, TOO_LATE
from lagrad.solvers.ipopt.python_calls import as_indices
from lagrad.solvers.ipopt.sides import row_sides
from lagrad.solvers.model import Model, hessian_structure
from lagrad.solvers.solver import Options, Task

# Problems with more variables, rows and entries than this take longer to solve than to be made anew, and what
# Ipopt holds between two solves is large.
SMALL = 10_000
# The name under which machine code keeps these callbacks.
EXTRA = "ipopt"
# As elsewhere, f and c count together, and so do gradient and Jacobian.
COUNTED = ("objective", "constraints", "gradient", "jacobian", "hessian")
ENDS = {PATIENCE_LOST: Status.INVALID_NUMBER, RUNAWAY: Status.UNBOUNDED, TOO_LATE: Status.TIME_LIMIT}


def compiled_calls(task: Task, ipopt: ctypes.CDLL) -> CompiledCalls | None:
    """Callbacks of machine code, None where a function is not, or where this system does not support them.

    A small model keeps them for its next solve.
    """
    model = task.evaluation.derivatives
    make = getattr(model, "machine_code", None)
    code = make() if make is not None and is_supported() else None
    if code is None:
        return None
    calls = code.extras.get(EXTRA)
    if calls is None or calls.ipopt is not ipopt:
        calls = code.extras[EXTRA] = CompiledCalls(model, code, ipopt)
    return calls


class CompiledCalls:
    """Callbacks of machine code, for one solve after the other.

    Args:
        model: whose functions they are.
        code: these functions.
        ipopt: the library.
    """

    def __init__(self, model: Model, code: MachineCode, ipopt: ctypes.CDLL):
        places = as_indices(never_empty(model.jacobian_structure, model.problem.m))
        hessian = as_indices(rows_and_columns(hessian_structure(model)))
        self.code, self.ipopt = code, ipopt
        self._sizes = Sizes(int(model.problem.n), int(model.problem.m), places.shape[1], hessian.shape[1])
        self._entries = len(rows_and_columns(model.jacobian_structure)[0])
        current = interface.address(ipopt.GetIpoptCurrentIterate)
        self._compiled = CompiledCallbacks(code, (places, hessian), current, self._listen)
        self._handle: Handle | None = None
        self._task: Any = None

    def run(self, task: Task, options: Options, x: np.ndarray, multipliers: Multipliers) -> int:
        """Solve; x and the multipliers, where it begins, are where it ends. Ipopt's return code.

        Raises:
            ProblemError: Ipopt refuses an option.
        """
        handle, self._task = self._ready(task, options), task
        self._begin(handle.address)
        try:
            return handle.solve(x, multipliers, self._compiled.user_data)
        finally:
            self._end()
            self._task = None
            if sum(self._sizes) <= SMALL and "output_file" not in options:
                self.code.give_back()
            else:
                handle.close()

    def _ready(self, task: Task, options: Options) -> Handle:
        """Ipopt's problem: that of the solve before, if it is the same."""
        problem, compiled = task.problem, self._compiled
        given = problem.lower, problem.upper, *row_sides(task)
        if self._handle is None or not self._handle.fits(given, options):
            for side, value in zip(compiled.sides, given, strict=True):
                side[:] = value
            addresses = (*compiled.addresses, compiled.intermediate)
            self._handle = Handle(self.ipopt, self._sizes, given, addresses, options)
        return self._handle

    def _begin(self, problem: int) -> None:
        task, now = self._task, time.perf_counter()
        self._compiled.begin(
            problem,
            tells=task.monitor.is_watched,
            tolerance=task.tol,
            spent=now - task.monitor.began,
            left=task.evaluation.deadline - now,
            patience=PATIENCE,
        )

    def _listen(self) -> bool:
        """Called now and then, or in each iteration if somebody watches; whether to go on."""
        evaluation, monitor = self._task.evaluation, self._task.monitor
        try:
            self._compiled.make_room()
            if monitor.is_watched:
                self._note()
                monitor.tell(self._compiled.iterate)
        except BaseException as error:
            evaluation.fail(error)
        return evaluation.reason is None

    def _note(self) -> Counted:
        """Tell evaluation and monitor what is known so far."""
        evaluation, counted = self._task.evaluation, self._compiled.counted()
        self._task.monitor.note(self._compiled.rows)
        if counted.iterations:
            evaluation.keep_best(self._compiled.best)
        values, gradient, jacobian, hessian = counted.evaluations
        first_order = max(gradient, jacobian)
        counts = values, values, first_order, first_order, hessian
        evaluation.counts |= dict(zip(COUNTED, counts, strict=True)) | {"nonfinite": counted.refused}
        return counted

    def _end(self) -> None:
        """Tell them what came of the solve, and why if the start could not be evaluated."""
        evaluation, compiled, counted = self._task.evaluation, self._compiled, self._note()
        values, gradient, jacobian, hessian = counted.seconds
        evaluation.seconds |= {"values": values, "first_order": gradient + jacobian, "hessian": hessian}
        evaluation.start_gradient = compiled.start_gradient
        evaluation.refused_in_a_row = counted.refused_in_a_row
        fell = counted.refused_in_a_row > 0 and compiled.values[0] == -np.inf
        evaluation.fell_without_end = fell
        if counted.ended_by:
            unbounded = fell and counted.ended_by == PATIENCE_LOST
            evaluation.stop(Status.UNBOUNDED if unbounded else ENDS[counted.ended_by])
        elif counted.refused and (counted.evaluations[0] == 1 or not counted.iterations):
            self._explain()
        elif counted.is_known[0]:
            first_order = compiled.first_order(self._entries) if all(counted.is_known[1:3]) else None
            evaluation.know(compiled.x, compiled.values, first_order)

    def _explain(self) -> None:
        """Evaluate the start once more in Python, which names what is not finite there."""
        evaluation, x = self._task.evaluation, self._compiled.x
        evaluation.begin_at(x)
        try:
            evaluation.values(x)
            evaluation.first_order(x)
            if self._sizes.hessian:
                evaluation.hessian(x, *self._compiled.multipliers)
        except BaseException as error:
            evaluation.fail(error)
