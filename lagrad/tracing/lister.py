"""A trace that lists operations, and leaves writing their equations for later, when somebody asks for one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import jax
import jax.core
import numpy as np
from jax.extend import core as jex
from jax.extend.core import primitives

from lagrad.precision import float64
from lagrad.tracing.forms import FLOAT, NUMBER, array_of, forms, is_placed_nowhere, ordinary, sample
from lagrad.tracing.listing import Listing, Operation, emitted, equation_of
from lagrad.tracing.places import Stretch, run_of, stretch_of
from lagrad.tracing.tracer import EXACT, LARGEST_POWER, QuickTrace, QuickTracer, Writing

# Fewer operations are written in no time, and seldom repeat themselves.
FEWEST = 60
# Functions of JAX's own with at most so many equations are listed equation by equation.
LONGEST_CALL = 20
# What is listed as it is bound: one result, which depends on shapes only, and no program inside.
LISTED = frozenset(
    (
        *("add", "sub", "mul", "div", "neg", "integer_pow", "pow", "sqrt", "rsqrt", "cbrt", "square", "abs"),
        *("exp", "exp2", "log", "log1p", "expm1", "sin", "cos", "tan", "asin", "acos", "atan", "atan2"),
        *("sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "logistic", "lgamma", "digamma"),
        *("sign", "floor", "ceil", "max", "min", "select_n", "clamp", "eq", "ne", "lt", "le", "gt", "ge"),
        *("and", "or", "not", "convert_element_type", "copy", "stack", "concatenate", "reshape", "squeeze"),
        *("broadcast_in_dim", "expand_dims", "transpose", "slice", "rev", "reduce_sum", "dot_general"),
    )
)


# Types of constants; what has fewer digits is JAX's, who has something to say about it.
TAKEN = frozenset(map(np.dtype, (np.float64, np.int64, np.int32, np.bool_)))
KNOWN = (int, float, np.generic, np.ndarray, jax.Array)


class ListingTrace(QuickTrace):
    """A trace whose operations are listed first, and written when one of them is needed as a tracer of JAX.

    Args:
        outer: the trace that jax.jit or jax.make_jaxpr has begun.
    """

    __slots__ = ("arrays", "is_open", "kinds_of", "nodes", "powers", "scalars", "values", "views")

    def __init__(self, outer: Any) -> None:
        super().__init__(outer)
        self.is_open = True
        self.nodes: list[Any] = []
        # Number of an input and a stretch, or an index, of it -> what was read there.
        self.views: dict[Any, Any] = {}
        # Number -> the constant that it is.
        self.values: dict[float, Any] = {}
        # Identity of a known array -> it, and the constant that it is.
        self.arrays: dict[int, tuple[Any, Any]] = {}
        # Primitive, parameters and shapes -> the operation.
        self.kinds_of: dict[Any, Operation] = {}
        self.powers: dict[int, Operation] = {}
        self.scalars = {
            name: self.operation(primitive, params, (NUMBER, NUMBER)[: 1 if name == "neg" else 2])
            for name, (primitive, params) in forms().operators.items()
            if name in ("add", "sub", "mul", "div", "neg")
        }

    def node(self, operation: Operation, operands: Any) -> Any:
        """The tracer of one more operation."""
        nodes, aval = self.nodes, operation.aval
        kind = ListedTracer if aval is NUMBER or ordinary(aval) is aval else ListedOther
        found = kind.__new__(kind)
        found._trace, found.aval, found.listing = self.outer, aval, self
        found.operation, found.operands, found.number = operation, operands, len(nodes)
        nodes.append(found)
        return found

    def operation(self, primitive: jex.Primitive, params: dict[str, Any], avals: Sequence[Any]) -> Operation:
        """A primitive with parameters and shapes."""
        key = (primitive, *params.items(), *avals)
        if (found := self.kinds_of.get(key)) is None:
            aval, _ = primitive.abstract_eval(*avals, **params)
            aval = ordinary(aval) or aval
            equation = equation_of(primitive, params, avals, aval)
            found = self.kinds_of[key] = Operation(primitive.name, aval, equation)
        return found

    def power(self, power: int) -> Operation:
        """The operation that raises a number to a whole power."""
        if (found := self.powers.get(power)) is None:
            found = self.operation(primitives.integer_pow_p, {"y": power}, (NUMBER,))
            self.powers[power] = found
        return found

    def constant(self, array: np.ndarray, aval: Any) -> Any:
        """The tracer of a known array."""
        return self.node(Operation("constant", aval), array)

    def known(self, array: np.ndarray) -> Any:
        """A known array."""
        return self.array(array) if self.is_open else super().known(array)

    def array(self, array: np.ndarray | jax.Array) -> Any:
        """The one constant that a known array is."""
        if (found := self.arrays.get(id(array))) is None:
            aval = array_of(array.shape) if array.dtype == FLOAT else aval_of(array)
            # With the array, which is kept as long as its identity counts.
            found = self.arrays[id(array)] = array, self.constant(np.asarray(array), aval)
        return found[1]

    def number(self, value: float) -> Any:
        """A known number."""
        if not self.is_open:
            return super().number(value)
        if (found := self.values.get(value) if value else None) is None:
            found = self.values[value] = self.node(CONSTANT, np.asarray(value, FLOAT))
        return found

    def operand(self, value: Any, shape: tuple[int, ...]) -> Any:
        """What stands beside an array of a shape; None if that is up to JAX."""
        if type(value) is ListedTracer and value.listing is self:
            return value if not shape or value.aval.shape in ((), shape) else None
        return super().operand(value, shape)

    def write(self, primitive: jex.Primitive, operands: list[Any], aval: Any, params: dict[str, Any]) -> Any:
        """List an equation whose one result is an ordinary array."""
        if self.is_open and all(type(each) in MINE and each.listing is self for each in operands):
            key = (primitive, *params.items(), *(each.aval for each in operands))
            if (found := self.kinds_of.get(key)) is None:
                equation = equation_of(primitive, params, [each.aval for each in operands], aval)
                found = self.kinds_of[key] = Operation(primitive.name, aval, equation)
            return self.node(found, tuple(each.number for each in operands))
        self.close()
        return super().write(primitive, operands, aval, params)

    def process_primitive(self, primitive: jex.Primitive, tracers: Any, params: dict[str, Any], /) -> Any:
        """List one operation if that can be, or let JAX write it."""
        if (
            self.is_open
            and primitive is primitives.jit_p
            and (only := self.only_equation(params)) is not None
        ):
            (first,) = tracers
            if type(first) is ListedTracer and first.listing is self:
                operation = self.operation(only.primitive, only.params, (first.aval,))
                return [self.node(operation, (first.number,))]
        if self.is_open and any(type(each) in MINE for each in tracers):
            start = len(self.nodes)
            if (found := self.taken_apart(primitive, tracers, params)) is not None:
                return found if primitive.multiple_results else found[0]
            del self.nodes[start:]
            self.close()
        return super().process_primitive(primitive, tracers, params)

    def process_call(self, *given: Any) -> Any:
        self.close()
        return super().process_call(*given)

    def process_custom_jvp_call(self, *given: Any, **options: Any) -> Any:
        self.close()
        return super().process_custom_jvp_call(*given, **options)

    def process_custom_vjp_call(self, *given: Any, **options: Any) -> Any:
        self.close()
        return super().process_custom_vjp_call(*given, **options)

    def stage_value(self, val: Any) -> Any:
        self.close()
        return super().stage_value(val)

    def taken_apart(
        self, primitive: jex.Primitive, operands: Sequence[Any], params: dict[str, Any]
    ) -> list[Any] | None:
        """What a primitive gives, listed; None if it cannot be."""
        if primitive is primitives.jit_p:
            return self.called(params, operands)
        if primitive.name not in LISTED:
            return None
        mine = [self.mine(each) for each in operands]
        if None in mine:
            return None
        operation = self.operation(primitive, params, [each.aval for each in mine])
        return [self.node(operation, tuple(each.number for each in mine))]

    def called(self, params: dict[str, Any], operands: Sequence[Any]) -> list[Any] | None:
        """What a short function of JAX's gives, listed equation by equation; None if it cannot be."""
        closed, jaxpr = params["jaxpr"], params["jaxpr"].jaxpr
        if len(jaxpr.eqns) > LONGEST_CALL or jaxpr.effects or closed.consts or not is_placed_nowhere(params):
            return None
        values = dict(zip(jaxpr.invars, operands, strict=True))

        def value(atom: Any) -> Any:
            return atom if isinstance(atom, jex.Literal) else values[atom]

        for equation in jaxpr.eqns:
            found = self.taken_apart(equation.primitive, [*map(value, equation.invars)], equation.params)
            if found is None:
                return None
            values.update(zip(equation.outvars, found, strict=True))
        return (
            [*map(value, jaxpr.outvars)]
            if not any(isinstance(a, jex.Literal) for a in jaxpr.outvars)
            else None
        )

    def mine(self, value: Any) -> Any:
        """A tracer of this list, also for what is known; None for what is neither."""
        if type(value) in MINE:
            return value if value.listing is self else None
        if isinstance(value, jex.Literal):
            known = np.asarray(value.val)
            return self.constant(known, value.aval) if known.dtype in TAKEN else None
        if isinstance(value, jax.core.Tracer) or not isinstance(value, KNOWN):
            return None
        if aval_of(value).dtype not in TAKEN:
            return None
        is_array = isinstance(value, np.ndarray | jax.Array)
        return self.array(value) if is_array else self.constant(np.asarray(value), aval_of(value))

    def stretch(self, array: Any, stretch: Stretch) -> Any:
        """A stretch of an array."""
        if not self.is_open or type(array) is not ListedTracer or array.operation.name != "input":
            return super().stretch(array, stretch)
        first = run_of(stretch, array.aval.shape)
        if first is None:
            return super().stretch(array, stretch)
        start, limit, dropped = stretch
        kept = [axis for axis in range(len(start)) if axis not in dropped]
        operation = entries_of(tuple(limit[axis] - start[axis] for axis in kept))
        return self.node(operation, (array.number, first, stretch))

    def input(self, tracer: Any) -> Any:
        """An argument as a tracer of this list, if it is an ordinary array."""
        aval = ordinary(tracer.aval)
        if aval is None:
            return tracer
        found = self.node(Operation("input", aval), None)
        found.val, found.parent, found.mutable_qdd = tracer.val, None, None
        return found

    def end(self) -> None:
        """Let go of all tracers."""
        self.is_open, self.nodes = False, []
        for each in (self.read, self.views, self.values, self.arrays):
            each.clear()

    def close(self) -> None:
        """Write everything that is listed, now that JAX asks for it."""
        if not self.is_open:
            return
        self.is_open, nodes, self.nodes = False, self.nodes, []
        inputs = [node for node in nodes if node.operation.name == "input"]
        found = emitted(
            self.outer, [node.operation for node in nodes], [node.operands for node in nodes], inputs
        )
        for node, tracer in zip(nodes, found, strict=True):
            if node is not tracer:
                # JAX lets go of a known array as soon as nobody holds its tracer.
                node.operands = tracer if node.operation.name == "constant" else None
                node.val, node.parent, node.mutable_qdd = tracer.val, tracer.parent, None

    def listing(self, inputs: Sequence[Any], outputs: Sequence[Any]) -> Listing | None:
        """All that is listed, if the outputs need nothing else and it is long; then nothing is written."""
        if not self.is_open or len(self.nodes) < FEWEST:
            return None
        if not all(type(each) in MINE and each.listing is self for each in outputs):
            return None
        nodes, self.nodes, self.is_open = self.nodes, [], False
        return Listing(
            [node.operation for node in nodes],
            [node.operands for node in nodes],
            tuple(each.number if type(each) in MINE else None for each in inputs),
            tuple(each.number for each in outputs),
        )


CONSTANT = Operation("constant", NUMBER)
ENTRIES: dict[tuple[int, ...], Operation] = {}


def entries_of(shape: tuple[int, ...]) -> Operation:
    """The operation that reads entries in a shape."""
    if (found := ENTRIES.get(shape)) is None:
        found = ENTRIES[shape] = Operation("entries", array_of(shape))
    return found


def aval_of(value: Any) -> Any:
    """Shape and dtype of what is known."""
    aval = jax.typeof(value)
    return ordinary(aval) or aval


def operation(name: str, operator: str, reflected: bool = False) -> Callable[[Any, Any], Any]:
    """An operator of two operands, most of which are numbers.

    Args:
        name: such as `__add__`.
        operator: what JAX calls the primitive.
        reflected: whether the tracer is its second operand.
    """
    usual, take = getattr(QuickTracer, name), jex.take_current_trace

    def operate(self: Any, other: Any) -> Any:
        listing = self.listing
        if self.aval is NUMBER and listing.is_open:
            kind = type(other)
            if kind is ListedTracer:
                number = other.number if other.aval is NUMBER and other.listing is listing else None
            elif kind is float or (kind is int and -EXACT <= other <= EXACT):
                number = listing.number(other).number
            else:
                number = None
            if number is not None:
                with take() as trace:
                    is_written_here = trace is listing
                if is_written_here:
                    operands = (number, self.number) if reflected else (self.number, number)
                    nodes = listing.nodes
                    found = new(ListedTracer)
                    found._trace, found.aval, found.listing = self._trace, NUMBER, listing
                    found.operation, found.operands = listing.scalars[operator], operands
                    found.number = len(nodes)
                    nodes.append(found)
                    return found
        return usual(self, other)

    operate.__name__ = name
    return operate


def is_current(listing: ListingTrace) -> bool:
    """Whether operations belong to a list now, rather than to a branch or a loop that is traced inside."""
    with jex.take_current_trace() as trace:
        return trace is listing


def asked(self: Any, name: str) -> Any:
    """What JAX asks a tracer that was only listed for; everything listed is then written."""
    if name == "val" and self.listing.is_open:
        self.listing.close()
        return self.val
    # Nothing was written for what outlives its trace.
    if name in ("val", "parent", "mutable_qdd", "_line_info", "_debug_info"):
        return None
    return Writing.__getattr__(self, name)


class ListedTracer(QuickTracer):
    """An ordinary number or array in float64 that is listed."""

    __slots__ = ("listing", "number", "operands", "operation")

    __getattr__ = asked
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
        if type(index) is int and (found := listing.views.get(key)) is not None:
            return found
        stretch = stretch_of(index if type(index) is tuple else (index,), self.aval.shape)
        if stretch is None:
            return super().__getitem__(index)
        if type(index) is not int:
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
            return listing.node(listing.power(power), (self.number,))
        return super().__pow__(power, *modulo)

    def get_referent(self) -> Any:
        return self if self.listing.is_open else super().get_referent()

    def __iter__(self) -> Any:
        is_vector = len(self.aval.shape) == 1 and self.listing.is_open and self.operation.name == "input"
        return (self[k] for k in range(self.aval.shape[0])) if is_vector else super().__iter__()


class ListedOther(Writing):
    """What is listed and no ordinary array in float64, such as a truth."""

    __slots__ = ("listing", "number", "operands", "operation")

    __getattr__ = asked

    def get_referent(self) -> Any:
        return self if self.listing.is_open else super().get_referent()


MINE = (ListedTracer, ListedOther)
new = ListedTracer.__new__


def listed(function: Callable[..., Any], *arguments: Any) -> tuple[Any, Listing | None]:
    """What a function returns, or the list of its operations instead, where it is nothing but that.

    Args:
        function: pytrees -> pytree.
        arguments: pytrees of tracers of jax.jit or jax.make_jaxpr.

    Returns:
        The result; and the list, or None. With a list, nothing was written of which the result could be made.
    """
    return listed_anyway(function, *arguments) if is_known() else (function(*arguments), None)


def listed_anyway(function: Callable[..., Any], *arguments: Any) -> tuple[Any, Listing | None]:
    """The same, whatever the installed JAX is."""
    leaves, structure = jax.tree.flatten(arguments)
    with jex.take_current_trace() as outer:
        is_traced = all(type(leaf) is Writing and leaf._trace is outer for leaf in leaves)
    if not is_traced:
        return function(*arguments), None
    trace = ListingTrace(outer)
    inputs = [trace.input(leaf) for leaf in leaves]
    try:
        with jex.set_current_trace(trace):
            value = function(*jax.tree.unflatten(structure, inputs))
        found = trace.listing(inputs, jax.tree.leaves(value))
        if found is None:
            trace.close()
        return value, found
    finally:
        trace.end()


def emit(listing: Listing, leaves: Sequence[Any]) -> list[Any]:
    """Write all that a list needs into the function that jax.jit or jax.make_jaxpr traces.

    Args:
        listing: operations.
        leaves: tracers of the leaves of the arguments.

    Returns:
        Tracers of the outputs.
    """
    with jex.take_current_trace() as outer:
        given = [leaf for leaf, number in zip(leaves, listing.inputs, strict=True) if number is not None]
        found = emitted(outer, listing.operations, listing.operands, given)
    return [found[number] for number in listing.outputs]


@cache
def is_known() -> bool:
    """Whether what is listed is written as the installed JAX writes it by itself."""
    try:
        with float64():
            leaf = np.zeros(3)
            found = jax.make_jaxpr(lambda x: listed_anyway(sample, x)[0])(leaf)
        return str(found) == str(forms().program)
    except (AttributeError, TypeError):
        return False
