"""Multiply vectors with sparse matrices in machine code: constant ones, and triplets as they come.

SciPy's product costs ten microseconds before it does anything; this one costs two. NumPy takes four passes
over triplets, here they are taken as they are, in one.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import llvmlite.binding as llvm
import numpy as np
import scipy.sparse as sp

from lagrad.compile.native.addresses import address
from lagrad.compile.native.machine import engine_of
from lagrad.compile.native.once import once
from lagrad.compile.native.target import host

# output[i] += sum of data[k] * vector[columns[k]] for k in starts[i] ... starts[i + 1] - 1
ASSEMBLY = """
define void @product(i64 %rows, ptr %starts, ptr %columns, ptr %data, ptr %vector, ptr %output) {
  br label %row
row:
  %i = phi i64 [ 0, %0 ], [ %i.next, %row.end ]
  %more.rows = icmp ult i64 %i, %rows
  br i1 %more.rows, label %row.begin, label %done
row.begin:
  %i.next = add i64 %i, 1
  %p.start = getelementptr i32, ptr %starts, i64 %i
  %p.stop = getelementptr i32, ptr %starts, i64 %i.next
  %start.short = load i32, ptr %p.start
  %stop.short = load i32, ptr %p.stop
  %start = zext i32 %start.short to i64
  %stop = zext i32 %stop.short to i64
  %p.output = getelementptr double, ptr %output, i64 %i
  %before = load double, ptr %p.output
  br label %entry
entry:
  %k = phi i64 [ %start, %row.begin ], [ %k.next, %entry.body ]
  %sum = phi double [ %before, %row.begin ], [ %sum.next, %entry.body ]
  %more.entries = icmp ult i64 %k, %stop
  br i1 %more.entries, label %entry.body, label %row.end
entry.body:
  %k.next = add i64 %k, 1
  %p.column = getelementptr i32, ptr %columns, i64 %k
  %column.short = load i32, ptr %p.column
  %column = zext i32 %column.short to i64
  %p.data = getelementptr double, ptr %data, i64 %k
  %number = load double, ptr %p.data
  %p.vector = getelementptr double, ptr %vector, i64 %column
  %factor = load double, ptr %p.vector
  %term = fmul contract double %number, %factor
  %sum.next = fadd contract double %sum, %term
  br label %entry
row.end:
  store double %sum, ptr %p.output
  br label %row
done:
  ret void
}

; output[rows[k]] += values[k] * vector[columns[k]], or 0 where the vector is 0
define void @triplets(i64 %count, ptr %rows, ptr %columns, ptr %values, ptr %vector, ptr %output) {
  br label %head
head:
  %k = phi i64 [ 0, %0 ], [ %k.next, %body ]
  %more = icmp ult i64 %k, %count
  br i1 %more, label %body, label %done
body:
  %k.next = add i64 %k, 1
  %p.row = getelementptr i32, ptr %rows, i64 %k
  %row.short = load i32, ptr %p.row
  %row = zext i32 %row.short to i64
  %p.column = getelementptr i32, ptr %columns, i64 %k
  %column.short = load i32, ptr %p.column
  %column = zext i32 %column.short to i64
  %p.value = getelementptr double, ptr %values, i64 %k
  %value = load double, ptr %p.value
  %p.vector = getelementptr double, ptr %vector, i64 %column
  %factor = load double, ptr %p.vector
  %product = fmul double %value, %factor
  %is.left.out = fcmp oeq double %factor, 0.0
  %term = select i1 %is.left.out, double 0.0, double %product
  %p.output = getelementptr double, ptr %output, i64 %row
  %before = load double, ptr %p.output
  %after = fadd double %before, %term
  store double %after, ptr %p.output
  br label %head
done:
  ret void
}
"""


class Product:
    """Multiplies contiguous float64 vectors with a constant matrix.

    Args:
        matrix: shape (m, n), fewer than 2**31 entries.

    >>> Product(sp.csr_array([[1.0, 2.0], [0.0, 3.0]]))(np.array([1.0, 1.0]))
    array([3., 3.])
    """

    def __init__(self, matrix: sp.csr_array):
        self.rows = matrix.shape[0]
        # What these hold is what the addresses point at.
        self.arrays = (
            np.ascontiguousarray(matrix.indptr, dtype=np.int32),
            np.ascontiguousarray(matrix.indices, dtype=np.int32),
            np.ascontiguousarray(matrix.data, dtype=np.float64),
        )
        self.addresses = tuple(address(array) for array in self.arrays)

    def __call__(self, vector: np.ndarray) -> np.ndarray:
        """matrix @ vector, a new array."""
        output = np.zeros(self.rows)
        self.add(vector, output)
        return output

    def add(self, vector: np.ndarray, output: np.ndarray) -> None:
        """output[:m] += matrix @ vector."""
        function()(self.rows, *self.addresses, address(vector), address(output))


def triplets_times(
    entries: tuple[np.ndarray, np.ndarray], values: np.ndarray, vector: np.ndarray, size: int
) -> np.ndarray:
    """Product of the matrix of some triplets with a vector, whatever entries its zeros meet.

    Args:
        entries: row and column of each, shape (k,).
        values: of each; entries at the same place are summed.
        vector: at least as long as the columns say.
        size: number of rows.

    Returns:
        A new array, shape (size,).

    >>> entries, values = (np.array([0, 1, 1]), np.array([0, 0, 1])), np.array([2.0, 3.0, np.inf])
    >>> triplets_times(entries, values, np.array([1.0, 0.0]), 2)
    array([2., 3.])
    """
    arrays = (
        *(np.ascontiguousarray(indices, np.int32) for indices in entries),
        np.ascontiguousarray(values, float),
        np.ascontiguousarray(vector, float),
    )
    output = np.zeros(size)
    of_triplets()(len(arrays[0]), *map(address, arrays), address(output))
    return output


@once
def function() -> Callable[..., None]:
    """The compiled product with a constant matrix; the engine that owns it lives as long as the process."""
    return callable_of("product")


@once
def of_triplets() -> Callable[..., None]:
    """The compiled product with triplets."""
    return callable_of("triplets")


def callable_of(name: str) -> Callable[..., None]:
    """A function of the module, which takes a number and five arrays."""
    signature = ctypes.CFUNCTYPE(None, ctypes.c_int64, *[ctypes.c_void_p] * 5)
    return signature(engine_of_products().get_function_address(name))


@once
def engine_of_products() -> llvm.ExecutionEngine:
    """The machine code."""
    return engine_of(ASSEMBLY, host(), False)
