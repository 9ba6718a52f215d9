"""Run a list of updates within one vector: each adds a multiple of one stretch of it to another.

    for target, factor, source, length in updates:
        v[target : target + length] += v[factor] * v[source : source + length]

Products of small matrices, forward and backward substitution and adding up are all written so, once; to
evaluate them is then one call of one function of machine code, the same for all problems.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import llvmlite.binding as llvm
import numpy as np
from numpy.typing import ArrayLike

from lagrad.compile.native.addresses import address
from lagrad.compile.native.machine import engine_of
from lagrad.compile.native.once import once
from lagrad.compile.native.target import host

ASSEMBLY = """
define void @axpys(i64 %count, ptr %updates, ptr %vector) {{
  br label %head
head:
  %k = phi i64 [ 0, %0 ], [ %k.next, %tail ]
  %more = icmp ult i64 %k, %count
  br i1 %more, label %begin, label %done
begin:
  %k.next = add i64 %k, 1
  %p = getelementptr <4 x i32>, ptr %updates, i64 %k
  %update = load <4 x i32>, ptr %p, align 4
  %wide = zext <4 x i32> %update to <4 x i64>
  %target = extractelement <4 x i64> %wide, i32 0
  %at.factor = extractelement <4 x i64> %wide, i32 1
  %source = extractelement <4 x i64> %wide, i32 2
  %length = extractelement <4 x i64> %wide, i32 3
  %p.factor = getelementptr double, ptr %vector, i64 %at.factor
  %factor = load double, ptr %p.factor
  %p.target = getelementptr double, ptr %vector, i64 %target
  %p.source = getelementptr double, ptr %vector, i64 %source
  %first = insertelement {register} poison, double %factor, i32 0
  %factors = shufflevector {register} %first, {register} %first, <{lanes} x i32> zeroinitializer
  %whole = and i64 %length, -{lanes}
  br label %registers
registers:
  %i = phi i64 [ 0, %begin ], [ %i.next, %register ]
  %full = icmp ult i64 %i, %whole
  br i1 %full, label %register, label %singles
register:
  %i.next = add i64 %i, {lanes}
  %r.target = getelementptr double, ptr %p.target, i64 %i
  %r.source = getelementptr double, ptr %p.source, i64 %i
  %r.before = load {register}, ptr %r.target, align 8
  %r.value = load {register}, ptr %r.source, align 8
  %r.product = fmul contract {register} %factors, %r.value
  %r.after = fadd contract {register} %r.before, %r.product
  store {register} %r.after, ptr %r.target, align 8
  br label %registers
singles:
  %j = phi i64 [ %whole, %registers ], [ %j.next, %single ]
  %left = icmp ult i64 %j, %length
  br i1 %left, label %single, label %tail
single:
  %j.next = add i64 %j, 1
  %s.target = getelementptr double, ptr %p.target, i64 %j
  %s.source = getelementptr double, ptr %p.source, i64 %j
  %s.before = load double, ptr %s.target
  %s.value = load double, ptr %s.source
  %s.product = fmul contract double %factor, %s.value
  %s.after = fadd contract double %s.before, %s.product
  store double %s.after, ptr %s.target
  br label %singles
tail:
  br label %head
done:
  ret void
}}
"""


@dataclass(frozen=True, eq=False)
class Axpys:
    """Updates of a vector, one after the other.

    Args:
        updates: target, factor, source and length of each, shape (count, 4), int32.

    >>> vector = np.array([2.0, 1.0, 3.0, 0.0, 0.0])
    >>> Axpys(np.array([[3, 0, 1, 2]], dtype=np.int32))(vector)
    >>> vector.tolist()
    [2.0, 1.0, 3.0, 2.0, 6.0]
    """

    updates: np.ndarray

    def __call__(self, vector: np.ndarray) -> None:
        """Run all of them on a contiguous vector."""
        function()(len(self.updates), address(self.updates), address(vector))


@dataclass
class Listing:
    """A list of updates in the making.

    Args:
        parts: updates, and the turn of each: those of a lower turn run first, in order within a turn.
    """

    parts: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)

    def add(
        self, target: ArrayLike, factor: ArrayLike, source: ArrayLike, length: ArrayLike, turn: ArrayLike
    ) -> None:
        """Add updates, given as arrays or numbers that fit together."""
        columns = np.broadcast_arrays(target, factor, source, length, turn)
        each = np.stack(columns, axis=-1).reshape(-1, 5)
        self.parts.append((each[:, :4], each[:, 4]))

    def finish(self) -> Axpys:
        """All updates in their order; those of nothing are left out."""
        updates = np.concatenate([np.zeros((0, 4), int), *(each for each, _ in self.parts)])
        turns = np.concatenate([np.zeros(0, int), *(turns for _, turns in self.parts)])
        order = np.argsort(turns, kind="stable")
        kept = order[updates[order, 3] > 0]
        return Axpys(np.ascontiguousarray(updates[kept], dtype=np.int32))


@dataclass
class Room:
    """Stretches of one vector, handed out one behind the other.

    Args:
        size: how much is taken.
    """

    size: int = 0

    def take(self, count: int) -> int:
        """Where a stretch of some numbers begins."""
        start, self.size = self.size, self.size + int(count)
        return start

    def take_each(self, counts: Sequence[int] | np.ndarray) -> np.ndarray:
        """Where each of several stretches begins."""
        counts = np.asarray(counts, dtype=np.int64)
        return self.take(int(counts.sum())) + np.cumsum(counts) - counts


def grid(*counts: np.ndarray) -> tuple[np.ndarray, ...]:
    """For each of several boxes, the places in it: which box, then a number along each axis.

    >>> [each.tolist() for each in grid(np.array([1, 2]), np.array([2, 1]))]
    [[0, 0, 1, 1], [0, 0, 0, 1], [0, 1, 0, 0]]
    """
    sizes = np.prod(np.stack(counts), axis=0)
    which = np.repeat(np.arange(sizes.size), sizes)
    flat = np.arange(which.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    found = []
    for count in reversed(counts):
        flat, place = np.divmod(flat, np.maximum(count[which], 1))
        found.append(place)
    return which, *reversed(found)


@once
def function() -> Callable[..., None]:
    """The compiled loop; the engine that owns it lives as long as the process."""
    signature = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)
    return signature(engine().get_function_address("axpys"))


@once
def engine() -> llvm.ExecutionEngine:
    """The machine code."""
    target = host()
    text = ASSEMBLY.format(lanes=target.lanes, register=f"<{target.lanes} x double>")
    return engine_of(text, target, False)
