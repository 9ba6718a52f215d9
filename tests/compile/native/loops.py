"""Loops of JAX functions, and what they must write by plain Python: the oracle of machine code."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import numpy as np

from lagrad.compile.native.loops import Loop, Read, Write
from lagrad.compile.native.machine import machine
from lagrad.compile.native.target import Target
from lagrad.elements.tape import Tape
from lagrad.elements.tape_evaluation import write
from lagrad.precision import float64


def loop_of(fun: Callable, reads: Sequence[Read], writes: Sequence[Write]) -> Loop:
    """fun(*arrays) -> list of arrays, as a loop."""
    tape = Tape(reads[0].indices.size)
    inputs = [tape.input(number) for number in range(len(reads))]
    shapes = [jax.ShapeDtypeStruct((tape.count,), float) for _ in reads]
    with float64():
        results = write(tape, fun, inputs, shapes)
    return Loop(tape, dict(zip(inputs, reads, strict=True)), tuple(zip(results, writes, strict=True)))


def run(
    loops: Sequence[Loop], output: np.ndarray, *arguments: np.ndarray, target: Target | None = None
) -> np.ndarray:
    """The output after the loops ran on a copy of it."""
    found = output.copy()
    machine(loops, len(arguments), target)(found, *arguments)
    return found


def expected(fun: Callable, loop: Loop, output: np.ndarray, *arguments: np.ndarray) -> np.ndarray:
    """The same, one element after the other."""
    inputs = [arguments[read.argument][read.indices.array] for read in loop.reads.values()]
    with float64():
        results = [np.asarray(result) for result in fun(*inputs)]
    found = output.copy()
    for (_, where), result in zip(loop.writes, results, strict=True):
        for k, place in enumerate(where.indices.array):
            number = np.broadcast_to(result, (loop.count,))[where.first + k]
            found[place] = found[place] + number if where.adds else number
    return found
