"""Cut long bodies into functions that hand values on in memory.

One function of ten thousands of operations would keep each of its values in a place of its own on the stack.
Here a value that a later piece needs has a place in a workspace, which is given to another once nobody needs
the first any more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lagrad.compile.native.code import Code, Value
from lagrad.elements.tape import BOOL, ENTRY, Tape

# Operations of one piece.
LONGEST_BODY = 6000
# How the text of a loop calls its pieces; the module puts its name in place of the first part.
PIECE = "@self.{}"
PARAMETERS = "ptr %table, ptr %work"


@dataclass(eq=False)
class Workspace:
    """Places of values in memory.

    Args:
        places: node -> its place.
        free: places that nobody needs any more.
        size: number of places.
    """

    places: dict[int, int] = field(default_factory=dict)
    free: list[int] = field(default_factory=list)
    size: int = 0

    def give(self, node: int) -> None:
        """Give a node a place."""
        if self.free:
            self.places[node] = self.free.pop()
        else:
            self.places[node], self.size = self.size, self.size + 1

    def save(self, code: Code, node: int, value: Value, work: str) -> None:
        """Write a value to its place."""
        if value.kind == "i1":
            value = code.select(value, code.number(1.0), code.number(0.0))
        code.line(f"store {code.wide('double')} {value.text}, ptr {self.address(code, node, work)}, align 8")

    def load(self, code: Code, node: int, work: str, is_truth: bool) -> Value:
        """Read a value from its place."""
        value = code.load(self.address(code, node, work))
        return code.truth_of(value) if is_truth else value

    def address(self, code: Code, node: int, work: str) -> str:
        """Address of the place of a node."""
        return code.address(work, str(self.places[node] * code.lanes))


def cut(
    code: Code,
    tape: Tape,
    nodes: Sequence[int],
    known: dict[int, Value],
    results: Sequence[int],
    operation: Callable[[Code, int, dict[int, Value]], Value],
) -> tuple[dict[int, Value], list[str]]:
    """Evaluate a long list of operations piece by piece.

    Args:
        code: of the function around it.
        tape: what is evaluated.
        nodes: in order, without those that are known.
        known: values that the function around it has; pieces make constants of one number themselves.
        results: nodes whose values are wanted.
        operation: (code, node, values of its operands) -> its value.

    Returns:
        Values of the results, and the body of each piece.
    """
    pieces = cuts(tape, nodes)
    last: dict[int, int] = {}
    for number, piece in enumerate(pieces):
        for node in piece:
            last |= dict.fromkeys(tape.operations[node].operands, number)
    last |= dict.fromkeys(results, len(pieces))
    space, bodies, wide = Workspace(), [], code.wide("double")
    work = code.name("s")
    for node, value in known.items():
        space.give(node)
        space.save(code, node, value, work)
    for number, piece in enumerate(pieces):
        bodies.append(body_of(code.apart(), tape, piece, last, number, space, operation))
        code.line(f"call void {PIECE.format(number)}(ptr %table, ptr {work})")
        done = [node for node in space.places if last.get(node, -1) <= number]
        space.free += [space.places.pop(node) for node in done]
    code.entry.append(f"  {work} = alloca [{space.size} x {wide}], align 64")
    values = {
        node: space.load(code, node, work, tape.operations[node].dtype == BOOL) for node in set(results)
    }
    return values, bodies


def cuts(tape: Tape, nodes: Sequence[int]) -> list[list[int]]:
    """Nodes of each piece: entries of vectors are read where these are, since only numbers are handed on."""
    entries: dict[int, list[int]] = defaultdict(list)
    for node in nodes:
        if tape.operations[node].name == ENTRY:
            entries[tape.operations[node].operands[0]].append(node)
    pieces: list[list[int]] = [[]]
    for node in nodes:
        if tape.operations[node].name == ENTRY:
            continue
        if len(pieces[-1]) >= LONGEST_BODY:
            pieces.append([])
        pieces[-1] += [node, *entries.get(node, ())]
    return pieces


def body_of(
    code: Code,
    tape: Tape,
    nodes: Sequence[int],
    last: dict[int, int],
    number: int,
    space: Workspace,
    operation: Callable[[Code, int, dict[int, Value]], Value],
) -> str:
    """Text of one piece."""
    values: dict[int, Value] = {}
    for node in nodes:
        for operand in tape.operations[node].operands:
            if operand not in values and operand in space.places:
                is_truth = tape.operations[operand].dtype == BOOL
                values[operand] = space.load(code, operand, "%work", is_truth)
        values[node] = operation(code, node, values)
    for node in nodes:
        if last.get(node, -1) > number:
            space.give(node)
            space.save(code, node, values[node], "%work")
    code.line("ret void")
    return "\n".join([*code.entry, *code.lines])
