"""IPOPT's callbacks as machine code: no Python between two iterations, nor in one unless it is asked for."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import llvmlite.binding as llvm
import numpy as np

from lagrad.compile.native.addresses import address
from lagrad.compile.native.machine import engine_of
from lagrad.compile.native.once import once
from lagrad.compile.native.routines import runner_address
from lagrad.compile.native.target import host
from lagrad.derivatives.machine_code import MachineCode
from lagrad.solvers.evaluation import Point
from lagrad.solvers.ipopt import iterations as at
from lagrad.solvers.ipopt.evaluations import (
    COUNT,
    END,
    EVALUATIONS,
    FIRST,
    HESSIAN_PLACES,
    IN_A_ROW,
    IS_KNOWN,
    JACOBIAN_PLACES,
    NAMES,
    PATIENCE,
    REFUSED,
    SPENT,
    STRIDE,
)
from lagrad.solvers.ipopt.interface import LISTENER
from lagrad.solvers.ipopt.interface import address as code_of
from lagrad.solvers.ipopt.reductions import REDUCTIONS

# Rows that fit at first, and a deadline that never comes.
ROOM, FOREVER = 1024, 2**62
# The clock that does not jump, as this system numbers it.
CLOCKS = {"linux": 1, "darwin": 6}


def is_supported() -> bool:
    """Whether this system has the clock that the callbacks read."""
    return sys.platform in CLOCKS


class CompiledCallbacks:
    """The callbacks of one solve after the other.

    Args:
        code: the model.
        places: rows and columns of J and of the Hessian, int32 of shape (2, entries).
        current: address of GetIpoptCurrentIterate.
        listener: function of Python without arguments, called as told in `iterations.py`; whether to go on.

    Attributes:
        addresses: f, c, gradient, Jacobian, Hessian, in the order of `CreateIpoptProblem`.
        intermediate: address of what notes an iteration.
        user_data: what IPOPT hands on.
        sides: bounds and sides of the rows, arrays in the order lower, upper, constraint lower and upper.
    """

    def __init__(
        self,
        code: MachineCode,
        places: tuple[np.ndarray, np.ndarray],
        current: int,
        listener: Callable[[], bool],
    ):
        n, m = code.x.size, code.weights.size - 1
        self._code, self._places, self._sizes = code, places, (n, m)
        self._listener = LISTENER(listener)
        self.sides = tuple(np.zeros(size) for size in (n, n, m, m))
        self._record, self._best = (np.zeros(at.HEAD + 3 * n + 2 * m) for _ in range(2))
        self._rows = np.empty((ROOM, at.COLUMNS))
        self._words = words = np.zeros(at.LENGTH, np.int64)
        self._numbers = words.view(np.float64)
        words[:4] = n, m, address(code.x), address(code.weights)
        words[at.CURRENT], words[at.LISTENER] = current, code_of(self._listener)
        words[at.RECORD], words[at.BEST] = address(self._record), address(self._best)
        words[at.SIDES :] = [address(side) for side in self.sides]
        for place, each in zip(
            TABLES, (code.values, code.gradient, code.jacobian, code.hessian), strict=True
        ):
            fields = address(each.steps), len(each.steps), address(each.output), each.output.size
            words[place : place + 4] = fields
        for place, each in zip((JACOBIAN_PLACES, HESSIAN_PLACES), places, strict=True):
            words[place : place + 3] = each.shape[1], address(each[0]), address(each[1])
        self._blank = words.copy()
        self.addresses, self.intermediate = addresses()
        self.user_data = address(words)

    def begin(
        self, problem: int, *, tells: bool, tolerance: float, spent: float, left: float, patience: int
    ) -> None:
        """Forget the solve before.

        Args:
            problem: Ipopt's.
            tells: whether Python is called in each iteration.
            tolerance: of violations where the best point is kept.
            spent: seconds since the solve began.
            left: seconds until its deadline.
            patience: so many refused points, and a tenth as many for each accepted one, end the solve.
        """
        words, now = self._words, clock()()
        self._code.x[:] = np.nan
        words[:] = self._blank
        words[PATIENCE], words[at.PROBLEM], words[at.TELLS], words[at.LAST] = patience, problem, tells, now
        words[at.BEGAN], words[at.DEADLINE] = now - int(spent * 1e9), min(now + left * 1e9, FOREVER)
        words[at.CAPACITY], words[at.ROWS] = len(self._rows), address(self._rows)
        self._numbers[at.TOLERANCE] = tolerance

    def make_room(self) -> None:
        """Double the room for rows if it is full."""
        if self.iterations >= len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
            self._words[at.CAPACITY], self._words[at.ROWS] = len(self._rows), address(self._rows)

    @property
    def iterations(self) -> int:
        """How many were noted."""
        return int(self._words[at.WRITTEN])

    @property
    def rows(self) -> np.ndarray:
        """What was noted of each iteration, shape (iterations, 11), a copy."""
        return self._rows[: self.iterations].copy()

    @property
    def iterate(self) -> Point:
        """The iterate that was noted last."""
        return point(self._record, *self._sizes)

    @property
    def best(self) -> Callable[[], Point | None]:
        """What gives the best of them so far, None if there is none."""
        if not self._words[at.HAS_BEST]:
            return lambda: None
        return partial(point, self._best.copy(), *self._sizes)

    @property
    def start_gradient(self) -> float:
        """The largest entry of the gradient where the solve began."""
        return float(self._numbers[at.START_GRADIENT])

    @property
    def x(self) -> np.ndarray:
        """The point that was looked at last, a copy."""
        return self._code.x.copy()

    @property
    def multipliers(self) -> tuple[np.ndarray, float]:
        """Multipliers and objective weight of the last Hessian."""
        return self._code.weights[1:].copy(), float(self._code.weights[0])

    def counted(self) -> Counted:
        """What was counted so far, read at once."""
        words = self._words.tolist()
        count, spent, known = (words[FIRST + part : BEHIND : STRIDE] for part in (COUNT, SPENT, IS_KNOWN))
        seconds, are_known = [1e-9 * each for each in spent], [bool(each) for each in known]
        ends = words[REFUSED], words[IN_A_ROW], words[END]
        return Counted(words[at.WRITTEN], count, seconds, are_known, *ends)

    @property
    def values(self) -> tuple[float, np.ndarray]:
        """f and c at the point where they were computed last."""
        output = self._code.values.output
        return float(output[0]), output[1:].copy()

    def first_order(self, entries: int) -> tuple[np.ndarray, np.ndarray]:
        """Gradient and so many entries of J where they were computed last."""
        return self._code.gradient.output.copy(), self._code.jacobian.output[:entries].copy()


class Counted(NamedTuple):
    """What the callbacks counted; lists are of f and c, gradient, Jacobian, Hessian.

    Args:
        iterations: how many were noted.
        evaluations: how often each was evaluated.
        seconds: how long that took in all.
        is_known: whether each belongs to `CompiledCallbacks.x`.
        refused: points at which something was not finite.
        refused_in_a_row: those since the last point at which f and c were finite.
        ended_by: why the callbacks themselves ended the solve, see `iterations.py`; 0 if they did not.
    """

    iterations: int
    evaluations: list[int]
    seconds: list[float]
    is_known: list[bool]
    refused: int
    refused_in_a_row: int
    ended_by: int


# Where the words of f and c, gradient, Jacobian and Hessian begin, and what comes behind them.
BEHIND = FIRST + 4 * STRIDE
TABLES = range(FIRST, BEHIND, STRIDE)


def point(record: np.ndarray, n: int, m: int) -> Point:
    """A record as it stands in memory, see `iterations.py`, as a Point with arrays of its own."""
    f, violation, iteration, is_told = record[: at.HEAD].tolist()
    numbers = record[at.HEAD :].copy()
    x, lower, upper, rows = numbers[:n], numbers[n : 2 * n], numbers[2 * n : 3 * n], numbers[3 * n + m :]
    c = numbers[3 * n : 3 * n + m]
    return Point(x, f, c, violation, int(iteration), (rows, lower, upper) if is_told else None)


@once
def addresses() -> tuple[tuple[int, ...], int]:
    """Where the code of f, c, gradient, Jacobian and Hessian lies, and of what notes an iteration."""
    return tuple(map(engine().get_function_address, NAMES)), engine().get_function_address("intermediate")


@once
def clock() -> Callable[[], int]:
    """The clock of the callbacks, in nanoseconds."""
    return ctypes.CFUNCTYPE(ctypes.c_int64)(engine().get_function_address("now"))


@once
def engine() -> llvm.ExecutionEngine:
    """What owns the code of the callbacks."""
    known = {"CLOCK": str(CLOCKS[sys.platform]), "ROUTINE": f"inttoptr (i64 {runner_address()} to ptr)"}
    text = REDUCTIONS + EVALUATIONS + at.ITERATIONS
    for name, value in known.items():
        text = text.replace(name, value)
    return engine_of(text, host(), True)
