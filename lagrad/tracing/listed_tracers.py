"""Tracers of what is listed; those of numbers list arithmetic themselves."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from jax.extend import core as jex
from jax.extend.core import primitives

from lagrad.tracing.forms import NUMBER
from lagrad.tracing.listing import Operation, operation_of
from lagrad.tracing.places import stretch_of
from lagrad.tracing.tracer import EXACT, LARGEST_POWER, QuickTracer, Writing


def operation(name: str, operator: str, reflected: bool = False) -> Callable[[Any, Any], Any]:
    """An operator of two operands, most of which are numbers.

    Args:
        name: such as `__add__`.
        operator: what JAX calls the primitive.
        reflected: whether the tracer is its second operand.
    """
    usual = getattr(QuickTracer, name)

    def operate(self: Any, other: Any) -> Any:
        listing = self.listing
        if self.aval is NUMBER and listing.is_open:
            kind = type(other)
            if kind is ListedTracer:
                number = other.number if other.aval is NUMBER and other.listing is listing else None
            elif kind is float or kind is np.float64 or (kind is int and -EXACT <= other <= EXACT):
                number = listing.number(other).number
            else:
                number = None
            if number is not None and is_current(listing):
                operands = (number, self.number) if reflected else (self.number, number)
                return listing.node(listing.scalars[operator], operands)
        return usual(self, other)

    operate.__name__ = name
    return operate


def are_whole(index: tuple[Any, ...]) -> bool:
    """Whether an index is whole numbers of Python's, to which True is equal."""
    return all(type(each) is int for each in index)


def is_current(listing: Any) -> bool:
    """Whether operations belong to a list now, rather than to a branch or a loop that is traced inside."""
    with jex.take_current_trace() as trace:
        return trace is listing


@lru_cache(maxsize=4096)
def power_of(power: int) -> Operation:
    """The operation that raises a number to a whole power."""
    return operation_of(primitives.integer_pow_p, {"y": power}, (NUMBER,))


class ListedValue(Writing):
    """What is listed: here no ordinary array in float64, such as a truth."""

    __slots__ = ("listing", "number", "operands", "operation")

    def __getattr__(self, name: str) -> Any:
        # What JAX asks a tracer that was only listed; everything listed is then written.
        if name == "val" and self.listing.is_open:
            self.listing.close()
            return self.val
        if name == "_debug_info":
            return self._trace.frame.debug_info
        # Nothing was written for what outlives its trace.
        if name in ("val", "parent", "mutable_qdd", "_line_info"):
            return None
        return super().__getattr__(name)

    def get_referent(self) -> Any:
        return self if self.listing.is_open else super().get_referent()

    def _origin_msg(self) -> str:
        self.listing.close()
        return super()._origin_msg()


class ListedTracer(ListedValue, QuickTracer):
    """An ordinary number or array in float64 that is listed."""

    __slots__ = ()

    __add__, __radd__ = operation("__add__", "add"), operation("__radd__", "add", reflected=True)
    __sub__, __rsub__ = operation("__sub__", "sub"), operation("__rsub__", "sub", reflected=True)
    __mul__, __rmul__ = operation("__mul__", "mul"), operation("__rmul__", "mul", reflected=True)
    __truediv__ = operation("__truediv__", "div")
    __rtruediv__ = operation("__rtruediv__", "div", reflected=True)

    def __getitem__(self, index: Any) -> Any:
        listing = self.listing
        if not listing.is_open or self.operation.name != "input":
            return super().__getitem__(index)
        # Nothing that is read at a known place can fail, or has a slope that does.
        key = self.number, index
        is_entry = type(index) is int or (type(index) is tuple and are_whole(index))
        if is_entry and (found := listing.views.get(key)) is not None:
            return found
        stretch = stretch_of(index if type(index) is tuple else (index,), self.aval.shape)
        if stretch is None:
            return super().__getitem__(index)
        if not is_entry:
            key = self.number, stretch
        if (found := listing.views.get(key)) is None:
            found = listing.views[key] = listing.stretch(self, stretch)
        return found

    def __neg__(self) -> Any:
        listing = self.listing
        if self.aval is NUMBER and listing.is_open and is_current(listing):
            return listing.node(listing.scalars["neg"], (self.number,))
        return super().__neg__()

    def __pow__(self, power: Any, *modulo: Any) -> Any:
        listing = self.listing
        is_whole = type(power) is int and abs(power) <= LARGEST_POWER and not modulo
        if is_whole and self.aval is NUMBER and listing.is_open and is_current(listing):
            return listing.node(power_of(power), (self.number,))
        return super().__pow__(power, *modulo)

    def __iter__(self) -> Any:
        is_vector = len(self.aval.shape) == 1 and self.listing.is_open and self.operation.name == "input"
        return (self[k] for k in range(self.aval.shape[0])) if is_vector else super().__iter__()
