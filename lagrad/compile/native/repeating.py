"""Write chains of equal steps as loops in machine code: one step an iteration, whatever their number.

Pieces of code work on a workspace, in registers: inputs A of a step, the next z, its Jacobian J, weighted
second derivatives W, weights L, the matrix M that is carried backwards, room T, z before each step H, and
what a step has of its own, O.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from lagrad.compile.native.code import Code, Value
from lagrad.compile.native.counters import begin, end
from lagrad.compile.native.places import splat
from lagrad.elements.chain import Chain
from lagrad.elements.tape import CONSTANT, Tape

WORK = "%work"
# (code, value of a constant) -> its register.
Constant = Callable[[Code, object], Value]
# (code, tape, node, values of its operands) -> its register.
Apply = Callable[[Code, Tape, int, Sequence[Value]], Value]
# Writes what is evaluated at the step of a number.
Step = Callable[[str], None]


@dataclass(frozen=True)
class Workspace:
    """Where numbers lie, counted in registers.

    Args:
        chain: what is computed.
        what: "values", "slopes" or "curvature".
    """

    chain: Chain
    what: str

    @property
    def inputs(self) -> int:
        """Number of inputs of a step."""
        return len(self.chain.given)

    @property
    def places(self) -> dict[str, int]:
        """Name -> place, and "end"."""
        z, p = self.chain.size, self.inputs
        rows = z if self.what == "slopes" else p
        sizes = {"A": p, "Z": z, "O": len(self.chain.data)}
        if self.what != "values":
            sizes |= {"J": z * p, "W": p * p, "L": z, "M": rows * p, "T": p * p, "H": self.chain.length * z}
        found, start = {}, 0
        for name, size in sizes.items():
            found[name], start = start, start + size
        return found | {"end": start}


def pieces_of(
    code: Code,
    chain: Chain,
    what: str,
    first: int,
    constant: Constant,
    apply: Apply,
    call: Callable[[Code, int], None],
    own: Callable[[Code], str],
) -> list[str]:
    """Bodies of the functions that evaluate a chain.

    Args:
        code: of the function that will call them.
        chain: what is computed.
        what: "values", "slopes" or "curvature".
        first: number of the first body; the last one is the entry.
        constant: writes constants.
        apply: writes primitives.
        call: writes a call of a numbered body.
        own: writes the address of what the steps have of their own.
    """
    space = Workspace(chain, what)

    def evaluated(new: Code, number: int) -> Step:
        def step(index: str) -> None:
            bring(new, space, index, own)
            call(new, number)

        return step

    # One node may be several results.
    step = piece(code, space, [(node, ("Z", i)) for i, node in enumerate(chain.results)], constant, apply)
    if what == "values":
        return [step, body(code, lambda new: forwards(new, space, evaluated(new, first), False))]
    p = space.inputs
    stored = [(node, ("J", i * p + j)) for (i, j), node in chain.slopes.items()]
    if what == "curvature":
        both = [((a, b), node) for (a, b), node in chain.curvature.items()]
        both += [((b, a), node) for (a, b), node in chain.curvature.items() if a != b]
        stored += [(node, ("W", a * p + b)) for (a, b), node in both]
    derivatives = piece(code, space, stored, constant, apply)
    walk = slopes if what == "slopes" else curvature

    def entry(new: Code) -> None:
        # The walk over M runs longest: LLVM's careful choice of instructions is worth its time here.
        new.tabled = None
        forwards(new, space, evaluated(new, first), True)
        walk(new, space, evaluated(new, first + 1))

    return [step, derivatives, body(code, entry)]


def body(code: Code, write: Callable[[Code], None]) -> str:
    """Text of one function."""
    new = code.apart()
    write(new)
    new.line("ret void")
    return "\n".join([*new.entry, *new.lines])


def piece(
    code: Code,
    space: Workspace,
    targets: Sequence[tuple[int, tuple[str, int]]],
    constant: Constant,
    apply: Apply,
) -> str:
    """Evaluate nodes of a step from A and L, and store each at its place."""
    chain = space.chain
    given = {node: ("A", number) for number, node in enumerate(chain.given)}
    given |= {node: ("L", number) for number, node in enumerate(chain.weights)}
    given |= {node: ("O", number) for number, node in enumerate(chain.data)}

    def write(new: Code) -> None:
        tape, values = chain.step, {}

        def value(node: int) -> Value:
            if node not in values and node in given:
                values[node] = new.load(at(new, space, *given[node]))
            elif node not in values and tape.operations[node].name == CONSTANT:
                values[node] = constant(new, tape.operations[node].params["value"])
            return values[node]

        nodes = [node for node, _ in targets]
        for node in tape.needed(nodes, given):
            operation = tape.operations[node]
            if operation.name != CONSTANT:
                values[node] = apply(new, tape, node, [*map(value, operation.operands)])
        for node, place in targets:
            new.store(value(node), at(new, space, *place))

    return body(code, write)


def at(code: Code, space: Workspace, name: str, number: int = 0) -> str:
    """Address of a register of the workspace."""
    return code.address(WORK, str((space.places[name] + number) * code.lanes))


def behind(code: Code, base: str, index: str, size: int, offset: int = 0) -> str:
    """Address of register size * index + offset behind another."""
    places = code.set(f"mul i64 {index}, {size * code.lanes}")
    return code.address(base, code.set(f"add i64 {places}, {offset * code.lanes}") if offset else places)


def bring(code: Code, space: Workspace, index: str, own: Callable[[Code], str]) -> None:
    """Put what a step has of its own into the workspace, the same for all rows."""
    count = len(space.chain.data)
    if not count:
        return
    table, first = own(code), code.set(f"mul i64 {index}, {count}")
    for number in range(count):
        where = code.address(table, code.set(f"add i64 {first}, {number}"))
        loaded = splat(code, code.set(f"load double, ptr {where}"))
        code.store(Value(loaded, "double"), at(code, space, "O", number))


def forwards(code: Code, space: Workspace, step: Step, keeps: bool) -> None:
    """Go through all steps, and keep z before each."""
    size = space.chain.size
    steps = begin(code, "0", str(space.chain.length), "1")
    if keeps:
        row = behind(code, at(code, space, "H"), steps.index, size)
        move(code, at(code, space, "A"), row, size)
    step(steps.index)
    move(code, at(code, space, "Z"), at(code, space, "A"), size)
    end(code, steps)


def move(code: Code, source: str, target: str, size: int) -> None:
    """Copy some registers."""
    for number in range(size):
        place = str(number * code.lanes)
        code.store(code.load(code.address(source, place)), code.address(target, place))


def zeros(code: Code, target: str, size: int) -> None:
    """Set some registers to zero."""
    counter = begin(code, "0", str(size), "1")
    code.store(code.number(0.0), behind(code, target, counter.index, 1))
    end(code, counter)


def backwards(code: Code, space: Workspace, step: Step) -> None:
    """Go back through all steps, z before each in A."""
    length, size = space.chain.length, space.chain.size
    steps = begin(code, "0", str(length), "1")
    number = code.set(f"sub i64 {length - 1}, {steps.index}")
    move(code, behind(code, at(code, space, "H"), number, size), at(code, space, "A"), size)
    step(number)
    end(code, steps)


def slopes(code: Code, space: Workspace, derivatives: Step) -> None:
    """S <- S J, from the identity; S is M."""
    size, p = space.chain.size, space.inputs
    matrix = at(code, space, "M")
    zeros(code, matrix, size * p)
    for number in range(size):
        code.store(code.number(1.0), code.address(matrix, str(number * (p + 1) * code.lanes)))

    def step(index: str) -> None:
        derivatives(index)
        push(code, space, matrix, matrix, size, False)

    backwards(code, space, step)


def curvature(code: Code, space: Workspace, derivatives: Step) -> None:
    """M <- J' M J + W and w <- J' w, from zero and the weights."""
    p = space.inputs
    matrix, room = at(code, space, "M"), at(code, space, "T")
    zeros(code, matrix, p * p)
    zeros(code, at(code, space, "W"), p * p)

    def step(index: str) -> None:
        derivatives(index)
        # Each pass gives the transposed matrix: T = (M J)', M = (T J)' = J' M J.
        push(code, space, matrix, room, p, True)
        push(code, space, room, matrix, p, True)
        counter = begin(code, "0", str(p * p), "1")
        where = behind(code, matrix, counter.index, 1)
        added = code.load(behind(code, at(code, space, "W"), counter.index, 1))
        code.store(code.binary("fadd", code.load(where), added), where)
        end(code, counter)
        weights = at(code, space, "L")
        row = [code.load(code.address(weights, str(i * code.lanes))) for i in range(space.chain.size)]
        for number, value in enumerate(islice(through(code, space, row), space.chain.size)):
            code.store(value, code.address(weights, str(number * code.lanes)))

    backwards(code, space, step)


def push(code: Code, space: Workspace, source: str, target: str, rows: int, transposed: bool) -> None:
    """Multiply each row of a matrix by the Jacobian of a step."""
    p = space.inputs
    counter = begin(code, "0", str(rows), "1")
    base = behind(code, source, counter.index, p)
    row = [code.load(code.address(base, str(i * code.lanes))) for i in range(p)]
    for number, value in enumerate(through(code, space, row)):
        where = (
            behind(code, target, counter.index, 1, number * p)
            if transposed
            else behind(code, target, counter.index, p, number)
        )
        code.store(value, where)
    end(code, counter)


def through(code: Code, space: Workspace, row: Sequence[Value]) -> Iterator[Value]:
    """A row times J, extended by the identity for what all steps share; J's zeros are left out.

    One entry after the other: with sums of all entries at once, registers would not do.
    """
    size, columns = space.chain.size, defaultdict[int, list[int]](list)
    for i, j in sorted(space.chain.slopes):
        columns[j].append(i)
    for j in range(space.inputs):
        total = row[j] if size <= j < len(row) else None
        for i in columns[j]:
            slope = code.load(at(code, space, "J", i * space.inputs + j))
            total = code.product(row[i], slope) if total is None else code.fused(row[i], slope, total)
        yield code.number(0.0) if total is None else total
