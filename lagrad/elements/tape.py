"""Record what is computed for one element: primitives applied to numbered nodes, each different one once.

    sin(u) * sin(u)      0 = input u;  1 = sin 0;  2 = mul 1 1

Nodes hold one number an element. Later nodes are made of earlier ones only, so that the order of the tape is
an order of evaluation. What derivatives are made of is simplified while it is recorded: zeros and ones
vanish, constants are multiplied out. What is zero where a condition fails stays so under any factor: a slope
that is infinite where it does not count is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from math import copysign, inf
from typing import Any, NamedTuple

import numpy as np

from lagrad.primitives.elementwise import ELEMENTWISE
from lagrad.program.alike import frozen

INPUT, CONSTANT = "input", "constant"
# Steps that are repeated, whose result is a vector: see `chains`; and one entry of a vector.
CHAIN, ENTRY = "chain", "entry"
# Small linear systems, whose results are vectors too: see `systems`.
SYSTEM, INVERSE, RESIDUAL = "system", "inverse", "residual"
# A number of a known table, and the place of a number in it: see `lookups`.
LOOKUP, SEARCH = "lookup", "search"
FLOAT, BOOL = np.dtype(float), np.dtype(bool)
TRUTHS = frozenset({"eq", "ne", "lt", "le", "gt", "ge", "is_finite", "and", "or", "xor", "not"})
COMMUTING = frozenset({"add", "mul", "max", "min", "eq", "ne", "and", "or"})
# Even and odd functions: the ends of a branch see its angle with opposite signs.
PARITY = {name: row.parity for name, row in ELEMENTWISE.items() if row.parity}
# Marks of nodes; 0 for those that were not met.
WANTED, GIVEN = 1, 2
FOLDS: dict[str, Callable[..., Any]] = {
    **{"eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater},
    **{"ge": np.greater_equal, "log": np.log, "sign": np.sign, "floor": np.floor, "abs": np.abs},
}


class Operation(NamedTuple):
    """One node of a tape.

    Args:
        name: of the primitive; `INPUT` or `CONSTANT`.
        operands: nodes.
        params: of the primitive; "name" of an input, "value" of a constant.
        dtype: of the result.
        bind: how JAX evaluates it; None for the function of `jax.lax` of that name.
    """

    name: str
    operands: tuple[int, ...]
    params: dict[str, Any]
    dtype: np.dtype
    bind: Callable[..., Any] | None = None


class TooLong(Exception):
    """A tape has more operations than it may have."""


@dataclass(eq=False)
class Tape:
    """Operations on elements, each different one once.

    Args:
        count: number of elements.
        longest: how many operations there may be.
        operations: the nodes, by number.
        numbers: key of an operation -> its node.
        values: constant node -> its value.
        floats: constant node -> its value, where that is one float.
    """

    count: int
    longest: float = inf
    operations: list[Operation] = field(default_factory=list)
    numbers: dict[Hashable, int] = field(default_factory=dict)
    values: dict[int, Any] = field(default_factory=dict)
    floats: dict[int, float] = field(default_factory=dict)

    def record(self, key: Hashable, operation: Operation) -> int:
        """The node of a key, made if there is none.

        Raises:
            TooLong: there are too many others already.
        """
        node = self.numbers.get(key)
        if node is None:
            node = len(self.operations)
            if node >= self.longest:
                raise TooLong
            self.numbers[key] = node
            self.operations.append(operation)
        return node

    def input(self, name: Hashable, dtype: np.dtype = FLOAT) -> int:
        """The node of an input."""
        return self.record((INPUT, name), Operation(INPUT, (), {"name": name}, dtype))

    def constant(self, value: Any) -> int:
        """The node of one number for all elements, or of one for each, shape (count,)."""
        # Zeros of both signs are one number to a table, and two to a division.
        key = (CONSTANT, value, copysign(1.0, value)) if type(value) is float else None
        node = None if key is None else self.numbers.get(key)
        if node is None:
            node = self.constant_array(np.asarray(value))
            if key is not None:
                self.numbers[key] = node
        return node

    def constant_array(self, value: np.ndarray) -> int:
        """The same of an array, equal by its bytes."""
        if value.ndim == 1 and value.size and (value == value[0]).all():
            value = value[0]
        return self.known((CONSTANT, value.dtype, value.shape, value.tobytes()), value)

    def known(self, key: Hashable, value: Any) -> int:
        """The node of a constant under a key."""
        before = len(self.operations)
        node = self.record(key, Operation(CONSTANT, (), {"value": value}, value.dtype))
        if node == before:
            self.values[node] = value
            if value.ndim == 0 and value.dtype == FLOAT:
                self.floats[node] = float(value)
        return node

    def add(
        self, name: str, operands: Sequence[int], params: dict, dtype: np.dtype, bind: Callable | None = None
    ) -> int:
        """The node of a primitive, as it is: at most with the sign outside instead of inside."""
        operands = tuple(sorted(operands)) if name in COMMUTING else tuple(operands)
        opposite = self.opposite(operands[0]) if name in PARITY else None
        if opposite is not None:
            node = self.add(name, (opposite,), params, dtype, bind)
            return node if PARITY[name] > 0 else self.reversed_sign(node, operands[0])
        key = (name, operands, frozen(params) if params else ())
        node = self.numbers.get(key)
        return self.record(key, Operation(name, operands, params, dtype, bind)) if node is None else node

    def opposite(self, node: int) -> int | None:
        """An earlier node of the same numbers with the other sign."""
        operation = self.operations[node]
        if operation.dtype != FLOAT:
            return None
        if operation.name == "neg":
            return operation.operands[0]
        if operation.name == "sub":
            other = self.numbers.get(("sub", operation.operands[::-1], ()))
            return other if other is not None and other < node else None
        return None

    def reversed_sign(self, node: int, argument: int) -> int:
        """-f(x) in place of f(-x), with the sign of zero that f(-x) has."""
        if self.operations[argument].name == "neg":
            return self.add("neg", (node,), {}, FLOAT)
        # x - y and y - x are both +0 where x = y, but for zeros of two signs.
        return self.add("sub", (self.constant(0.0), node), {}, FLOAT)

    def entry(self, vector: int, place: int) -> int:
        """The node of an entry of a vector."""
        return self.add(ENTRY, (vector,), {"place": place}, FLOAT)

    def value(self, node: int) -> Any:
        """Value of a constant node; None for any other."""
        return self.values.get(node)

    def number(self, node: int) -> float | None:
        """Value of a constant node that is one float; None for any other."""
        return self.floats.get(node)

    def is_number(self, node: int, number: float) -> bool:
        """Whether a node is the constant `number`."""
        return self.floats.get(node) == number

    def apply(self, name: str, operands: tuple[int, ...], params: dict) -> int:
        """The node of a primitive on derivatives, simplified."""
        simpler = SIMPLIFIED.get(name)
        if simpler is not None:
            return simpler(self, *operands)
        values = [self.value(operand) for operand in operands]
        if name in FOLDS and all(value is not None and value.ndim == 0 for value in values):
            return self.constant(FOLDS[name](*values))
        return self.add(name, operands, params, BOOL if name in TRUTHS else FLOAT)

    def folded(self, function: Callable, *nodes: int) -> int | None:
        """The constant that a function makes of constants; None if a node is none."""
        values = self.values
        for node in nodes:
            if node not in values:
                return None
        return self.constant(function(*(values[node] for node in nodes)))

    def plus(self, a: int, b: int) -> int:
        """a + b."""
        if a in self.values or b in self.values:
            if self.is_number(a, 0.0):
                return b
            if self.is_number(b, 0.0):
                return a
            known = self.folded(np.add, a, b)
            if known is not None:
                return known
        one, other = self.operations[a], self.operations[b]
        if one.name == other.name == "select_n":
            left, right = self.masked(a), self.masked(b)
            if left and right and left[0] == right[0]:
                which, *cases = left
                return self.choose(which, *(self.plus(*pair) for pair in zip(cases, right[1:], strict=True)))
        if other.name == "neg":
            return self.minus(a, other.operands[0])
        if one.name == "neg":
            return self.minus(b, one.operands[0])
        return self.add("add", (a, b), {}, FLOAT)

    def minus(self, a: int, b: int) -> int:
        """a - b."""
        if self.is_number(b, 0.0):
            return a
        if self.is_number(a, 0.0):
            return self.negative(b)
        if self.operations[b].name == "neg":
            return self.plus(a, self.operations[b].operands[0])
        known = self.folded(np.subtract, a, b)
        return self.add("sub", (a, b), {}, FLOAT) if known is None else known

    def negative(self, a: int) -> int:
        """-a."""
        operation, known = self.operations[a], self.folded(np.negative, a)
        if known is not None:
            return known
        if operation.name == "neg":
            return operation.operands[0]
        if operation.name == "sub":
            return self.minus(*operation.operands[::-1])
        masked = self.masked(a)
        if masked:
            return self.choose(masked[0], self.negative(masked[1]), self.negative(masked[2]))
        return self.add("neg", (a,), {}, FLOAT)

    def times(self, a: int, b: int) -> int:
        """a b, zero where a factor is zero for all elements."""
        if a in self.values or b in self.values:
            return self.scaled(a, b) if a in self.values else self.scaled(b, a)
        names = self.operations[a].name, self.operations[b].name
        if "select_n" in names:
            masked = self.masked_product(a, b)
            if masked is not None:
                return masked
        if "neg" in names:
            one, other = (a, b) if names[0] == "neg" else (b, a)
            return self.negative(self.times(self.operations[one].operands[0], other))
        return self.add("mul", (a, b), {}, FLOAT)

    def scaled(self, constant: int, node: int) -> int:
        """The product with a constant."""
        number = self.floats.get(constant)
        if number is None and node in self.floats:
            constant, node, number = node, constant, self.floats[node]
        if number == 0.0:
            return self.constant(0.0)
        if number in (1.0, -1.0):
            return node if number == 1.0 else self.negative(node)
        known = self.folded(np.multiply, constant, node)
        if known is not None:
            return known
        masked = self.masked_product(constant, node)
        if masked is not None:
            return masked
        operation = self.operations[node]
        if operation.name == "neg":
            return self.negative(self.times(operation.operands[0], constant))
        if operation.name == "mul":
            first, second = operation.operands
            for one, other in ((first, second), (second, first)):
                if one in self.values:
                    return self.times(self.times(constant, one), other)
        return self.add("mul", (constant, node), {}, FLOAT)

    def masked_product(self, a: int, b: int) -> int | None:
        """The product where a factor is zero on one side of a condition; None where none is."""
        for mask, factor in ((a, b), (b, a)):
            masked = self.masked(mask)
            if masked:
                which, no, yes = masked
                return self.choose(which, self.times(no, factor), self.times(yes, factor))
        return None

    def over(self, a: int, b: int) -> int:
        """a / b."""
        if self.is_number(a, 0.0) or self.is_number(b, 1.0):
            return a
        masked = self.masked(a)
        if masked:
            return self.choose(masked[0], self.over(masked[1], b), self.over(masked[2], b))
        known = self.folded(np.divide, a, b)
        return self.add("div", (a, b), {}, FLOAT) if known is None else known

    def choose(self, which: int, no: int, yes: int) -> int:
        """`yes` where `which` holds, else `no`."""
        truth = self.value(which)
        if truth is not None and truth.ndim == 0:
            return yes if truth else no
        no, yes = self.case(which, no, 1), self.case(which, yes, 2)
        return no if no == yes else self.add("select_n", (which, no, yes), {}, FLOAT)

    def case(self, which: int, node: int, place: int) -> int:
        """What a node is where a condition is known."""
        operation = self.operations[node]
        is_same = operation.name == "select_n" and operation.operands[0] == which
        return operation.operands[place] if is_same else node

    def masked(self, node: int) -> tuple[int, ...] | None:
        """(condition, value where it fails, value where it holds) of what is zero on one side."""
        operation = self.operations[node]
        if operation.name != "select_n" or len(operation.operands) != 3:
            return None
        is_masked = any(self.is_number(operand, 0.0) for operand in operation.operands[1:])
        return operation.operands if is_masked else None

    def square(self, a: int) -> int:
        """a^2."""
        known = self.folded(np.square, a)
        return self.add("square", (a,), {}, FLOAT) if known is None else known

    def needed(self, targets: Iterable[int], known: Iterable[int] = ()) -> list[int]:
        """Nodes between known ones and targets, targets included, in order of evaluation."""
        operations, marks = self.operations, bytearray(len(self.operations))
        for node in targets:
            marks[node] = WANTED
        for node in known:
            marks[node] = GIVEN
        found, node = [], marks.rfind(WANTED)
        # Operands come before what is made of them.
        while node >= 0:
            found.append(node)
            for operand in operations[node].operands:
                if not marks[operand]:
                    marks[operand] = WANTED
            node = marks.rfind(WANTED, 0, node)
        return found[::-1]


SIMPLIFIED: dict[str, Callable[..., int]] = {
    "add": Tape.plus,
    "add_any": Tape.plus,
    "sub": Tape.minus,
    "neg": Tape.negative,
    "mul": Tape.times,
    "div": Tape.over,
    "select_n": Tape.choose,
    "square": Tape.square,
}
