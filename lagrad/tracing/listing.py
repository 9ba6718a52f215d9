"""Hold what a function computes as a list of operations, from which JAX's equations are written if needed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from jax.extend import core as jex
from jax.extend.core import primitives
from jax.extend.source_info_util import new_source_info

from lagrad.tracing.forms import array_of, forms
from lagrad.tracing.places import Stretch


class Operation:
    """What gives a variable; one object serves all that differ only in their operands.

    Args:
        name: of the primitive; "input", "constant" or "entries" for what no equation gives.
        aval: shape and dtype of the variable.
        equation: an equation of this kind.
    """

    __slots__ = ("aval", "equation", "name")

    def __init__(self, name: str, aval: Any, equation: jex.JaxprEqn | None = None) -> None:
        self.name, self.aval, self.equation = name, aval, equation


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


def equation_of(primitive: jex.Primitive, params: dict[str, Any], avals: Sequence[Any], aval: Any) -> Any:
    """An equation that applies a primitive to operands of some shapes."""
    new = jex.gensym()
    return jex.new_jaxpr_eqn([*map(new, avals)], [new(aval)], primitive, params, jex.no_effects)


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
    found: list[Any] = []
    arguments, nowhere = iter(inputs), new_source_info()
    for operation, taken in zip(operations, operands, strict=True):
        if (equation := operation.equation) is not None:
            given = [found[each] for each in taken]
            (tracer,) = outer.emit_eqn(
                given, [operation.aval], equation.primitive, equation.params, jex.no_effects, nowhere
            )
        elif operation.name == "input":
            tracer = next(arguments)
        elif operation.name == "constant":
            tracer = outer.new_const(forms().literal(taken), nowhere)
        else:
            tracer = read(outer, found[taken[0]], taken[2], operation.aval, nowhere)
        found.append(tracer)
    return found


def read(outer: Any, array: Any, stretch: Stretch, aval: Any, nowhere: Any) -> Any:
    """A stretch of an array, as JAX slices it."""
    (start, limit, dropped), found = stretch, array
    if limit != array.aval.shape or any(start):
        sizes = tuple(last - first for first, last in zip(start, limit, strict=True))
        params = {"start_indices": start, "limit_indices": limit, "strides": None}
        found = write(outer, primitives.slice_p, found, array_of(sizes), params, nowhere)
    if dropped:
        found = write(outer, primitives.squeeze_p, found, aval, {"dimensions": dropped}, nowhere)
    return found


def write(
    outer: Any, primitive: jex.Primitive, operand: Any, aval: Any, params: dict[str, Any], nowhere: Any
) -> Any:
    """An equation of one operand."""
    return outer.emit_eqn([operand], [aval], primitive, params, jex.no_effects, nowhere)[0]
