"""Write LLVM assembly: operations on registers of several lanes, line by line."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from lagrad.compile.native.target import Target


class Value(NamedTuple):
    """A register or constant.

    Args:
        text: its name or literal.
        kind: type of one lane: "double", "i1", "i32" or "i64".
    """

    text: str
    kind: str


@dataclass
class Code:
    """Lines of one function.

    Args:
        target: what the code is for.
        lanes: elements a register holds; 1 for scalars.
        lines: the function so far.
        declared: external functions it calls, as declarations.
        count: number of names given.
        entry: lines with which the function begins.
        tabled: constant -> where in the table it stands once for each lane; None where it is a literal.
    """

    target: Target
    lanes: int
    lines: list[str] = field(default_factory=list)
    declared: set[str] = field(default_factory=set)
    count: int = 0
    entry: list[str] = field(default_factory=list)
    tabled: Callable[[float], int] | None = None

    def name(self, prefix: str = "v") -> str:
        """A new register or label."""
        self.count += 1
        return f"%{prefix}{self.count}"

    def line(self, text: str) -> None:
        """Add a line."""
        self.lines.append(f"  {text}")

    def label(self, text: str) -> None:
        """Begin a block."""
        self.lines.append(f"{text}:")

    def single(self) -> Code:
        """The same function, in which one element is worked on at a time."""
        return Code(self.target, 1, self.lines, self.declared, self.count, self.entry, self.tabled)

    def apart(self) -> Code:
        """Another function of the same module."""
        return Code(self.target, self.lanes, [], self.declared, tabled=self.tabled)

    def set(self, text: str, prefix: str = "v") -> str:
        """A new register with the result of an instruction."""
        name = self.name(prefix)
        self.line(f"{name} = {text}")
        return name

    def wide(self, kind: str) -> str:
        """Type of a register of a kind."""
        return wide_type(kind, self.lanes)

    def value(self, kind: str, text: str) -> Value:
        """A new register as a value."""
        return Value(self.set(text), kind)

    def number(self, value: float) -> Value:
        """The same float64 in all lanes."""
        if self.tabled is None or self.lanes == 1:
            return self.everywhere(double(value), "double")
        # LLVM's quick choice of instructions gives up at a literal of several lanes, and leaves all of the
        # block that stands before it to a choice that takes twice as long.
        return self.load(self.address("%table", str(self.tabled(value))))

    def product(self, left: Value, right: Value) -> Value:
        """left * right."""
        return self.binary("fmul contract", left, right)

    def fused(self, left: Value, right: Value, total: Value) -> Value:
        """left * right + total, rounded once where the processor can."""
        return self.intrinsic("fmuladd", left, right, total)

    def negative(self, value: Value) -> Value:
        """-x, also of zero."""
        if self.tabled is None or self.lanes == 1:
            return self.value("double", f"fneg {self.wide('double')} {value.text}")
        return self.binary("fsub", self.number(-0.0), value)

    def truth(self, value: bool) -> Value:
        """The same truth in all lanes."""
        return self.everywhere("true" if value else "false", "i1")

    def truth_of(self, value: Value) -> Value:
        """Whether numbers are not zero."""
        return self.binary("fcmp une", value, self.number(0.0), "i1")

    def everywhere(self, literal: str, kind: str) -> Value:
        """The same literal in all lanes."""
        if self.lanes == 1:
            return Value(literal, kind)
        return Value("<" + ", ".join([f"{kind} {literal}"] * self.lanes) + ">", kind)

    def binary(self, instruction: str, left: Value, right: Value, kind: str | None = None) -> Value:
        """An instruction on two values of one kind."""
        # As `value` does; most of a long body are such lines.
        self.count += 1
        name = f"%v{self.count}"
        wide = wide_type(left.kind, self.lanes)
        self.lines.append(f"  {name} = {instruction} {wide} {left.text}, {right.text}")
        return Value(name, kind or left.kind)

    def select(self, which: Value, true: Value, false: Value) -> Value:
        """true where which holds, false elsewhere."""
        wide = self.wide(true.kind)
        text = f"select {self.wide('i1')} {which.text}, {wide} {true.text}, {wide} {false.text}"
        return self.value(true.kind, text)

    def intrinsic(self, name: str, *operands: Value) -> Value:
        """An LLVM intrinsic on float64."""
        suffix = "f64" if self.lanes == 1 else f"v{self.lanes}f64"
        return self.call(f"llvm.{name}.{suffix}", *operands)

    def call(self, symbol: str, *operands: Value) -> Value:
        """A function of whole registers of float64."""
        wide = self.wide("double")
        self.declared.add(f"declare {wide} @{symbol}({', '.join([wide] * len(operands))})")
        arguments = ", ".join(f"{wide} {operand.text}" for operand in operands)
        return self.value("double", f"call {wide} @{symbol}({arguments})")

    def math(self, name: str, *operands: Value) -> Value:
        """A function of libm: of all lanes at once where that exists, else lane by lane."""
        if self.lanes == 1:
            return self.call(name, *operands)
        symbol = self.target.vector_function(name, len(operands))
        if symbol is not None:
            return self.call(symbol, *operands)
        scalar = ", ".join(["double"] * len(operands))
        self.declared.add(f"declare double @{name}({scalar})")
        results = []
        for lane in range(self.lanes):
            parts = [self.lane(operand, lane) for operand in operands]
            results.append(self.set(f"call double @{name}({', '.join('double ' + part for part in parts)})"))
        return self.gathered(results)

    def lane(self, value: Value, lane: int) -> str:
        """One lane of a register."""
        return self.set(f"extractelement {self.wide(value.kind)} {value.text}, i32 {lane}")

    def gathered(self, scalars: list[str]) -> Value:
        """A register from scalars, one a lane."""
        if self.lanes == 1:
            return Value(scalars[0], "double")
        wide, text = self.wide("double"), "poison"
        for lane, scalar in enumerate(scalars):
            text = self.set(f"insertelement {wide} {text}, double {scalar}, i32 {lane}")
        return Value(text, "double")

    def load(self, address: str) -> Value:
        """A register from memory."""
        return self.value("double", f"load {self.wide('double')}, ptr {address}, align 8")

    def store(self, value: Value, address: str) -> None:
        """Write a register to memory."""
        self.line(f"store {self.wide(value.kind)} {value.text}, ptr {address}, align 8")

    def address(self, base: str, offset: str, kind: str = "double") -> str:
        """Address of an entry of an array."""
        return self.set(f"getelementptr {kind}, ptr {base}, i64 {offset}", "p")


@cache
def wide_type(kind: str, lanes: int) -> str:
    """Type of a register.

    >>> wide_type("double", 8)
    '<8 x double>'
    """
    return kind if lanes == 1 else f"<{lanes} x {kind}>"


def double(value: float) -> str:
    """Literal of a float64, exact to the bit.

    >>> double(1.0)
    '0x3FF0000000000000'
    """
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"
