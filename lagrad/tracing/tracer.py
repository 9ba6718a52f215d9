"""A trace before JAX's own, whose tracers write the equations of arithmetic and indexing at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.core
import numpy as np
from jax.extend import core as jex
from jax.extend.core import primitives
from jax.extend.source_info_util import current
from jax.interpreters import partial_eval

from lagrad.tracing.forms import FLOAT, NUMBER, array_of, forms, indexing, only_equation, ordinary, sliced
from lagrad.tracing.places import Stretch, places_of, stretch_of

# The tracers of jax.jit and jax.make_jaxpr; all others know nothing of equations.
Writing: Any = getattr(partial_eval, "DynamicJaxprTracer", jax.core.Tracer)
# Whole numbers up to it are float64 numbers.
EXACT = 2**53
# Powers up to it are `integer_pow`, which takes 32 bits.
LARGEST_POWER = 2**31 - 1


class QuickTrace(jax.core.Trace):
    """A trace that hands everything to another one, and makes the tracers of what comes out quick.

    Args:
        outer: the trace that jax.jit or jax.make_jaxpr has begun.
    """

    __slots__ = ("calls", "kinds", "numbers", "outer", "read")

    def __init__(self, outer: Any) -> None:
        super().__init__()
        self.outer, self.requires_low = outer, outer.requires_low
        # (identity of an array, index) -> what was read there; the tracer of what was read holds the array.
        self.read: dict[Any, Any] = {}
        # Identity of an abstract value -> it, and the ordinary array that it is. JAX makes few of them, and
        # takes long to compare them.
        self.kinds: dict[int, tuple[Any, Any]] = {}
        # Identity of one of JAX's own functions, as traced -> it, and its only equation.
        self.calls: dict[int, tuple[Any, Any]] = {}
        self.numbers: dict[float, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.outer, name)

    def process_primitive(self, primitive: jex.Primitive, tracers: Any, params: dict[str, Any], /) -> Any:
        """Write one operation; `jnp.sin` and its like are a call of one equation."""
        if primitive is primitives.jit_p and (only := self.only_equation(params)) is not None:
            (first,) = tracers
            if isinstance(first, QuickTracer) and first._trace is self.outer:
                return [self.write(only.primitive, [first], first.aval, only.params)]
        return self.quickened(self.outer.process_primitive(primitive, tracers, params))

    def only_equation(self, params: dict[str, Any]) -> jex.JaxprEqn | None:
        """The equation that a call stands for, if it is one of JAX's own functions."""
        called = params["jaxpr"]
        if (call := self.calls.get(id(called))) is None:
            call = self.calls[id(called)] = called, only_equation(params)
        return call[1]

    def process_call(self, *given: Any) -> Any:
        return self.quickened(self.outer.process_call(*given))

    def process_custom_jvp_call(self, *given: Any, **options: Any) -> Any:
        return self.quickened(self.outer.process_custom_jvp_call(*given, **options))

    def process_custom_vjp_call(self, *given: Any, **options: Any) -> Any:
        return self.quickened(self.outer.process_custom_vjp_call(*given, **options))

    def stage_value(self, val: Any) -> Any:
        return self.quickened(self.outer.stage_value(val))

    def quickened(self, values: Any) -> Any:
        """One value or several, the ordinary numbers and arrays among them with quick tracers."""
        for value in values if isinstance(values, list | tuple) else [values]:
            if type(value) is Writing and value._trace is self.outer:
                if (kind := self.kinds.get(id(value.aval))) is None:
                    kind = self.kinds[id(value.aval)] = value.aval, ordinary(value.aval)
                if kind[1] is not None:
                    value.__class__, value.aval = QuickTracer, kind[1]
        return values

    def write(self, primitive: jex.Primitive, operands: list[Any], aval: Any, params: dict[str, Any]) -> Any:
        """Write an equation whose one result is an ordinary array; return its tracer."""
        (found,) = self.outer.emit_eqn(operands, [aval], primitive, params, jex.no_effects, current())
        found.__class__ = QuickTracer
        return found

    def known(self, array: np.ndarray) -> Any:
        """A known array, as JAX keeps it."""
        return self.outer.new_const(forms().literal(array), current())

    def number(self, value: float) -> Any:
        """A known number, as JAX writes it."""
        # Zeros are equal and differ in sign.
        if (found := self.numbers.get(value) if value else None) is None:
            literal = jex.Literal(forms().literal(np.asarray(value, FLOAT)), NUMBER)
            found = self.numbers[value] = Writing(self.outer, NUMBER, literal, current())
        return found

    def operand(self, value: Any, shape: tuple[int, ...]) -> Any:
        """What stands beside an array of a shape, with nothing to promote; None if that is up to JAX."""
        kind = type(value)
        if kind is QuickTracer and value._trace is self.outer:
            return value if not shape or value.aval.shape in ((), shape) else None
        if kind is float or kind is np.float64 or (kind is int and -EXACT <= value <= EXACT):
            return self.number(value)
        if kind is np.ndarray and value.dtype == FLOAT and value.ndim and (not shape or value.shape == shape):
            return self.known(value)
        return None

    def stretch(self, array: Any, stretch: Stretch) -> Any:
        """A stretch of an array, as JAX slices it."""
        return sliced(self.write, array, stretch)

    def taken(self, array: Any, places: np.ndarray) -> Any:
        """Entries or rows of an array at known places, which need not be counted from the end any more."""
        primitive, params = indexing("read")
        shape = array.aval.shape
        numbers = jax.lax.GatherDimensionNumbers(
            tuple(range(places.ndim, places.ndim + len(shape) - 1)), (0,), (0,)
        )
        params = {**params, "dimension_numbers": numbers, "slice_sizes": (1, *shape[1:])}
        known = self.known(places[..., None])
        return self.write(primitive, [array, known], array_of(places.shape + shape[1:]), params)


def writer_of(tracer: Any) -> QuickTrace | None:
    """The trace that writes what is done with a tracer; None if that is up to JAX."""
    with jex.take_current_trace() as trace:
        return trace if isinstance(trace, QuickTrace) and trace.outer is tracer._trace else None


def operation(name: str, operator: str, reflected: bool = False) -> Any:
    """An operator of two operands.

    Args:
        name: such as `__add__`.
        operator: what JAX calls the primitive.
        reflected: whether the tracer is its second operand.
    """
    usual = getattr(Writing, name)

    def operate(self: Any, other: Any) -> Any:
        trace = writer_of(self)
        if trace is None or (operand := trace.operand(other, self.aval.shape)) is None:
            return usual(self, other)
        primitive, params = forms().operators[operator]
        aval = array_of(operand.aval.shape) if self.aval is NUMBER else self.aval
        return trace.write(primitive, [operand, self] if reflected else [self, operand], aval, params)

    operate.__name__ = name
    return operate


class QuickTracer(Writing):
    """An ordinary number or array in float64."""

    __slots__ = ()

    __add__, __radd__ = operation("__add__", "add"), operation("__radd__", "add", reflected=True)
    __sub__, __rsub__ = operation("__sub__", "sub"), operation("__rsub__", "sub", reflected=True)
    __mul__, __rmul__ = operation("__mul__", "mul"), operation("__rmul__", "mul", reflected=True)
    __truediv__ = operation("__truediv__", "div")
    __rtruediv__ = operation("__rtruediv__", "div", reflected=True)

    def __neg__(self) -> Any:
        trace = writer_of(self)
        return trace.write(primitives.neg_p, [self], self.aval, {}) if trace else super().__neg__()

    def __pow__(self, power: Any, *modulo: Any) -> Any:
        trace = writer_of(self)
        if trace is None or type(power) is not int or abs(power) > LARGEST_POWER or modulo:
            return super().__pow__(power, *modulo)
        return trace.write(primitives.integer_pow_p, [self], self.aval, {"y": power})

    def __getitem__(self, index: Any) -> Any:
        if (trace := writer_of(self)) is None:
            return super().__getitem__(index)
        # A number, which most indices are, is looked up as it was written.
        if type(index) is int and (found := trace.read.get((id(self), index))) is not None:
            return found
        shape = self.aval.shape
        stretch = stretch_of(index if type(index) is tuple else (index,), shape)
        if stretch is None:
            places = places_of(index, shape[0]) if shape else None
            return super().__getitem__(index) if places is None else trace.taken(self, places)
        key = id(self), index if type(index) is int else stretch
        if key not in trace.read:
            trace.read[key] = trace.stretch(self, stretch)
        return trace.read[key]

    @property
    def at(self) -> Any:
        trace, usual = writer_of(self), super().at
        return usual if trace is None or self.aval.ndim != 1 else Entries(trace, self, usual)


class Entries:
    """What `x.at` is for a vector: `[index]` gives entries that can be set or added to.

    Args:
        trace: what writes that.
        vector: the tracer x.
        usual: JAX's own `x.at`.
    """

    def __init__(self, trace: QuickTrace, vector: Any, usual: Any) -> None:
        self.trace, self.vector, self.usual = trace, vector, usual

    def __getitem__(self, index: Any) -> Any:
        size = self.vector.aval.size
        if type(index) is int and -size <= index < size:
            return ChosenEntries(self, index, np.array(index % size, np.int32))
        places = places_of(index, size)
        return self.usual[index] if places is None else ChosenEntries(self, index, places)


class ChosenEntries:
    """What `x.at[index]` is for known places in a vector.

    Args:
        entries: `x.at`.
        index: as it was written.
        places: the index, counted from the front; without axes if it is a number.
    """

    def __init__(self, entries: Entries, index: Any, places: np.ndarray) -> None:
        self.entries, self.index, self.places = entries, index, places

    def __getattr__(self, name: str) -> Any:
        return getattr(self.entries.usual[self.index], name)

    def set(self, values: Any, **options: Any) -> Any:
        return self.written("set", values, options)

    def add(self, values: Any, **options: Any) -> Any:
        return self.written("add", values, options)

    def written(self, name: str, values: Any, options: dict[str, Any]) -> Any:
        """The vector with other entries."""
        trace, vector = self.entries.trace, self.entries.vector
        shape = self.places.shape
        operand = None if options or writer_of(vector) is not trace else trace.operand(values, shape)
        if operand is None or operand.aval.shape != shape:
            return getattr(self.entries.usual[self.index], name)(values, **options)
        primitive, params = indexing(name if shape else f"{name} one")
        places = trace.known(self.places[..., None])
        return trace.write(primitive, [vector, places, operand], vector.aval, params)


def written(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function returns, its operations written by a quick trace.

    Args:
        function: pytrees -> pytree.
        arguments: pytrees of arrays or tracers.
    """
    leaves = jax.tree.leaves(arguments)
    with jex.take_current_trace() as outer:
        is_traced = any(type(leaf) is Writing and leaf._trace is outer for leaf in leaves)
    if not is_traced:
        return function(*arguments)
    trace = QuickTrace(outer)
    trace.quickened(leaves)
    try:
        with jex.set_current_trace(trace):
            return function(*arguments)
    finally:
        trace.read.clear()
