"""Write where entries of vectors lie, and how the lanes of a register are read from there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lagrad.compile.native.code import Code, Value
from lagrad.compile.native.functions import Function
from lagrad.compile.native.gathering import listed, strided
from lagrad.elements.indices import Indices


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


def splat(code: Code, number: str) -> str:
    """A number in all lanes."""
    if code.lanes == 1:
        return number
    wide = code.wide("double")
    first = code.set(f"insertelement {wide} poison, double {number}, i32 0")
    return code.set(f"shufflevector {wide} {first}, {wide} poison, <{code.lanes} x i32> zeroinitializer")
