"""Chain machine code on fixed arrays: a routine runs at one address, from C too, without Python's lock."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from lagrad.compile.native.addresses import address
from lagrad.compile.native.element_loops import NativeSums
from lagrad.compile.native.machine import engine_of
from lagrad.compile.native.once import once
from lagrad.compile.native.products import Product, function
from lagrad.compile.native.target import host

# Arguments of a step; calling conventions of C let a function be given more than it takes.
ARGUMENTS = 16
# steps: for each, the address of a function and its arguments, all of them integers of 64 bits.
TEXT = """
define void @routine(i64 %count, ptr %steps) {{
  br label %head
head:
  %i = phi i64 [ 0, %0 ], [ %next, %body ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %body, label %done
body:
  %next = add i64 %i, 1
  %place = mul i64 %i, {width}
  %step = getelementptr i64, ptr %steps, i64 %place
  %function = load ptr, ptr %step
{loads}
  call void %function({arguments})
  br label %head
done:
  ret void
}}

declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)

define void @copy(i64 %bytes, ptr %source, ptr %target) {{
  call void @llvm.memcpy.p0.p0.i64(ptr %target, ptr %source, i64 %bytes, i1 false)
  ret void
}}
"""


@dataclass(frozen=True, eq=False)
class Routine:
    """Machine code that reads some arrays and writes another, always the same ones.

    Args:
        steps: functions and their arguments, shape (steps, 1 + ARGUMENTS), int64.
        output: what is written.
        kept: arrays whose addresses are in `steps`, and what owns the code.
        readers: functions (leaves of the params) that write what depends on these only.
    """

    steps: np.ndarray
    output: np.ndarray
    kept: tuple[Any, ...]
    readers: tuple[Callable[[Sequence[Any]], None], ...] = ()

    def __call__(self) -> np.ndarray:
        """Run it; the output."""
        runner()(len(self.steps), address(self.steps))
        return self.output

    def bind(self, leaves: Sequence[Any]) -> None:
        """Compute with other params from now on."""
        for read in self.readers:
            read(leaves)


def routine(
    parts: Sequence[Any], x: np.ndarray, weights: np.ndarray, leaves: Sequence[Any], room: int = 0
) -> Routine | None:
    """The values of several parts, one behind the other.

    Args:
        parts: callables (x, weights, leaves) -> values: NativeSums, or arrays of constants.
        x: what they read, contiguous.
        weights: likewise.
        leaves: leaves of the params, whose values now count.
        room: least size of the output.

    Returns:
        Routine; None if a part is no machine code.
    """
    steps: list[Sequence[int]] = []
    kept: list[Any] = [x, weights, *parts]
    readers: list[Callable[[Sequence[Any]], None]] = []
    found: list[np.ndarray] = []
    for part in parts:
        values = part if isinstance(part, np.ndarray) else None
        if isinstance(part, NativeSums):
            values = sums_steps(part, (x, weights), leaves, steps, kept, readers)
        if values is None:
            return None
        found.append(values)
    size = sum(values.size for values in found)
    is_alone = len(found) == 1 and isinstance(parts[0], NativeSums)
    if is_alone and size >= room:
        output = found[0]
    else:
        output = np.zeros(max(room, size))
        for values, end in zip(found, np.cumsum([values.size for values in found]), strict=True):
            steps.append(copying(values, output[end - values.size : end]))
    table = np.zeros((len(steps), 1 + ARGUMENTS), np.int64)
    for row, step in zip(table, steps, strict=True):
        row[: len(step)] = step
    return Routine(table, output, (*kept, *found), tuple(readers))


def sums_steps(
    sums: NativeSums,
    vectors: tuple[np.ndarray, np.ndarray],
    leaves: Sequence[Any],
    steps: list,
    kept: list,
    readers: list,
) -> np.ndarray | None:
    """Add the steps of what elements add up to; where its numbers will be, None if they are too many."""
    x, weights = vectors
    params = [] if sums.params is None else [np.array(each, order="C") for each in sums.params(leaves)]
    size, read = sums.sums.size, len(params) - len(sums.sums.fixed or {})
    start = sums.sums.start()
    if sums.params is not None:
        readers.append(partial(read_params, sums, params, start))
        readers[-1](leaves)
    numbers = np.empty_like(start)
    steps.append(copying(start, numbers))
    if sums.linear is not None:
        steps.append(adding(sums.linear, x, numbers))
    if sums.machine is not None:
        if 3 + 4 + read > ARGUMENTS:
            return None
        x_sums, weight_sums = (
            None if product is None else product_steps(product, vector, steps, kept)
            for product, vector in ((sums.x_sums, x), (sums.weight_sums, weights))
        )
        given = [x, x_sums, weights, weight_sums, *params[:read]]
        places = [0 if array is None else address(array) for array in given]
        machine = sums.machine
        loops = *machine.where, address(numbers)
        steps.append((pointer(machine.run), *loops, *places))
        kept += given
    if sums.behind is not None:
        steps.append(adding(sums.behind, numbers[size:], numbers))
    kept += [start, numbers]
    return numbers[:size]


def read_params(sums: NativeSums, params: list[np.ndarray], start: np.ndarray, leaves: Sequence[Any]) -> None:
    """Write what depends on params only: what loops read, and the sums' start."""
    assert sums.params is not None
    for array, value in zip(params, sums.params(leaves), strict=True):
        array[...] = value
    matrices = sums.sums.fixed
    if matrices:
        start[:] = sums.sums.start()
        for matrix, value in zip(matrices.values(), params[len(params) - len(matrices) :], strict=True):
            start[: sums.sums.size] += matrix @ value


def product_steps(product: Product, vector: np.ndarray, steps: list, kept: list) -> np.ndarray:
    """Add the steps of a product that starts from zero; where it comes to lie."""
    zeros, output = np.zeros(product.rows), np.empty(product.rows)
    steps += [copying(zeros, output), adding(product, vector, output)]
    kept += [zeros, output]
    return output


def copying(source: np.ndarray, target: np.ndarray) -> tuple[int, ...]:
    """The step that copies an array."""
    return copier(), source.nbytes, address(source), address(target)


def adding(product: Product, vector: np.ndarray, output: np.ndarray) -> tuple[int, ...]:
    """The step that adds a product to an array."""
    return pointer(function()), product.rows, *product.addresses, address(vector), address(output)


def pointer(function: Any) -> int:
    """Where a function's code lies."""
    return ctypes.c_void_p.from_buffer(function).value or 0


@once
def runner() -> Callable[..., None]:
    """The compiled function (number of steps, steps)."""
    return ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_void_p)(runner_address())


def runner_address() -> int:
    """Where the code of `runner` lies."""
    return engine().get_function_address("routine")


@once
def copier() -> int:
    """Where the code lies that copies (bytes, source, target)."""
    return engine().get_function_address("copy")


@once
def engine() -> llvm.ExecutionEngine:
    """What owns the code."""
    names = [f"%a{i}" for i in range(ARGUMENTS)]
    loads = [
        f"  %p{i} = getelementptr i64, ptr %step, i64 {i + 1}\n  {name} = load i64, ptr %p{i}"
        for i, name in enumerate(names)
    ]
    arguments = ", ".join(f"i64 {name}" for name in names)
    return engine_of(
        TEXT.format(width=1 + ARGUMENTS, loads="\n".join(loads), arguments=arguments), host(), True
    )
