"""Write a loop as one function: the text of its body, and the table of what it is called with.

The text says what is computed, the table how often and where: numbers of elements, places, addresses, and
constants that are not small. Loops of equal text share their machine code.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b

import numpy as np

from lagrad.compile.native.addresses import address
from lagrad.compile.native.code import Code
from lagrad.compile.native.shared import shared
from lagrad.compile.native.target import Target
from lagrad.elements.chain import Chain

SIGNATURE = "ptr %table, ptr %arguments, ptr %out"
# Loops over more elements than this are worth a better choice of instructions and registers: code that is
# faster by a tenth takes five times as long to make, 0.1 ms more an operation, on Skylake.
MANY_ELEMENTS = 4096
# Loops over fewer are written so that LLVM's quick choice of instructions, which takes a third of the time,
# reaches all of them: constants are in the table, and what gathers a register is called. Such code is slower
# by up to a tenth, which hundreds of runs make up for; where there are more elements, by up to a quarter.
FEW_ELEMENTS = 2048


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

    @property
    def is_short(self) -> bool:
        """Whether even the choice of instructions is to be quick."""
        return self.count < FEW_ELEMENTS

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

    def table_of(self, code: Code, numbers: np.ndarray) -> str:
        """Pointer to known numbers, from any function of the module."""
        self.kept.append(np.ascontiguousarray(numbers, dtype=float))
        return self.pointer(code, address(self.kept[-1]))

    def pointer(self, code: Code, place: int) -> str:
        """An address, loaded where it is needed."""
        return code.set(f"load ptr, ptr {code.address('%table', str(self.word(place)), 'i64')}")

    def gatherer(self, name: str) -> str | None:
        """Pointer to a function that gathers a register; None where that is written out."""
        if not self.is_short:
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


def bits_of(number: float) -> int:
    """A float64 as a 64-bit word.

    >>> bits_of(-0.0) == -(2**63)
    True
    """
    return struct.unpack("<q", struct.pack("<d", number))[0]
