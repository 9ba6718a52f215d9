"""Emission: loops and the constants they use in, LLVM assembly of one function out.

Elements are taken as many at a time as a register holds; the last ones overlap those before, so that there is
one body and no remainder. That is why the body only stores: results that are added to others wait in a
scratch of a few hundred elements, small enough for the nearest cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from lagrad.compile.native.code import Code, Value
from lagrad.compile.native.loops import Loop, Write
from lagrad.compile.native.rules import KINDS, RULES
from lagrad.compile.native.target import Target
from lagrad.elements.indices import Indices
from lagrad.program.program import Program

NAME = "loops"
# Numbers in scratch that stay in the nearest cache.
SCRATCH = 2048
SHORTEST_TILE = 64


def supports(program: Program, count: int) -> bool:
    """Whether every equation has a rule, on numbers and truths, one an element; numbers in, numbers out."""
    if not all(equation.name in RULES for equation in program.equations):
        return False
    if any(program.avals[i].dtype != float for i in (*program.inputs, *program.outputs)):
        return False
    used = {variable for equation in program.equations for variable in (*equation.inputs, *equation.outputs)}
    return all(
        program.avals[i].dtype in KINDS and program.size(i) in (1, count)
        for i in used.union(program.inputs, program.outputs)
    )


@dataclass
class Module:
    """Assembly of one function of several loops.

    Args:
        target: what it is for.
        arguments: number of input vectors.
        kept: arrays whose addresses are in the code.
    """

    target: Target
    arguments: int
    kept: list[np.ndarray] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    declared: set[str] = field(default_factory=set)

    def add(self, loop: Loop) -> None:
        """Add a function for one loop."""
        lanes = self.target.lanes if loop.count >= self.target.lanes else 1
        code = Code(self.target, lanes)
        emit(code, loop, self)
        name = f"loop{len(self.texts)}"
        self.texts.append(
            "\n".join([f"define internal void @{name}({self.signature()}) {{", *code.lines, "}"])
        )
        self.declared |= code.declared

    def signature(self) -> str:
        """Parameters of every function."""
        return ", ".join([*(f"ptr %a{i}" for i in range(self.arguments)), "ptr %out"])

    def address(self, array: np.ndarray) -> str:
        """A constant array as a pointer; it is kept alive."""
        self.kept.append(array)
        return f"inttoptr (i64 {array.ctypes.data} to ptr)"

    def text(self) -> str:
        """The whole module: one function that runs all loops."""
        calls = [f"  call void @loop{i}({self.signature()})" for i in range(len(self.texts))]
        entry = [f"define void @{NAME}({self.signature()}) {{", *calls, "  ret void", "}"]
        return "\n".join([*sorted(self.declared), *self.texts, *entry]) + "\n"


@dataclass(frozen=True)
class Tile:
    """Results of a stretch of elements, in scratch.

    Args:
        scratch: where they are.
        start: first element.
        stop: element after the last.
        total: where they are added up, if they are.
    """

    scratch: str
    start: str
    stop: str
    total: str | None


def emit(code: Code, loop: Loop, module: Module) -> None:
    """Write the loop over tiles: results of a tile, then what is added to others."""
    waiting = [write for write in loop.writes if waits(write, loop.count)]
    size = tile_size(len(waiting), loop.count, code.lanes)
    room = f"alloca [{size + code.lanes} x double], align 64"
    named = list(zip(loop.writes, loop.program.outputs, strict=True))
    rooms = {i: code.set(room, "s") for i in dict.fromkeys(i for write, i in named if write in waiting)}
    totals = {write: zeros(code) for write in waiting if is_total(write)}
    tiles = begin(code, "0", str(loop.count), size)
    stop = clamped(code, "umin", code.set(f"add i64 {tiles.index}, {size}"), loop.count)
    elements = begin(code, tiles.index, stop, code.lanes)
    element = clamped(code, "umin", elements.index, loop.count - code.lanes)
    within = code.set(f"sub i64 {element}, {tiles.index}")
    # The last register may begin before its tile: scratch has room for that in front.
    within = code.set(f"add i64 {within}, {code.lanes}")
    results = evaluate(code, loop, element, module)
    for write, variable in named:
        if write not in waiting:
            store(code, results[variable], place(code, "%out", write.indices, element))
    for variable, scratch in rooms.items():
        store(code, results[variable], code.address(scratch, within))
    end(code, elements)
    for write, variable in named:
        if write in waiting:
            settle(code, write, Tile(rooms[variable], tiles.index, stop, totals.get(write)), module)
    end(code, tiles)
    for write, total in totals.items():
        add_total(code, write, total)
    code.line("ret void")


def clamped(code: Code, bound: str, count: str, limit: int) -> str:
    """The smaller ("umin") or greater ("umax") of a count and a limit."""
    code.declared.add(f"declare i64 @llvm.{bound}.i64(i64, i64)")
    return code.set(f"call i64 @llvm.{bound}.i64(i64 {count}, i64 {limit})")


def is_total(write: Write) -> bool:
    """Whether all elements are added up in one entry."""
    return write.indices.listed is None and write.indices.stride == 0 and write.indices.size > 1


def zeros(code: Code) -> str:
    """Room for one register, set to zero."""
    room = code.set(f"alloca {code.wide('double')}, align 64", "s")
    store(code, code.number(0.0), room)
    return room


def add_total(code: Code, write: Write, total: str) -> None:
    """Add the lanes of a total to their entry of the output."""
    target = code.address("%out", str(write.indices.start))
    for lane in range(code.lanes):
        increase(code, target, code.address(total, str(lane)))


def increase(code: Code, target: str, source: str) -> None:
    """Add one number in memory to another."""
    before = code.set(f"load double, ptr {target}")
    number = code.set(f"load double, ptr {source}")
    code.line(f"store double {code.set(f'fadd double {before}, {number}')}, ptr {target}")


def waits(write: Write, count: int) -> bool:
    """Whether results go through scratch: all but a stretch of the output that is stored at once."""
    return write.adds or not write.is_whole(count) or not is_stretch(write.indices)


def is_stretch(indices: Indices) -> bool:
    """Whether the places follow one another."""
    return indices.listed is None and (indices.stride == 1 or indices.size == 1)


def tile_size(waiting: int, count: int, lanes: int) -> int:
    """Elements of a tile, a multiple of the lanes: all of them if nothing waits."""
    size = max(SCRATCH // waiting, SHORTEST_TILE) if waiting else count
    return -(-min(size, count) // lanes) * lanes


@dataclass(frozen=True)
class Counter:
    """A loop that was begun: the label of its head, its index and its step."""

    head: str
    index: str
    step: int


def begin(code: Code, start: str, stop: str, step: int) -> Counter:
    """Open `for index in range(start, stop, step)`."""
    head = code.name("b")[1:]
    index = f"%{head}.index"
    code.line(f"br label %{head}.enter")
    code.label(f"{head}.enter")
    code.line(f"br label %{head}")
    code.label(head)
    code.line(f"{index} = phi i64 [ {start}, %{head}.enter ], [ %{head}.next, %{head}.back ]")
    more = code.set(f"icmp ult i64 {index}, {stop}", "c")
    code.line(f"br i1 {more}, label %{head}.body, label %{head}.done")
    code.label(f"{head}.body")
    return Counter(head, index, step)


def end(code: Code, counter: Counter) -> None:
    """Close the innermost open loop."""
    head = counter.head
    code.line(f"br label %{head}.back")
    code.label(f"{head}.back")
    code.line(f"%{head}.next = add i64 {counter.index}, {counter.step}")
    code.line(f"br label %{head}")
    code.label(f"{head}.done")


def evaluate(code: Code, loop: Loop, element: str, module: Module) -> dict[int, Value]:
    """Output variables of the program for the elements of one register."""
    program, known = loop.program, {}
    for variable, read in zip(program.inputs, loop.reads, strict=True):
        known[variable] = load(code, f"%a{read.argument}", read.indices, element, module)
    for equation in program.equations:
        for variable in equation.inputs:
            if variable not in known:
                known[variable] = constant(code, program.constants[variable], element, module)
        operands = (known[variable] for variable in equation.inputs)
        known[equation.outputs[0]] = RULES[equation.name](code, equation.params, *operands)
    for variable in program.outputs:
        if variable not in known:
            known[variable] = constant(code, program.constants[variable], element, module)
    return {variable: known[variable] for variable in program.outputs}


def constant(code: Code, value: np.ndarray, element: str, module: Module) -> Value:
    """A number or an array of one number an element."""
    value = np.asarray(value)
    if value.size == 1:
        number = value.reshape(())[()]
        return code.truth(bool(number)) if value.dtype == bool else code.number(float(number))
    if value.dtype == bool:
        numbers = constant(code, value.astype(float), element, module)
        return code.binary("fcmp une", numbers, code.number(0.0), "i1")
    array = np.ascontiguousarray(value.reshape(-1))
    return load(code, module.address(array), Indices(array.size), element, module)


def load(code: Code, base: str, indices: Indices, element: str, module: Module) -> Value:
    """base[indices[element]], ... for the lanes of a register."""
    if indices.listed is not None:
        positions = module.address(np.ascontiguousarray(indices.listed, dtype=np.int64))
        return code.gathered([listed(code, base, positions, element, lane) for lane in range(code.lanes)])
    if indices.stride == 1 or indices.size < 2:
        return code.load(place(code, base, indices, element))
    if indices.stride == 0:
        number = code.set(f"load double, ptr {code.address(base, str(indices.start))}")
        return Value(splat(code, number), "double")
    first = place(code, base, indices, element)
    scalars = [
        code.set(f"load double, ptr {code.address(first, str(lane * indices.stride))}")
        for lane in range(code.lanes)
    ]
    return code.gathered(scalars)


def splat(code: Code, number: str) -> str:
    """A number in all lanes."""
    if code.lanes == 1:
        return number
    wide = code.wide("double")
    first = code.set(f"insertelement {wide} poison, double {number}, i32 0")
    return code.set(f"shufflevector {wide} {first}, {wide} poison, <{code.lanes} x i32> zeroinitializer")


def listed(code: Code, base: str, positions: str, element: str, lane: int) -> str:
    """One lane of base[positions[element]]."""
    where = code.set(f"add i64 {element}, {lane}")
    position = code.set(f"load i64, ptr {code.address(positions, where, 'i64')}")
    return code.set(f"load double, ptr {code.address(base, position)}")


def place(code: Code, base: str, indices: Indices, element: str) -> str:
    """Address of a progression's entry for one element."""
    stride = indices.stride if indices.size > 1 else 0
    offset = element if stride == 1 else code.set(f"mul i64 {element}, {stride}")
    return code.address(base, code.set(f"add i64 {offset}, {indices.start}"))


def store(code: Code, value: Value, address: str) -> None:
    """Write a register."""
    code.line(f"store {code.wide('double')} {value.text}, ptr {address}, align 8")


def settle(code: Code, write: Write, tile: Tile, module: Module) -> None:
    """Bring a tile's results from scratch to their places: by registers where those are a stretch."""
    single, start, stop = code.single(), tile.start, tile.stop
    if write.first:
        start = clamped(code, "umax", start, write.first)
        stop = clamped(code, "umax", stop, write.first)
    start, stop = (clamped(code, "umin", each, write.first + write.indices.size) for each in (start, stop))
    middle = start
    if code.lanes > 1 and (tile.total or is_stretch(write.indices)):
        length = code.set(f"sub i64 {stop}, {start}")
        middle = code.set(f"add i64 {start}, {code.set(f'and i64 {length}, {-code.lanes}')}")
        bring(code, code.lanes, write, tile, start, middle, module)
    single.count = code.count
    bring(single, code.lanes, write, tile, middle, stop, module)
    code.count = single.count


def bring(code: Code, offset: int, write: Write, tile: Tile, start: str, stop: str, module: Module) -> None:
    """Bring the results from `start` to `stop`, as many at a time as the code has lanes."""
    counter = begin(code, start, stop, code.lanes)
    within = code.set(f"sub i64 {counter.index}, {tile.start}")
    within = code.set(f"add i64 {within}, {offset}")
    number = code.load(code.address(tile.scratch, within))
    element = code.set(f"sub i64 {counter.index}, {write.first}") if write.first else counter.index
    where = tile.total or destination(code, write.indices, element, module)
    if write.adds:
        number = code.binary("fadd", code.load(where), number)
    store(code, number, where)
    end(code, counter)


def destination(code: Code, indices: Indices, element: str, module: Module) -> str:
    """Address of the output's entry for one element."""
    if indices.listed is None:
        return place(code, "%out", indices, element)
    positions = module.address(np.ascontiguousarray(indices.listed, dtype=np.int64))
    position = code.set(f"load i64, ptr {code.address(positions, element, 'i64')}")
    return code.address("%out", position)


def assembly(loops: Sequence[Loop], arguments: int, target: Target) -> Module:
    """The module of several loops that run one after the other.

    Args:
        loops: what to compute.
        arguments: number of input vectors.
        target: the processor.

    Returns:
        Module.
    """
    module = Module(target, arguments)
    for loop in loops:
        module.add(loop)
    return module
