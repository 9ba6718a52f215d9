"""Write loops as LLVM assembly: the text of one function, and a table of what it is called with.

Elements are taken as many at a time as a register holds; the last ones overlap those before, so that there is
one body and no remainder. That is why the body only stores: results that are added to others wait in a
scratch of a few hundred elements, small enough for the nearest cache.

The text says what is computed, the table how often and where: numbers of elements, places, addresses, and
constants that are not small. Loops of equal text share their machine code.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from hashlib import blake2b
from typing import Any

import numpy as np

from lagrad.compile.native.addresses import address
from lagrad.compile.native.code import Code, Value
from lagrad.compile.native.counters import begin, clamped, end
from lagrad.compile.native.gathering import listed, strided
from lagrad.compile.native.loops import Loop, Write
from lagrad.compile.native.pieces import LONGEST_BODY, PIECE, cut
from lagrad.compile.native.repeating import WORK, Workspace, pieces_of
from lagrad.compile.native.rules import KINDS, RULES
from lagrad.compile.native.settling import record
from lagrad.compile.native.shared import shared
from lagrad.compile.native.target import Target
from lagrad.elements.chain import Chain
from lagrad.elements.indices import Indices
from lagrad.elements.tape import CHAIN, CONSTANT, ENTRY, INPUT, Tape

SIGNATURE = "ptr %table, ptr %arguments, ptr %out"
# Loops over more elements than this are worth a better choice of instructions and registers: code that is
# faster by a tenth takes five times as long to make, 0.1 ms more an operation, on Skylake.
MANY_ELEMENTS = 4096
# Loops over fewer call what gathers a register: those of a network of 118 buses compile in less than half the
# time, and run as fast to 2 %. In longer ones calls cost up to a quarter of the time to run.
FEW_ELEMENTS = 2048
# Up to so many, constants are in the table, so that all of a body is within reach of LLVM's quick choice of
# instructions, which takes a third of the time. With more, code that is slower by up to a quarter shows.
FEWEST_TO_RUN_FAST = 512
# Numbers in scratch that stay in the nearest cache.
SCRATCH = 2048
SHORTEST_TILE = 64
# Constants up to this size with few binary digits are part of the text.
LARGEST_LITERAL, DIGITS = 64.0, 8.0


def supports(tape: Tape, nodes: Sequence[int], known: Iterable[int] = ()) -> bool:
    """Whether every operation behind some nodes has a rule, on numbers and truths; numbers come out.

    Args:
        tape: what was recorded.
        nodes: results.
        known: nodes that are read from memory.
    """
    if any(tape.operations[node].dtype != float for node in nodes):
        return False
    for node in tape.needed(nodes, known):
        operation = tape.operations[node]
        if operation.dtype not in KINDS or (operation.name == INPUT and operation.dtype != float):
            return False
        if operation.name == CHAIN:
            chain = operation.params["chain"]
            steps = [*chain.results, *chain.slopes.values(), *chain.curvature.values()]
            if not supports(chain.step, steps):
                return False
        elif operation.name not in RULES and operation.name not in (INPUT, CONSTANT, ENTRY):
            return False
    return True


@dataclass(eq=False)
class Function:
    """One loop as a function.

    Args:
        text: its body.
        pieces: bodies of the functions that it calls.
        declared: external functions that it calls, as declarations.
        table: 64-bit words that it is called with.
        kept: arrays whose addresses are in the table.
        entry: lines with which it begins.
        count: number of elements.
        target: the processor.
        chains: what of a chain is computed -> number of the piece that does so.
        gatherers: name of a function that gathers -> pointer to it.
        numbers: constant that the operations themselves take -> its place in the table, once for each lane.
    """

    count: int
    target: Target
    text: str = ""
    pieces: list[str] = field(default_factory=list)
    declared: set[str] = field(default_factory=set)
    table: list[int] = field(default_factory=list)
    kept: list[np.ndarray] = field(default_factory=list)
    entry: list[str] = field(default_factory=list)
    chains: dict[tuple[Chain, str], int] = field(default_factory=dict)
    gatherers: dict[str, str] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)

    @property
    def is_quick(self) -> bool:
        """Whether code is wanted soon rather than fast."""
        return self.count < MANY_ELEMENTS

    @cached_property
    def key(self) -> bytes:
        """Equal for what compiles to the same machine code; read when all is written."""
        text = "\0".join([repr(self.target), str(self.is_quick), self.text, *self.pieces])
        return blake2b(text.encode(), digest_size=16).digest()

    def word(self, value: int) -> int:
        """Place of a word of the table; words are not shared, since what is equal here may differ there."""
        self.table.append(value)
        return len(self.table) - 1

    def tabled(self, value: float) -> int:
        """Place of a number that stands in the table once for each lane."""
        word = bits_of(value)
        if word not in self.numbers:
            self.numbers[word] = self.lanes_of(word)
        return self.numbers[word]

    def lanes_of(self, word: int) -> int:
        """Place of a word of the table that is not shared, once for each lane."""
        self.table += [word] * self.target.lanes
        return len(self.table) - self.target.lanes

    def loaded(self, kind: str, value: int) -> str:
        """A word of the table, loaded when the function begins."""
        place = self.word(value)
        name = f"%t{place}"
        self.entry.append(f"  {name}.at = getelementptr i64, ptr %table, i64 {place}")
        self.entry.append(f"  {name} = load {kind}, ptr {name}.at")
        return name

    def integer(self, value: int) -> str:
        """An integer of the table."""
        return self.loaded("i64", value)

    def address(self, array: np.ndarray) -> str:
        """A constant array as a pointer; it is kept alive."""
        self.kept.append(array)
        return self.loaded("ptr", address(array))

    def gatherer(self, name: str) -> str | None:
        """Pointer to a function that gathers a register; None where that is written out."""
        if self.count >= FEW_ELEMENTS:
            return None
        if name not in self.gatherers:
            self.gatherers[name] = self.loaded("ptr", shared(self.target, name))
        return self.gatherers[name]

    def begin(self, base: str, start: int, kind: str = "double") -> str:
        """A pointer some entries after another, computed when the function begins."""
        place = self.integer(start)
        name = f"{place}.from"
        self.entry.append(f"  {name} = getelementptr {kind}, ptr {base}, i64 {place}")
        return name

    def argument(self, number: int) -> str:
        """One of the vectors that the function is called with."""
        place = self.integer(number)
        self.entry.append(f"  {place}.arg = getelementptr ptr, ptr %arguments, i64 {place}")
        self.entry.append(f"  {place}.vector = load ptr, ptr {place}.arg")
        return f"{place}.vector"


def function(loop: Loop, target: Target) -> Function:
    """Write a loop as a function.

    Args:
        loop: what to compute.
        target: the processor.

    Returns:
        Function.
    """
    made = Function(loop.count, target)
    code = Code(target, target.lanes if loop.count >= target.lanes else 1)
    if loop.count < FEWEST_TO_RUN_FAST:
        code.tabled = made.tabled
    emit(code, loop, made)
    made.text = "\n".join([*made.entry, *code.entry, *code.lines])
    made.declared = code.declared
    return made


def emit(code: Code, loop: Loop, made: Function) -> None:
    """Write the loop over tiles: results of a tile, then what is not stored at once."""
    waiting = [(node, write) for node, write in loop.writes if waits(write, loop.count)]
    rooms = {node: number for number, node in enumerate(dict.fromkeys(node for node, _ in waiting))}
    count = made.integer(loop.count)
    size = str(tile_size(len(rooms), code.lanes)) if rooms else count
    # The last register may begin before its tile: scratch has room for that in front.
    room = int(size) + code.lanes if rooms else 0
    scratch = code.set(f"alloca [{room * len(rooms)} x double], align 64", "s") if rooms else ""
    stored = [(node, write) for node, write in loop.writes if not waits(write, loop.count)]
    places = [Place.of(made, "%out", write.indices) for _, write in stored]
    last = code.set(f"sub i64 {count}, {code.lanes}")
    reads, memory = Reads(loop, made), code.set("alloca i64", "s")
    tiles = begin(code, "0", count, size)
    stop = clamped(code, "umin", code.set(f"add i64 {tiles.index}, {size}"), count)
    elements = begin(code, tiles.index, stop, str(code.lanes), memory)
    element = clamped(code, "umin", elements.index, last)
    results = evaluate(code, loop, element, reads)
    for (node, _), place in zip(stored, places, strict=True):
        code.store(results[node], place.address(code, element))
    if rooms:
        within = code.address(scratch, code.set(f"sub i64 {element}, {tiles.index}"))
        for node, number in rooms.items():
            code.store(results[node], code.address(within, str(number * room + code.lanes)))
    end(code, elements)
    if rooms:
        records = [
            record(write, rooms[node] * room + code.lanes, made.kept.append) for node, write in waiting
        ]
        settle(code, made, records, f"ptr {scratch}, i64 {tiles.index}, i64 {stop}")
    end(code, tiles)
    code.line("ret void")


def settle(code: Code, made: Function, records: Sequence[Sequence[int]], tile: str) -> None:
    """Call the function that brings a tile's results to their places."""
    function = made.loaded("ptr", shared(code.target, "settle"))
    count = made.integer(len(records))
    first = len(made.table)
    made.table += [word for words in records for word in words]
    words = code.address("%table", str(first), "i64")
    code.line(f"call void {function}(ptr {words}, i64 {count}, {tile}, ptr %out)")


def waits(write: Write, count: int) -> bool:
    """Whether results go through scratch: all but a stretch of the output that is stored at once."""
    return write.adds or not write.is_whole(count) or not is_stretch(write.indices)


def is_stretch(indices: Indices) -> bool:
    """Whether the places follow one another."""
    return indices.listed is None and (indices.stride == 1 or indices.size == 1)


def tile_size(waiting: int, lanes: int) -> int:
    """Elements of a tile, a multiple of the lanes."""
    return -(-max(SCRATCH // waiting, SHORTEST_TILE) // lanes) * lanes


@dataclass(frozen=True)
class Place:
    """Where the entries of an index list lie.

    Args:
        base: pointer to the first one, or to the vector that a list points into.
        stride: of a progression.
        listed: pointer to the list; None for a progression.
        gatherer: pointer to the function that gathers from there; None if that is written out.
    """

    base: str
    stride: int = 1
    listed: str | None = None
    gatherer: str | None = None

    @classmethod
    def of(cls, made: Function, base: str, indices: Indices) -> Place:
        """Places in a vector."""
        if indices.listed is not None:
            places = made.address(np.ascontiguousarray(indices.listed, dtype=np.int64))
            return cls(base, 1, places, made.gatherer("listed"))
        stride = indices.stride if indices.size > 1 else 0
        gatherer = made.gatherer("strided") if stride > 1 else None
        return cls(made.begin(base, indices.start), stride, None, gatherer)

    def address(self, code: Code, element: str) -> str:
        """Address of the entry of one element."""
        if self.listed is not None:
            position = code.set(f"load i64, ptr {code.address(self.listed, element, 'i64')}")
            return code.address(self.base, position)
        if self.stride == 0:
            return self.base
        offset = element if self.stride == 1 else code.set(f"mul i64 {element}, {self.stride}")
        return code.address(self.base, offset)

    def load(self, code: Code, element: str) -> Value:
        """The entries of the lanes of a register."""
        if self.listed is None and self.stride == 1:
            return code.load(self.address(code, element))
        if self.listed is None and self.stride == 0:
            return Value(splat(code, code.set(f"load double, ptr {self.base}")), "double")
        first = code.address(self.listed, element, "i64") if self.listed else self.address(code, element)
        if self.gatherer and code.lanes > 1:
            what = f"ptr {self.base}, ptr {first}" if self.listed else f"ptr {first}, i64 {self.stride}"
            return code.value("double", f"call {code.wide('double')} {self.gatherer}({what})")
        numbers = listed(code, self.base, first) if self.listed else strided(code, first, self.stride)
        return code.gathered(numbers)


@dataclass(eq=False)
class Reads:
    """Inputs and constants of a loop.

    Args:
        loop: what is computed.
        made: the function.
    """

    loop: Loop
    made: Function

    def __post_init__(self):
        tape = self.loop.tape
        self.places: dict[int, Place] = {}
        results = {node for node, _ in self.loop.writes}
        self.nodes = tape.needed(results, self.loop.reads)
        self.inputs = sorted(
            results.union(*(tape.operations[node].operands for node in self.nodes)) & {*self.loop.reads}
        )
        for node in self.inputs:
            read = self.loop.reads[node]
            self.places[node] = Place.of(self.made, self.made.argument(read.argument), read.indices)
        for node in self.nodes:
            operation = tape.operations[node]
            if operation.name == CONSTANT and operation.params["value"].size > 1:
                array = np.ascontiguousarray(operation.params["value"].reshape(-1), dtype=float)
                self.places[node] = Place(self.made.address(array))

    def constant(self, code: Code, node: int, element: str) -> Value:
        """A number or an array of one number an element."""
        value = self.loop.tape.operations[node].params["value"]
        if value.size > 1:
            numbers = self.places[node].load(code, element)
            return (
                code.binary("fcmp une", numbers, code.number(0.0), "i1") if value.dtype == bool else numbers
            )
        return number_of(code, self.made, value)


def number_of(code: Code, made: Function, value: Any) -> Value:
    """A constant of one number, or one truth."""
    number = value.reshape(())[()]
    if value.dtype == bool:
        return code.truth(bool(number))
    number = float(number)
    if abs(number) <= LARGEST_LITERAL and (number * DIGITS).is_integer():
        return code.number(number)
    if code.tabled is not None and code.lanes > 1:
        return code.load(code.address("%table", str(made.lanes_of(bits_of(number)))))
    place = made.word(bits_of(number))
    loaded = code.set(f"load double, ptr {code.address('%table', str(place))}")
    return Value(splat(code, loaded), "double")


def bits_of(number: float) -> int:
    """A float64 as a 64-bit word.

    >>> bits_of(-0.0) == -(2**63)
    True
    """
    return struct.unpack("<q", struct.pack("<d", number))[0]


def evaluate(code: Code, loop: Loop, element: str, reads: Reads) -> dict[int, Value]:
    """Values of the results for the elements of one register."""
    tape, known = loop.tape, {node: reads.places[node].load(code, element) for node in reads.inputs}

    def operation(code: Code, node: int, values: dict[int, Value]) -> Value:
        each = tape.operations[node]
        if each.name == CONSTANT:
            return reads.constant(code, node, element)
        for operand in each.operands:
            if operand not in values:
                values[operand] = reads.constant(code, operand, element)
        operands = [values[operand] for operand in each.operands]
        if each.name == CHAIN:
            return chain_of(code, reads.made, each.params["chain"], each.params["what"], operands)
        if each.name == ENTRY:
            return code.load(code.address(operands[0].text, str(each.params["place"] * code.lanes)))
        return RULES[each.name](code, each.params, *operands)

    # A vector in memory is not handed on from piece to piece.
    has_chains = any(tape.operations[node].name == CHAIN for node in reads.nodes)
    if has_chains or len(reads.nodes) <= LONGEST_BODY:
        for node in reads.nodes:
            known[node] = operation(code, node, known)
        return known
    constants = {node for node in reads.nodes if tape.operations[node].name == CONSTANT}
    known |= {node: reads.constant(code, node, element) for node in constants if node in reads.places}
    nodes = [node for node in reads.nodes if node not in constants]
    results = {node for node, _ in loop.writes}
    values, reads.made.pieces = cut(code, tape, nodes, known, sorted(results - constants), operation)
    return values | {node: reads.constant(code, node, element) for node in results & constants}


def chain_of(code: Code, made: Function, chain: Chain, what: str, operands: Sequence[Value]) -> Value:
    """The vector of what is asked of a chain, in a workspace of its own."""
    if (chain, what) not in made.chains:
        first = len(made.pieces)
        made.pieces += pieces_of(
            code,
            chain,
            what,
            first,
            lambda new, value: number_of(new, made, value),
            partial(call_piece, WORK),
        )
        made.chains[chain, what] = len(made.pieces) - 1
    space = Workspace(chain, what)
    work, places = code.name("s"), space.places
    code.entry.append(f"  {work} = alloca [{places['end']} x {code.wide('double')}], align 64")
    for number, value in enumerate(operands):
        place = number if number < space.inputs else places["L"] + number - space.inputs
        code.store(value, code.address(work, str(place * code.lanes)))
    call_piece(work, code, made.chains[chain, what])
    return Value(code.address(work, str(places["A" if what == "values" else "M"] * code.lanes)), "vector")


def call_piece(work: str, code: Code, number: int) -> None:
    """Call a piece on a workspace."""
    code.line(f"call void {PIECE.format(number)}(ptr %table, ptr {work})")


def splat(code: Code, number: str) -> str:
    """A number in all lanes."""
    if code.lanes == 1:
        return number
    wide = code.wide("double")
    first = code.set(f"insertelement {wide} poison, double {number}, i32 0")
    return code.set(f"shufflevector {wide} {first}, {wide} poison, <{code.lanes} x i32> zeroinitializer")
