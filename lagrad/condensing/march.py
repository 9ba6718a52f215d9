"""Run the steps of a loop one after the other in machine code."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass

import llvmlite.binding as llvm
import numpy as np

from lagrad.compile.deferred import Deferred, ready
from lagrad.compile.native.addresses import address
from lagrad.compile.native.emission import supports
from lagrad.compile.native.loops import Loop, Read, Write
from lagrad.compile.native.machine import Machine, engine_of
from lagrad.compile.native.once import once
from lagrad.compile.native.target import host
from lagrad.elements.classification import Classification, Kind, read
from lagrad.elements.expand import expanded
from lagrad.elements.indices import Indices
from lagrad.elements.kernels import Kernels, Leaf
from lagrad.elements.recording import Recording, added
from lagrad.elements.tape import INPUT, Tape
from lagrad.program.program import Program
from lagrad.program.recurrence import Recurrence

# Operations of a step; beyond, its derivatives would take too many anyway.
LONGEST = 20_000

# given[0] = z + k size; given[1] = shared; given[2] = own + k width; function(table, given, z + (k + 1) size)
ASSEMBLY = """
define void @march(i64 %steps, ptr %step, ptr %z, i64 %size, ptr %shared, ptr %own, i64 %width) {
  %function = load ptr, ptr %step
  %p.table = getelementptr i64, ptr %step, i64 1
  %table = load ptr, ptr %p.table
  %given = alloca [3 x ptr]
  %p.shared = getelementptr ptr, ptr %given, i64 1
  %p.own = getelementptr ptr, ptr %given, i64 2
  store ptr %shared, ptr %p.shared
  br label %head
head:
  %k = phi i64 [ 0, %0 ], [ %next, %body ]
  %state = phi ptr [ %z, %0 ], [ %following, %body ]
  %row = phi ptr [ %own, %0 ], [ %row.next, %body ]
  %more = icmp ult i64 %k, %steps
  br i1 %more, label %body, label %done
body:
  %next = add i64 %k, 1
  %following = getelementptr double, ptr %state, i64 %size
  %row.next = getelementptr double, ptr %row, i64 %width
  store ptr %state, ptr %given
  store ptr %row, ptr %p.own
  call void %function(ptr %table, ptr %given, ptr %following)
  br label %head
done:
  ret void
}
"""


@dataclass(frozen=True, eq=False)
class March:
    """The steps of a loop.

    Args:
        recurrence: the loop.
        machine: code of one step; None without steps.
    """

    recurrence: Recurrence
    machine: Machine | None

    def __call__(self, states: np.ndarray, operands: np.ndarray) -> None:
        """Fill in all states.

        Args:
            states: of all loops, contiguous.
            operands: first state, what steps share, own of every step.
        """
        loop = self.recurrence
        states[loop.first : loop.first + loop.size] = operands[: loop.size]
        if self.machine is None:
            return
        z, shared = address(states) + 8 * loop.first, address(operands) + 8 * loop.size
        own = shared + 8 * loop.shared
        function()(loop.length, address(self.machine.steps), z, loop.size, shared, own, loop.own)


def march(recurrence: Recurrence) -> Deferred[March] | None:
    """Code of the steps of a loop.

    Args:
        recurrence: the loop.

    Returns:
        What waits to be compiled; None if a step has an equation that machine code has no rule for.

    Raises:
        TooLong: a step has too many operations.
    """
    if recurrence.step is None:
        return ready(March(recurrence, None))
    tape = Tape(1, LONGEST)
    nodes = recorded(tape, recurrence.step)
    if nodes is None or not supports(tape, nodes):
        return None
    stops = np.cumsum([recurrence.size, recurrence.shared])
    reads = {}
    for node, operation in enumerate(tape.operations):
        if operation.name == INPUT:
            place = operation.params["name"]
            part = int(np.searchsorted(stops, place, side="right"))
            reads[node] = Read(part, Indices(1, place - int((0, *stops)[part])))
    # The code of a step reads the state, what steps share, and what the step has of its own.
    writes = tuple((node, Write(Indices(1, place))) for place, node in enumerate(nodes))
    loops = [Loop(tape, reads, writes)]
    return Deferred((), ((loops, 3),), lambda done, made: March(recurrence, made[0]))


def recorded(tape: Tape, step: Program) -> list[int] | None:
    """Nodes of the next state, by the numbers that a step takes; None if something has no kernel."""
    classification = read(step)
    if (wider := expanded(step, classification.values)) is not None:
        classification = read(wider)
    result = classification.program.outputs[1]
    if classification.kinds[result] < Kind.AFFINE:
        return None
    recording, pieces, found = Recording(tape, classification, {}, False), Kernels(classification)[result], []
    for place in range(classification.program.size(result)):
        kernel = pieces.at(Indices(1, place))
        if kernel is None:
            return None
        recording.nodes |= {key: affine(tape, classification, leaf) for key, leaf in kernel.leaves.items()}
        found.append(recording.node(result, Indices(1, place)))
    return found


def affine(tape: Tape, classification: Classification, leaf: Leaf) -> int:
    """The node of one affine number."""
    row = classification.form_at(leaf.variable, leaf.indices).to_scipy()
    terms = [
        tape.times(tape.constant(float(factor)), tape.input(int(place)))
        for place, factor in zip(row.indices, row.data, strict=True)
    ]
    return added(tape, terms, classification.offset_at(leaf.variable, leaf.indices))


@once
def function() -> Callable[..., None]:
    """The compiled walk; the engine that owns it lives as long as the process."""
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    signature = ctypes.CFUNCTYPE(None, number, pointer, pointer, number, pointer, pointer, number)
    return signature(engine().get_function_address("march"))


@once
def engine() -> llvm.ExecutionEngine:
    """The machine code."""
    return engine_of(ASSEMBLY, host(), False)
