"""Hold what a function computes as a list of operations, from which JAX's equations are written if needed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from jax.extend import core as jex
from jax.extend.source_info_util import new_source_info

from lagrad.tracing.forms import forms, ordinary, sliced


@dataclass(frozen=True, eq=False)
class Operation:
    """What gives a variable; one object serves all that differ only in their operands.

    Args:
        name: of the primitive; "input", "constant" or "entries" for what no equation gives.
        aval: shape and dtype of the variable.
        primitive: what an equation applies; None where there is none.
        params: its parameters.
        avals: shapes and dtypes of its operands.
    """

    name: str
    aval: Any
    primitive: jex.Primitive | None = None
    params: dict[str, Any] = field(default_factory=dict[str, Any])
    avals: Sequence[Any] = ()

    @cached_property
    def equation(self) -> jex.JaxprEqn:
        """An equation of this kind."""
        new = jex.gensym()
        operands, results = [*map(new, self.avals)], [new(self.aval)]
        return jex.new_jaxpr_eqn(operands, results, self.primitive, self.params, jex.no_effects)


@dataclass(frozen=True, eq=False)
class Listing:
    """What a function computes, an operation a variable, in order.

    Args:
        operations: what gives each variable.
        operands: numbers of the variables that an equation takes; the array that a constant is; of "entries"
            the number of an input, the first of them in its flat array, where they follow one another, and
            their stretch; None for an input.
        inputs: variable of each leaf of the arguments; None where it is no ordinary array.
        outputs: variables of the leaves of the result.
    """

    operations: Sequence[Operation]
    operands: Sequence[Any]
    inputs: tuple[int | None, ...]
    outputs: tuple[int, ...]


def operation_of(
    primitive: jex.Primitive, params: dict[str, Any], avals: Sequence[Any], aval: Any = None
) -> Operation:
    """A primitive with parameters, of operands of some shapes.

    Args:
        primitive: of one result.
        params: its parameters.
        avals: shapes and dtypes of the operands.
        aval: of the result; JAX's, if not given.
    """
    if aval is None:
        found, _ = primitive.abstract_eval(*avals, **params)
        aval = ordinary(found) or found
    return Operation(primitive.name, aval, primitive, params, tuple(avals))


def emitted(
    outer: Any, operations: Iterable[Operation], operands: Iterable[Any], inputs: Iterable[Any]
) -> list[Any]:
    """Tracers of all variables of a list, whose equations JAX writes now.

    Args:
        outer: the trace of jax.jit or jax.make_jaxpr.
        operations: what gives each variable.
        operands: as a `Listing` has them.
        inputs: tracers of the inputs.
    """
    found, arguments, nowhere = list[Any](), iter(inputs), new_source_info()

    def write(primitive: jex.Primitive, given: list[Any], aval: Any, params: dict[str, Any]) -> Any:
        return outer.emit_eqn(given, [aval], primitive, params, jex.no_effects, nowhere)[0]

    for operation, taken in zip(operations, operands, strict=True):
        if operation.primitive is not None:
            given = [found[each] for each in taken]
            tracer = write(operation.primitive, given, operation.aval, operation.params)
        elif operation.name == "input":
            tracer = next(arguments)
        elif operation.name == "constant":
            tracer = outer.new_const(forms().literal(taken), nowhere)
        else:
            tracer = sliced(write, found[taken[0]], taken[2])
        found.append(tracer)
    return found
