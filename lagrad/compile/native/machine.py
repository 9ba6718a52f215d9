"""Compile loops to machine code that runs on NumPy arrays.

Compiled by LLVM for the processor at hand in milliseconds; a call costs a few microseconds and holds no lock
of the interpreter. What has the same text is compiled once in a process.
"""

from __future__ import annotations

import ctypes
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import llvmlite.binding as llvm
import numpy as np

from lagrad.compile.native.addresses import address
from lagrad.compile.native.emission import function
from lagrad.compile.native.functions import SIGNATURE, Function
from lagrad.compile.native.loops import Loop
from lagrad.compile.native.once import once
from lagrad.compile.native.pieces import PARAMETERS, PIECE
from lagrad.compile.native.target import Target, host

# Functions whose machine code is kept for the next problem.
MOST_KEPT = 4096


@dataclass(frozen=True, eq=False)
class Compiled:
    """A loop as machine code.

    Args:
        address: of its function.
        engine: what owns the code.
    """

    address: int
    engine: llvm.ExecutionEngine


@dataclass(frozen=True, eq=False)
class Machine:
    """Compiled loops over float64 vectors that write one float64 vector.

    Args:
        run: the entry point.
        steps: function and table of each loop, shape (loops, 2).
        where: their number and address.
        kept: what owns the code, the tables, and arrays whose addresses are in these.
    """

    run: Callable[..., None]
    steps: np.ndarray
    where: tuple[int, int]
    kept: tuple

    def __call__(self, output: np.ndarray, *arguments: np.ndarray | None) -> None:
        """Run all loops.

        Args:
            output: where results go, contiguous.
            arguments: contiguous float64 vectors, at least as long as the loops read; None where they do not.
        """
        given = [None if array is None else address(array) for array in arguments]
        self.run(*self.where, address(output), *given)


@dataclass(eq=False)
class CodeCache:
    """Machine code of this process by what it computes.

    Args:
        found: key of a function -> its code, the one used last at the end.
        lock: held while it changes.
    """

    found: OrderedDict[bytes, Compiled]
    lock: threading.Lock

    def get(self, key: bytes) -> Compiled | None:
        """Code of a key, if it is there."""
        with self.lock:
            if key in self.found:
                self.found.move_to_end(key)
            return self.found.get(key)

    def put(self, found: dict[bytes, Compiled]) -> None:
        """Keep code; what was not used for longest goes."""
        with self.lock:
            self.found |= found
            while len(self.found) > MOST_KEPT:
                self.found.popitem(last=False)


CACHE = CodeCache(OrderedDict(), threading.Lock())


def machines(groups: Sequence[tuple[Sequence[Loop], int]], target: Target | None = None) -> list[Machine]:
    """Compile several groups of loops, all in one module.

    Args:
        groups: for each machine its loops and the number of its input vectors.
        target: what to compile for; this processor if not given.

    Returns:
        Machines in the same order.
    """
    target = target or host()
    written = functions_of(groups, target)
    return all_assembled(groups, written, compiled(flat(written), target), target)


def begin(groups: Sequence[tuple[Sequence[Loop], int]]) -> Callable[[], list[Machine]]:
    """Write several groups of loops, and have them compiled by a thread while something else is done.

    Args:
        groups: as `machines` takes them.

    Returns:
        What waits for the thread and gives the machines.
    """
    target = host()
    written = functions_of(groups, target)
    # LLVM holds no lock of the interpreter, only one of its own.
    pool = ThreadPoolExecutor(1)
    code = pool.submit(compiled, flat(written), target)
    pool.shutdown(wait=False)
    return lambda: all_assembled(groups, written, code.result(), target)


def functions_of(groups: Sequence[tuple[Sequence[Loop], int]], target: Target) -> list[list[Function]]:
    """Every loop of every group, written; what several groups have, once."""
    written = {id(loop): loop for loops, _ in groups for loop in loops}
    found = {number: function(loop, target) for number, loop in written.items()}
    return [[found[id(loop)] for loop in loops] for loops, _ in groups]


def flat(written: Sequence[Sequence[Function]]) -> list[Function]:
    """The functions of all groups."""
    return [made for functions in written for made in functions]


def all_assembled(
    groups: Sequence[tuple[Sequence[Loop], int]],
    written: Sequence[Sequence[Function]],
    code: dict[bytes, Compiled],
    target: Target,
) -> list[Machine]:
    """The machine of each group."""
    return [
        assembled(functions, code, count, target)
        for functions, (_, count) in zip(written, groups, strict=True)
    ]


def machine(loops: Sequence[Loop], arguments: int, target: Target | None = None) -> Machine:
    """Compile loops.

    Args:
        loops: what to compute, one after the other.
        arguments: number of input vectors.
        target: what to compile for; this processor if not given.

    Returns:
        Machine.
    """
    return machines([(loops, arguments)], target)[0]


def assembled(
    functions: Sequence[Function], code: dict[bytes, Compiled], arguments: int, target: Target
) -> Machine:
    """The callable of several functions, each with its table."""
    tables = [np.array(made.table, dtype=np.int64) for made in functions]
    parts = [code[made.key] for made in functions]
    steps = [(part.address, address(table)) for part, table in zip(parts, tables, strict=True)]
    kept = [array for made in functions for array in made.kept]
    words = np.array(steps, dtype=np.int64).reshape(-1, 2)
    where = len(words), address(words)
    return Machine(
        runner(arguments, target), words, where, (*(part.engine for part in parts), *tables, *kept)
    )


def compiled(functions: Sequence[Function], target: Target) -> dict[bytes, Compiled]:
    """Machine code by key; what is new is compiled, all that is worth the same effort in one module."""
    wanted = {made.key: made for made in functions}
    found = {key: CACHE.get(key) for key in wanted}
    for quick in (True, False):
        missing = {
            key: wanted[key]
            for key, known in found.items()
            if known is None and wanted[key].is_quick is quick
        }
        if missing:
            found |= module(missing, target, quick)
    return {key: each for key, each in found.items() if each is not None}


def module(functions: dict[bytes, Function], target: Target, quick: bool) -> dict[bytes, Compiled]:
    """Machine code of several functions, which is kept for others."""
    names = {key: f"loop{number}" for number, key in enumerate(functions)}
    declared = sorted(set().union(*(made.declared for made in functions.values())))
    texts = [definition(made, names[key]) for key, made in functions.items()]
    engine = engine_of("\n".join([*declared, *texts]), target, quick)
    new = {key: Compiled(engine.get_function_address(name), engine) for key, name in names.items()}
    CACHE.put(new)
    return new


def definition(made: Function, name: str) -> str:
    """A function and its pieces under a name."""
    pieces = [
        f"define internal void @{name}.{number}({PARAMETERS}) {{\n{body}\n}}"
        for number, body in enumerate(made.pieces)
    ]
    text = "\n".join([*pieces, f"define void @{name}({SIGNATURE}) {{\n{made.text}\n}}"])
    return text.replace(PIECE.format(""), f"@{name}.")


def engine_of(text: str, target: Target, quick: bool) -> llvm.ExecutionEngine:
    """Machine code of a module."""
    # The assembly is vectorised and free of repetition: passes over it cost more time than they gain.
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(text), target.machine(quick=quick))
    engine.finalize_object()
    return engine


@once
def runner(arguments: int, target: Target) -> Callable[..., None]:
    """A function (number of loops, loops, output, *arguments) that runs one loop after the other."""
    parameters = ", ".join(f"ptr %a{i}" for i in range(arguments))
    stores = [
        f"  %p{i} = getelementptr ptr, ptr %given, i64 {i}\n  store ptr %a{i}, ptr %p{i}"
        for i in range(arguments)
    ]
    engine = engine_of(
        RUN.format(parameters=parameters, room=arguments, stores="\n".join(stores)), target, True
    )
    signature = ctypes.CFUNCTYPE(None, ctypes.c_int64, *[ctypes.c_void_p] * (arguments + 2))
    run = signature(engine.get_function_address("run"))
    ENGINES.append(engine)
    return run


# What owns the code of runners lives as long as the process.
ENGINES: list[llvm.ExecutionEngine] = []
RUN = """
define void @run(i64 %count, ptr %steps, ptr %out, {parameters}) {{
  %given = alloca [{room} x ptr]
{stores}
  br label %head
head:
  %i = phi i64 [ 0, %0 ], [ %next, %body ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %body, label %done
body:
  %next = add i64 %i, 1
  %twice = mul i64 %i, 2
  %p.function = getelementptr i64, ptr %steps, i64 %twice
  %p.table = getelementptr i64, ptr %p.function, i64 1
  %function = load ptr, ptr %p.function
  %table = load ptr, ptr %p.table
  call void %function(ptr %table, ptr %given, ptr %out)
  br label %head
done:
  ret void
}}
"""
