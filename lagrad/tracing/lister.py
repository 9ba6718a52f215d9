"""A trace that lists operations, and leaves writing their equations for later, when somebody asks for one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any

import jax
import jax.core
import numpy as np
from jax.extend import core as jex
from jax.extend.core import primitives

from lagrad.tracing.forms import (
    FLOAT,
    NUMBER,
    array_of,
    forms,
    is_placed_nowhere,
    is_sample,
    ordinary,
    sample,
)
from lagrad.tracing.listed_tracers import ListedTracer, ListedValue
from lagrad.tracing.listing import Listing, Operation, emitted, operation_of
from lagrad.tracing.places import Stretch, run_of
from lagrad.tracing.tracer import QuickTrace, Writing

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
        *("rem", "round", "is_finite", "cumsum", "cumprod", "reduce_max", "reduce_min", "reduce_prod"),
        *("sign", "floor", "ceil", "max", "min", "select_n", "clamp", "eq", "ne", "lt", "le", "gt", "ge"),
        *("and", "or", "not", "convert_element_type", "copy", "stack", "concatenate", "reshape", "squeeze"),
        *("broadcast_in_dim", "expand_dims", "transpose", "slice", "rev", "reduce_sum", "dot_general"),
    )
)
# Arrays with so few entries are compared by these.
SMALL = 64
# What is listed though all of its operands are known: it begins arrays that are filled later.
FILLED = ("broadcast_in_dim", "convert_element_type")
# Types of constants; what has fewer digits is JAX's, who has something to say about it.
TAKEN = frozenset(map(np.dtype, (np.float64, np.int64, np.int32, np.bool_)))
KNOWN = (int, float, np.generic, np.ndarray, jax.Array)


class ListingTrace(QuickTrace):
    """A trace whose operations are listed first, and written when one of them is needed as a tracer of JAX.

    Args:
        outer: the trace that jax.jit or jax.make_jaxpr has begun.
    """

    __slots__ = (
        "arrays",
        "functions",
        "is_open",
        "kinds_of",
        "nodes",
        "scalars",
        "values",
        "views",
    )

    def __init__(self, outer: Any) -> None:
        super().__init__(outer)
        self.is_open = True
        self.nodes: list[Any] = []
        # Number of an input and a stretch, or an index, of it -> what was read there.
        self.views: dict[Any, Any] = {}
        # Number -> the constant that it is.
        self.values: dict[float, Any] = {}
        # Known array, by its numbers or its identity -> it, and the constant that it is.
        self.arrays: dict[Any, tuple[Any, Any]] = {}
        # Primitive, parameters and shapes -> the operation.
        self.kinds_of: dict[Any, Operation] = {}
        self.functions: dict[tuple[int, int], Operation | None] = {}
        self.scalars = scalars()

    def __getattr__(self, name: str) -> Any:
        # What JAX does in a way of its own, it does with its own tracers.
        if name.startswith("process_"):
            self.close()
        return getattr(self.outer, name)

    def node(self, operation: Operation, operands: Any) -> Any:
        """The tracer of one more operation."""
        nodes, aval = self.nodes, operation.aval
        kind = ListedTracer if aval is NUMBER or ordinary(aval) is aval else ListedValue
        found = kind.__new__(kind)
        found._trace, found.aval, found.listing = self.outer, aval, self
        found.operation, found.operands, found.number = operation, operands, len(nodes)
        nodes.append(found)
        return found

    def operation(self, primitive: jex.Primitive, params: dict[str, Any], avals: Sequence[Any]) -> Operation:
        """A primitive with parameters and shapes."""
        key = (primitive, *params.items(), *avals)
        if (found := self.kinds_of.get(key)) is None:
            found = self.kinds_of[key] = operation_of(primitive, params, avals)
        return found

    def constant(self, array: np.ndarray, aval: Any) -> Any:
        """The tracer of a known array."""
        return self.node(Operation("constant", aval), array)

    def known(self, array: np.ndarray) -> Any:
        """A known array."""
        return self.array(array) if self.is_open else super().known(array)

    def array(self, array: np.ndarray | jax.Array) -> Any:
        """The one constant that a known array is."""
        is_small = isinstance(array, np.ndarray) and array.size <= SMALL
        key = (array.dtype, array.shape, array.tobytes()) if is_small else id(array)
        known = self.arrays.get(key)
        # An array of NumPy's may be filled anew for each pass of a loop.
        if known is None or (not is_small and not np.array_equal(known[1].operands, array)):
            aval = array_of(array.shape) if array.dtype == FLOAT else aval_of(array)
            numbers = array.copy() if isinstance(array, np.ndarray) else np.asarray(array)
            # With the array, which is kept as long as its identity counts.
            known = self.arrays[key] = array, self.constant(numbers, aval)
        return known[1]

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
        if self.is_open and all(isinstance(each, ListedValue) and each.listing is self for each in operands):
            # By their addresses, which the operation keeps: shapes take long to be hashed.
            key = (primitive, id(params), *(id(each.aval) for each in operands))
            if (found := self.kinds_of.get(key)) is None:
                found = operation_of(primitive, params, [each.aval for each in operands], aval)
                self.kinds_of[key] = found
            return self.node(found, tuple(each.number for each in operands))
        self.close()
        return super().write(primitive, operands, aval, params)

    def process_primitive(self, primitive: jex.Primitive, tracers: Any, params: dict[str, Any], /) -> Any:
        """List one operation if that can be, or let JAX write it."""
        if not self.is_open:
            return super().process_primitive(primitive, tracers, params)
        if primitive is primitives.jit_p and (found := self.function(params, tracers)) is not None:
            return [found]
        is_mine = any(isinstance(each, ListedValue) for each in tracers)
        if is_mine or (primitive.name in FILLED and params.get("new_dtype", FLOAT) == FLOAT):
            start = len(self.nodes)
            if (found := self.taken_apart(primitive, tracers, params)) is not None:
                return found if primitive.multiple_results else found[0]
            if is_mine:
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

    def function(self, params: dict[str, Any], operands: Sequence[Any]) -> Any:
        """What one of JAX's own functions of an array gives, such as `jnp.sin`; None of others."""
        first = operands[0] if operands else None
        if type(first) is not ListedTracer or first.listing is not self:
            return None
        # Both live as long as this trace: `calls` holds the one, and all know the shape of the other.
        key = id(params["jaxpr"]), id(first.aval)
        if key not in self.functions:
            only = self.only_equation(params)
            known = None if only is None else self.operation(only.primitive, only.params, (first.aval,))
            self.functions[key] = known
        operation = self.functions[key]
        return None if operation is None else self.node(operation, (first.number,))

    def taken_apart(
        self, primitive: jex.Primitive, operands: Sequence[Any], params: dict[str, Any]
    ) -> list[Any] | None:
        """What a primitive gives, listed; None if it cannot be."""
        if primitive is primitives.jit_p:
            return self.called(params, operands)
        if primitive.name not in LISTED:
            return self.parts(primitive, operands, params) if primitive.name in ("split", "unstack") else None
        mine = [self.mine(each) for each in operands]
        if None in mine:
            return None
        operation = self.operation(primitive, params, [each.aval for each in mine])
        if primitive.name == "convert_element_type" and mine[0].operation.name == "constant":
            # As JAX does: a number that is compared with x is the same in each pass of a loop.
            return [self.constant(mine[0].operands.astype(params["new_dtype"]), operation.aval)]
        return [self.node(operation, tuple(each.number for each in mine))]

    def parts(
        self, primitive: jex.Primitive, operands: Sequence[Any], params: dict[str, Any]
    ) -> list[Any] | None:
        """Stretches of an array along one axis, or its entries there; None if the list has no such array."""
        (array,), axis = operands, params["axis"]
        if type(array) is not ListedTracer or array.listing is not self:
            return None
        shape, is_split = array.aval.shape, primitive.name == "split"
        sizes = params["sizes"] if is_split else [1] * shape[axis]
        found, first = [], 0
        for size in map(int, sizes):
            start, limit = [0] * len(shape), [*shape]
            start[axis], limit[axis], first = first, first + size, first + size
            found.append(self.stretch(array, (tuple(start), tuple(limit), () if is_split else (axis,))))
        return found

    def called(self, params: dict[str, Any], operands: Sequence[Any]) -> list[Any] | None:
        """What a short function of JAX's gives, listed equation by equation; None if it cannot be."""
        jaxpr, consts = params["jaxpr"].jaxpr, params["jaxpr"].consts
        if len(jaxpr.eqns) > LONGEST_CALL or jaxpr.effects or consts or not is_placed_nowhere(params):
            return None
        if any(isinstance(atom, jex.Literal) for atom in jaxpr.outvars):
            return None
        values = dict(zip(jaxpr.invars, operands, strict=True))
        for equation in jaxpr.eqns:
            given = [each if isinstance(each, jex.Literal) else values[each] for each in equation.invars]
            found = self.taken_apart(equation.primitive, given, equation.params)
            if found is None:
                return None
            values.update(zip(equation.outvars, found, strict=True))
        return [values[each] for each in jaxpr.outvars]

    def mine(self, value: Any) -> Any:
        """A tracer of this list, also for what is known; None for what is neither."""
        if isinstance(value, ListedValue):
            return value if value.listing is self else None
        if isinstance(value, jex.Literal):
            known = np.asarray(value.val)
            return self.constant(known, value.aval) if known.dtype in TAKEN else None
        is_literal = type(value) is forms().literal
        if isinstance(value, jax.core.Tracer) or not (is_literal or isinstance(value, KNOWN)):
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
        if not all(isinstance(each, ListedValue) and each.listing is self for each in outputs):
            return None
        nodes, self.nodes, self.is_open = self.nodes, [], False
        return Listing(
            [node.operation for node in nodes],
            [node.operands for node in nodes],
            tuple(each.number if isinstance(each, ListedValue) else None for each in inputs),
            tuple(each.number for each in outputs),
        )


@cache
def scalars() -> dict[str, Operation]:
    """Arithmetic of numbers, by what JAX calls the primitive."""
    counts = {"add": 2, "sub": 2, "mul": 2, "div": 2, "neg": 1}
    operators = {name: forms().operators[name] for name in counts}
    return {name: operation_of(*operators[name], (NUMBER,) * count) for name, count in counts.items()}


CONSTANT = Operation("constant", NUMBER)


@lru_cache(maxsize=4096)
def entries_of(shape: tuple[int, ...]) -> Operation:
    """The operation that reads entries in a shape."""
    return Operation("entries", array_of(shape))


def aval_of(value: Any) -> Any:
    """Shape and dtype of what is known."""
    aval = jax.typeof(value)
    return ordinary(aval) or aval


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

    def write(x: jax.Array) -> list[jax.Array]:
        value, listing = listed_anyway(sample, x)
        return value if listing is None else emit(listing, [x])

    return is_sample(write)
