"""Write loops as LLVM assembly.

Elements are taken as many at a time as a register holds; the last ones overlap those before, so that there is
one body and no remainder. That is why the body only stores: what is added to others waits, see `storing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from lagrad.compile.native import systems
from lagrad.compile.native.code import Code, Value
from lagrad.compile.native.counters import begin, clamped, end
from lagrad.compile.native.functions import Function, bits_of
from lagrad.compile.native.loops import Loop
from lagrad.compile.native.pieces import LONGEST_BODY, PIECE, cut
from lagrad.compile.native.places import Place, splat
from lagrad.compile.native.repeating import WORK, Workspace, pieces_of
from lagrad.compile.native.rules import KINDS, RULES
from lagrad.compile.native.shared import shared
from lagrad.compile.native.storing import Ends, Scratch, sorted_writes, tile_size
from lagrad.compile.native.tables import looked_up, searched
from lagrad.compile.native.target import Target
from lagrad.compile.native.whole import ALIKE, LARGEST_FACTOR, MOST_EXACT, WHOLE, is_whole, wrapped
from lagrad.elements.chain import Chain
from lagrad.elements.tape import (
    BOOL,
    CHAIN,
    CONSTANT,
    ENTRY,
    INPUT,
    INVERSE,
    LOOKUP,
    RESIDUAL,
    SEARCH,
    SYSTEM,
    Operation,
    Tape,
)

# Constants up to this size with few binary digits are part of the text.
LARGEST_LITERAL, DIGITS = 64.0, 8.0
# What has a rule, whatever its operands are.
PLAIN = frozenset({INPUT, ENTRY, SEARCH, SYSTEM, INVERSE, RESIDUAL})
# What takes whole numbers and gives others.
LEAVING = frozenset({"eq", "ne", "lt", "le", "gt", "ge", "convert_element_type"})


def supports(tape: Tape, nodes: Sequence[int], known: Iterable[int] = ()) -> bool:
    """Whether every operation behind some nodes has a rule, on numbers and truths; numbers come out.

    Args:
        tape: what was recorded.
        nodes: results.
        known: nodes that are read from memory.
    """
    if any(tape.operations[node].dtype != float for node in nodes):
        return False
    order = tape.needed(nodes, known)
    are_whole = any(is_whole(dtype) for dtype in {tape.operations[node].dtype for node in order})
    for node in order:
        operation = tape.operations[node]
        if operation.dtype not in KINDS or (operation.name == INPUT and operation.dtype != float):
            return False
        if operation.name == CHAIN:
            chain = operation.params["chain"]
            steps = [*chain.results, *chain.slopes.values(), *chain.curvature.values()]
            if not supports(chain.step, steps):
                return False
        elif operation.name in (CONSTANT, LOOKUP):
            params = operation.params
            if not is_exact(params["value"] if operation.name == CONSTANT else params["table"].numbers):
                return False
        elif operation.name in PLAIN:
            continue
        elif not (has_rule(tape, operation) if are_whole else operation.name in RULES):
            return False
    return True


def is_exact(numbers: np.ndarray) -> bool:
    """Whether numbers are the same as float64."""
    return not is_whole(numbers.dtype) or not numbers.size or np.abs(numbers).max() <= MOST_EXACT


def has_rule(tape: Tape, operation: Operation) -> bool:
    """Whether an operation on numbers and truths, or on whole numbers, has a rule."""
    name, operations = operation.name, tape.operations
    if not is_whole(operation.dtype):
        # Whole numbers become others only here.
        is_leaving = name in LEAVING or not any(is_whole(operations[i].dtype) for i in operation.operands)
        return name in RULES and is_leaving
    if name == "mul":
        return has_small_factor(tape, operation)
    if name == "select_n":
        return operations[operation.operands[0]].dtype == BOOL
    return name in WHOLE or name in ALIKE


def has_small_factor(tape: Tape, operation: Operation) -> bool:
    """Whether a product of whole numbers grows little: one of them is known, and not large."""
    known = [tape.value(operand) for operand in operation.operands]
    return any(value is not None and np.abs(value).max() <= LARGEST_FACTOR for value in known)


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
    if made.is_short:
        code.tabled = made.tabled
    emit(code, loop, made)
    made.text = "\n".join([*made.entry, *code.entry, *code.lines])
    made.declared = code.declared
    return made


def emit(code: Code, loop: Loop, made: Function) -> None:
    """Write the loop over tiles: results of a tile, then what is not stored at once."""
    whole, nearly, waiting = sorted_writes(loop, code.lanes, made.is_quick)
    count, last = made.integer(loop.count), made.integer(loop.count - code.lanes)
    tile = tile_size(len(dict(waiting)), code.lanes) if waiting else 0
    # The last register may begin before its tile: scratch has room for that in front.
    scratch, ends = Scratch.of(code, waiting, tile, code.lanes), Ends.of(code, made, nearly)
    places = [Place.of(made, "%out", write.indices) for _, write in whole]
    reads, memory, size = Reads(loop, made), code.set("alloca i64", "s"), str(tile or count)
    tiles = begin(code, "0", count, size)
    stop = clamped(code, "umin", code.set(f"add i64 {tiles.index}, {size}"), count)
    elements = begin(code, tiles.index, stop, str(code.lanes), memory)
    element = clamped(code, "umin", elements.index, last)
    results = evaluate(code, loop, element, reads)
    for (node, _), place in zip(whole, places, strict=True):
        code.store(results[node], place.address(code, element))
    scratch.store(code, results, element, tiles.index)
    ends.store(code, made, results, element)
    end(code, elements)
    scratch.settle(code, made, tiles.index, stop)
    end(code, tiles)
    code.line("ret void")


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
            return code.truth_of(numbers) if value.dtype == bool else numbers
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
        if each.name in (SYSTEM, INVERSE):
            return system_of(code, reads.made, each, operands)
        return applied(reads.made, code, tape, node, operands)

    # Chains are pieces themselves.
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


def applied(made: Function, code: Code, tape: Tape, node: int, operands: Sequence[Value]) -> Value:
    """Value of a primitive."""
    operation = tape.operations[node]
    if operation.name == RESIDUAL:
        return code.number(0.0)
    if operation.name == LOOKUP:
        numbers = operation.params["table"].numbers
        found = looked_up(code, made.table_of(code, numbers), numbers.size, *operands)
        return code.truth_of(found) if operation.dtype == bool else found
    if operation.name == SEARCH:
        search = operation.params["search"]
        numbers = search.table.numbers
        function = made.pointer(code, shared(code.target, f"{search.side}{code.lanes}"))
        return searched(
            code, function, made.table_of(code, numbers), str(numbers.size), search.shift, *operands
        )
    if not is_whole(operation.dtype) or operation.name in ALIKE:
        return RULES[operation.name](code, operation.params, *operands)
    were_whole = any(is_whole(tape.operations[operand].dtype) for operand in operation.operands)
    if operation.name == "convert_element_type" and were_whole:
        return wrapped(code, operation.dtype, *operands)
    return WHOLE[operation.name](code, operation.dtype, operation.params, *operands)


def system_of(code: Code, made: Function, operation: Operation, operands: Sequence[Value]) -> Value:
    """The vector of the solution of a small system, or of the columns of an inverse."""
    count = operation.params["count"]
    if operation.name == SYSTEM:
        matrix, sides = operands[count:-count], operands[-count:]
    else:
        zero, one = code.number(0.0), code.number(1.0)
        matrix, sides = operands, [one if i == j else zero for i in range(count) for j in range(count)]
    function = made.pointer(code, shared(code.target, systems.name_for(code.lanes)))
    return systems.written(code, function, count, matrix, sides)


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
            partial(applied, made),
            partial(call_piece, WORK),
            lambda new: made.table_of(new, chain.own),
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
