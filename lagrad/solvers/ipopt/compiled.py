"""IPOPT's callbacks as machine code: no Python between two iterations.

The callbacks find what they need in a table of 64-bit words, whose address IPOPT hands on to them:

    0 n   1 m   2 x   3 weights   4 whether to end   5 points refused   6 refused in a row   7 most in vain
    8 + 8 k: steps, their number, output, its size, evaluations, nanoseconds, whether it belongs to x
             for k = 0 f and c, 1 gradient, 2 Jacobian, 3 Hessian
    40 entries, rows, columns of J   43 the same of the Hessian
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache

import llvmlite.binding as llvm
import numpy as np

from lagrad.compile.native.addresses import address
from lagrad.compile.native.machine import engine_of
from lagrad.compile.native.routines import runner_address
from lagrad.compile.native.target import host
from lagrad.derivatives.machine_code import MachineCode

LENGTH = 48
END, REFUSED, IN_A_ROW, PATIENCE = 4, 5, 6, 7
FIRST, WIDTH = 8, 8
JACOBIAN_PLACES, HESSIAN_PLACES = 40, 43
# The clock that does not jump, as this system numbers it.
CLOCKS = {"linux": 1, "darwin": 6}


def is_supported() -> bool:
    """Whether this system has the clock that the callbacks read."""
    return sys.platform in CLOCKS


class CompiledCallbacks:
    """The callbacks of one solve.

    Args:
        code: the model.
        places: rows and columns of J and of the Hessian, int32 of shape (2, entries).
        patience: so many refused points, and a tenth as many for each accepted one, end a solve.

    Attributes:
        addresses: f, c, gradient, Jacobian, Hessian, in the order of `CreateIpoptProblem`.
        user_data: what IPOPT hands on.
    """

    def __init__(self, code: MachineCode, places: tuple[np.ndarray, np.ndarray], patience: int):
        self._code, self._places = code, places
        self._words = np.zeros(LENGTH, np.int64)
        self._words[:4] = code.x.size, code.weights.size - 1, address(code.x), address(code.weights)
        self._words[PATIENCE] = patience
        code.x[:] = np.nan
        for number, each in enumerate((code.values, code.gradient, code.jacobian, code.hessian)):
            start = FIRST + WIDTH * number
            fields = address(each.steps), len(each.steps), address(each.output), each.output.size
            self._words[start : start + 4] = fields
        for start, each in zip((JACOBIAN_PLACES, HESSIAN_PLACES), places, strict=True):
            self._words[start : start + 3] = each.shape[1], address(each[0]), address(each[1])
        self.addresses = tuple(engine().get_function_address(name) for name in NAMES)
        self.user_data = address(self._words)

    @property
    def x(self) -> np.ndarray:
        """The point that was looked at last, a copy."""
        return self._code.x.copy()

    @property
    def multipliers(self) -> tuple[np.ndarray, float]:
        """Multipliers and objective weight of the last Hessian."""
        return self._code.weights[1:].copy(), float(self._code.weights[0])

    @property
    def refused(self) -> int:
        """Points at which something was not finite."""
        return int(self._words[REFUSED])

    @property
    def refused_in_a_row(self) -> int:
        """Those since the last point at which f and c were finite."""
        return int(self._words[IN_A_ROW])

    @property
    def has_lost_patience(self) -> bool:
        """Whether the callbacks themselves ended the solve."""
        return bool(self._words[END])

    def evaluations(self, number: int) -> int:
        """How often one of the four was evaluated."""
        return int(self._words[FIRST + WIDTH * number + 4])

    def seconds(self, number: int) -> float:
        """How long that took in all."""
        return float(self._words[FIRST + WIDTH * number + 5]) * 1e-9

    def values_at(self, x: np.ndarray) -> tuple[float, np.ndarray] | None:
        """f and c at a point if they were computed there last."""
        is_known = self._words[FIRST + 6] and np.array_equal(self._code.x, x)
        output = self._code.values.output
        return (float(output[0]), output[1:].copy()) if is_known else None


NAMES = ("objective", "constraints", "gradient", "jacobian", "hessian")


@cache
def engine() -> llvm.ExecutionEngine:
    """What owns the code of the callbacks."""
    run = ctypes.c_void_p(runner_address()).value
    text = TEXT.replace("CLOCK", str(CLOCKS[sys.platform])).replace("ROUTINE", f"inttoptr (i64 {run} to ptr)")
    return engine_of(text, host(), True)


TEXT = """
declare i32 @memcmp(ptr, ptr, i64)
declare i32 @clock_gettime(i32, ptr)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)

define internal i64 @now() {
  %time = alloca [2 x i64]
  %code = call i32 @clock_gettime(i32 CLOCK, ptr %time)
  %seconds = load i64, ptr %time
  %p.nano = getelementptr i64, ptr %time, i64 1
  %nano = load i64, ptr %p.nano
  %scaled = mul i64 %seconds, 1000000000
  %total = add i64 %scaled, %nano
  ret i64 %total
}

define internal i64 @word(ptr %state, i64 %place) {
  %p = getelementptr i64, ptr %state, i64 %place
  %value = load i64, ptr %p
  ret i64 %value
}

define internal void @set(ptr %state, i64 %place, i64 %value) {
  %p = getelementptr i64, ptr %state, i64 %place
  store i64 %value, ptr %p
  ret void
}

define internal void @increase(ptr %state, i64 %place, i64 %by) {
  %before = call i64 @word(ptr %state, i64 %place)
  %after = add i64 %before, %by
  call void @set(ptr %state, i64 %place, i64 %after)
  ret void
}

; copy `count` numbers
define internal void @copy(ptr %target, ptr %source, i64 %count) {
  %bytes = mul i64 %count, 8
  call void @llvm.memcpy.p0.p0.i64(ptr %target, ptr %source, i64 %bytes, i1 false)
  ret void
}

; make x the point at hand; what was computed elsewhere is forgotten
define internal void @move(ptr %state, ptr %x) {
  %n = call i64 @word(ptr %state, i64 0)
  %place = call i64 @word(ptr %state, i64 2)
  %mine = inttoptr i64 %place to ptr
  %bytes = mul i64 %n, 8
  %difference = call i32 @memcmp(ptr %mine, ptr %x, i64 %bytes)
  %is.same = icmp eq i32 %difference, 0
  br i1 %is.same, label %done, label %new
new:
  call void @copy(ptr %mine, ptr %x, i64 %n)
  call void @set(ptr %state, i64 14, i64 0)
  call void @set(ptr %state, i64 22, i64 0)
  call void @set(ptr %state, i64 30, i64 0)
  br label %done
done:
  ret void
}

; whether `count` numbers are all finite: 0 times anything else is nan
define internal i1 @finite(ptr %numbers, i64 %count) {
  br label %head
head:
  %i = phi i64 [ 0, %0 ], [ %next, %body ]
  %sum = phi double [ 0.0, %0 ], [ %sum.next, %body ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %body, label %done
body:
  %next = add i64 %i, 1
  %p = getelementptr double, ptr %numbers, i64 %i
  %number = load double, ptr %p
  %zero = fmul double %number, 0.0
  %sum.next = fadd double %sum, %zero
  br label %head
done:
  %is.finite = fcmp oeq double %sum, 0.0
  ret i1 %is.finite
}

; compute the routine at a place of the table, unless it was at this point; its output
define internal ptr @output(ptr %state, i64 %place) {
  %p.output = add i64 %place, 2
  %address = call i64 @word(ptr %state, i64 %p.output)
  %output = inttoptr i64 %address to ptr
  %p.known = add i64 %place, 6
  %known = call i64 @word(ptr %state, i64 %p.known)
  %is.known = icmp ne i64 %known, 0
  br i1 %is.known, label %done, label %compute
compute:
  %begin = call i64 @now()
  %steps.address = call i64 @word(ptr %state, i64 %place)
  %steps = inttoptr i64 %steps.address to ptr
  %p.count = add i64 %place, 1
  %count = call i64 @word(ptr %state, i64 %p.count)
  call void ROUTINE(i64 %count, ptr %steps)
  %end = call i64 @now()
  %spent = sub i64 %end, %begin
  %p.evaluations = add i64 %place, 4
  call void @increase(ptr %state, i64 %p.evaluations, i64 1)
  %p.spent = add i64 %place, 5
  call void @increase(ptr %state, i64 %p.spent, i64 %spent)
  call void @set(ptr %state, i64 %p.known, i64 1)
  %p.size = add i64 %place, 3
  %size = call i64 @word(ptr %state, i64 %p.size)
  %is.finite = call i1 @finite(ptr %output, i64 %size)
  br i1 %is.finite, label %good, label %bad
good:
  %is.values = icmp eq i64 %place, 8
  br i1 %is.values, label %reset, label %done
reset:
  call void @set(ptr %state, i64 6, i64 0)
  br label %done
bad:
  call void @increase(ptr %state, i64 5, i64 1)
  call void @increase(ptr %state, i64 6, i64 1)
  %refused = call i64 @word(ptr %state, i64 5)
  %patience = call i64 @word(ptr %state, i64 7)
  %is.many = icmp sgt i64 %refused, %patience
  %points = call i64 @word(ptr %state, i64 12)
  %accepted = sub i64 %points, %refused
  %fewest = mul i64 %accepted, %patience
  %tenfold = mul i64 %refused, 10
  %is.most = icmp sgt i64 %tenfold, %fewest
  %is.hopeless = and i1 %is.many, %is.most
  br i1 %is.hopeless, label %stop, label %done
stop:
  call void @set(ptr %state, i64 4, i64 1)
  br label %done
done:
  ret ptr %output
}

define internal i1 @going(ptr %state) {
  %end = call i64 @word(ptr %state, i64 4)
  %is.going = icmp eq i64 %end, 0
  ret i1 %is.going
}

; write rows and columns, three words of the table: entries, rows, columns
define internal void @structure(ptr %state, i64 %place, ptr %rows, ptr %columns) {
  %count = call i64 @word(ptr %state, i64 %place)
  %bytes = mul i64 %count, 4
  %p.rows = add i64 %place, 1
  %p.columns = add i64 %place, 2
  %rows.address = call i64 @word(ptr %state, i64 %p.rows)
  %columns.address = call i64 @word(ptr %state, i64 %p.columns)
  %from.rows = inttoptr i64 %rows.address to ptr
  %from.columns = inttoptr i64 %columns.address to ptr
  call void @llvm.memcpy.p0.p0.i64(ptr %rows, ptr %from.rows, i64 %bytes, i1 false)
  call void @llvm.memcpy.p0.p0.i64(ptr %columns, ptr %from.columns, i64 %bytes, i1 false)
  ret void
}

define zeroext i1 @objective(i32 %n, ptr %x, i8 zeroext %new, ptr %value, ptr %state) {
  call void @move(ptr %state, ptr %x)
  %output = call ptr @output(ptr %state, i64 8)
  call void @copy(ptr %value, ptr %output, i64 1)
  %going = call i1 @going(ptr %state)
  ret i1 %going
}

define zeroext i1 @constraints(i32 %n, ptr %x, i8 zeroext %new, i32 %m, ptr %values, ptr %state) {
  call void @move(ptr %state, ptr %x)
  %output = call ptr @output(ptr %state, i64 8)
  %rows = getelementptr double, ptr %output, i64 1
  %count = zext i32 %m to i64
  call void @copy(ptr %values, ptr %rows, i64 %count)
  %going = call i1 @going(ptr %state)
  ret i1 %going
}

define zeroext i1 @gradient(i32 %n, ptr %x, i8 zeroext %new, ptr %values, ptr %state) {
  call void @move(ptr %state, ptr %x)
  %output = call ptr @output(ptr %state, i64 16)
  %count = zext i32 %n to i64
  call void @copy(ptr %values, ptr %output, i64 %count)
  %going = call i1 @going(ptr %state)
  ret i1 %going
}

define zeroext i1 @jacobian(i32 %n, ptr %x, i8 zeroext %new, i32 %m, i32 %entries, ptr %rows, ptr %columns,
                            ptr %values, ptr %state) {
  %is.structure = icmp eq ptr %values, null
  br i1 %is.structure, label %places, label %numbers
places:
  call void @structure(ptr %state, i64 40, ptr %rows, ptr %columns)
  ret i1 true
numbers:
  call void @move(ptr %state, ptr %x)
  %output = call ptr @output(ptr %state, i64 24)
  %count = zext i32 %entries to i64
  call void @copy(ptr %values, ptr %output, i64 %count)
  %going = call i1 @going(ptr %state)
  ret i1 %going
}

define zeroext i1 @hessian(i32 %n, ptr %x, i8 zeroext %new, double %weight, i32 %m, ptr %multipliers,
                           i8 zeroext %new.multipliers, i32 %entries, ptr %rows, ptr %columns, ptr %values,
                           ptr %state) {
  %is.structure = icmp eq ptr %values, null
  br i1 %is.structure, label %places, label %numbers
places:
  call void @structure(ptr %state, i64 43, ptr %rows, ptr %columns)
  ret i1 true
numbers:
  call void @move(ptr %state, ptr %x)
  %place = call i64 @word(ptr %state, i64 3)
  %weights = inttoptr i64 %place to ptr
  store double %weight, ptr %weights
  %rest = getelementptr double, ptr %weights, i64 1
  %length = zext i32 %m to i64
  call void @copy(ptr %rest, ptr %multipliers, i64 %length)
  call void @set(ptr %state, i64 38, i64 0)
  %output = call ptr @output(ptr %state, i64 32)
  %count = zext i32 %entries to i64
  call void @copy(ptr %values, ptr %output, i64 %count)
  %going = call i1 @going(ptr %state)
  ret i1 %going
}
"""
