"""Machine: loops in, a callable that runs them on NumPy arrays out.

Compiled by LLVM for the processor at hand in milliseconds; a call costs a few microseconds and holds no lock
of the interpreter.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import llvmlite.binding as llvm
import numpy as np

from lagrad.compile.native.emission import NAME, assembly
from lagrad.compile.native.loops import Loop
from lagrad.compile.native.target import Target, host

# Elements times equations below which a call takes longer than what it computes.
LITTLE_WORK = 50_000


@dataclass(frozen=True, eq=False)
class Machine:
    """A compiled function of float64 vectors that writes one float64 vector.

    Args:
        function: the entry point.
        kept: the engine that owns the code, and arrays whose addresses are in it.
    """

    function: Callable[..., None]
    kept: tuple

    def __call__(self, output: np.ndarray, *arguments: np.ndarray | None) -> None:
        """Run all loops.

        Args:
            output: where results go, contiguous.
            arguments: contiguous float64 vectors, at least as long as the loops read; None where they do not.
        """
        given = [None if array is None else array.ctypes.data for array in arguments]
        self.function(*given, output.ctypes.data)


def machine(loops: Sequence[Loop], arguments: int, target: Target | None = None) -> Machine:
    """Compile loops.

    Args:
        loops: what to compute, one after the other.
        arguments: number of input vectors.
        target: what to compile for; this processor if not given.

    Returns:
        Machine.
    """
    target = target or host()
    written = assembly(loops, arguments, target)
    work = sum(loop.count * len(loop.program.equations) for loop in loops)
    generator = target.machine(quick=work < LITTLE_WORK)
    # The assembly is vectorised and free of repetition: passes over it cost more time than they gain.
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(written.text()), generator)
    engine.finalize_object()
    signature = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (arguments + 1))
    function = signature(engine.get_function_address(NAME))
    return Machine(function, (engine, generator, *written.kept))
