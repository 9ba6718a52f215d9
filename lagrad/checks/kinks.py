"""Find operations that have no derivative exactly at a point.

| operation            | its kink                       | what JAX calls the derivative    |
|----------------------|--------------------------------|----------------------------------|
| abs, sign            | operand 0                      | 0                                |
| max, min, clamp      | operands equal                 | half of each                     |
| reduce_max, sort     | two largest (neighbors) equal  | shared, or that of one           |
| lt, gt, ... in where | operands equal                 | that of the branch taken         |
| floor, ceil, round   | whole (or half) number         | 0                                |
| sqrt, cbrt           | operand 0                      | infinite                         |

An operation counts only if x reaches it, and it the result, by a way that derivatives take.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy.typing as npt

from lagrad.checks.faults import described
from lagrad.precision import float64
from lagrad.primitives.elementwise import ELEMENTWISE
from lagrad.program.callbacks import jitted
from lagrad.program.equation import Equation
from lagrad.program.program import Program
from lagrad.program.trace import operations
from lagrad.program.walk import needed, reached

# (params of an operation, operands) -> where it stands on its kink.
Test = Callable[..., jax.Array]
# Relative distance below which a point is taken to lie on the kink.
NEAR = 1e-10


@dataclass(frozen=True)
class Kink:
    """An operation at which the point has no derivative.

    Args:
        primitive: name of the operation.
        place: the user's file and line.
        operands: where it stands, as text.
    """

    primitive: str
    place: str
    operands: str

    def __str__(self) -> str:
        return f"`{self.primitive}`" + (f" at {self.operands}" if self.operands else "") + f", {self.place}"


def equal(a: jax.Array, b: jax.Array) -> jax.Array:
    """Where two arrays agree but for rounding; never where one is infinite."""
    close = jnp.abs(a - b) <= NEAR * jnp.maximum(1.0, jnp.maximum(jnp.abs(a), jnp.abs(b)))
    return close & jnp.isfinite(a) & jnp.isfinite(b)


def at_zero(params: dict[str, Any], x: jax.Array) -> jax.Array:
    """Operand zero."""
    return equal(x, jnp.zeros_like(x))


def at_tie(params: dict[str, Any], a: jax.Array, b: jax.Array) -> jax.Array:
    """Both operands equal."""
    return equal(a, b)


def at_limits(params: dict[str, Any], low: jax.Array, x: jax.Array, high: jax.Array) -> jax.Array:
    """Operand equal to one of the limits of a clamp."""
    return equal(x, jnp.broadcast_to(low, x.shape)) | equal(x, jnp.broadcast_to(high, x.shape))


def at_whole(params: dict[str, Any], x: jax.Array) -> jax.Array:
    """Operand a whole number."""
    return equal(x, jnp.round(x))


def at_half(params: dict[str, Any], x: jax.Array) -> jax.Array:
    """Operand halfway between whole numbers."""
    return equal(x - jnp.floor(x), jnp.full_like(x, 0.5))


def shared_extreme(extreme: Callable[..., Any]) -> Test:
    """Test whether the largest (smallest) entry of a reduction is there twice."""

    def at_shared(params: dict[str, Any], x: jax.Array) -> jax.Array:
        axes = tuple(params["axes"])
        best = extreme(x, axis=axes, keepdims=True)
        return (equal(x, best).sum(axis=axes) > 1) & (jnp.size(x) > 0)

    return at_shared


def at_neighbors(params: dict[str, Any], x: jax.Array, *others: jax.Array) -> jax.Array:
    """Two entries equal after sorting."""
    ordered = jnp.moveaxis(jnp.sort(x, axis=params["dimension"]), params["dimension"], -1)
    return equal(ordered[..., 1:], ordered[..., :-1])


# Where a row of the table of primitives says that its kink is -> the test for it.
PLACES: dict[str, Test] = {
    "zero": at_zero,
    "tie": at_tie,
    "limits": at_limits,
    "whole": at_whole,
    "half": at_half,
}
TESTS: dict[str, Test] = {
    **{name: PLACES[facts.kink] for name, facts in ELEMENTWISE.items() if facts.kink},
    "reduce_max": shared_extreme(jnp.max),
    "reduce_min": shared_extreme(jnp.min),
    "sort": at_neighbors,
}


def find_kinks(function: Callable[..., Any], inputs: Sequence[npt.ArrayLike]) -> list[Kink]:
    """Operations without a derivative at the point.

    Args:
        function: of `inputs`.
        inputs: flat x, shape (n,), and further arrays.

    Returns:
        Kinks in the order of evaluation, a line of the user's once for each primitive.
    """
    found = operations(function, inputs)
    suspects = [step for step in candidates(found) if takes_floats(step)]
    if not suspects:
        return []

    def hits(*given: jax.Array) -> tuple[list[jax.Array], list[list[jax.Array]]]:
        values = found.values(given)
        return [first_true(stands_on(step, values)) for step in suspects], [
            [values[i] for i in step.inputs] for step in suspects
        ]

    with float64():
        places, operands = jitted(hits)(*inputs)
        met = [(s, v, int(k)) for s, v, k in zip(suspects, operands, places, strict=True) if int(k) >= 0]
    shown = [described("value", step, values, index) for step, values, index in met]
    return list({(s.primitive, s.place): Kink(s.primitive, s.place, s.operands) for s in shown}.values())


def candidates(found: Program) -> list[Equation]:
    """Operations with a test that lie on a way from x to the result."""
    differentiable = [step for step in found.equations if step.name != "stop_gradient"]
    ahead = reached(differentiable, found.inputs[:1])
    back = {variable for step in needed(differentiable, found.outputs) for variable in step.outputs}
    return [
        step
        for step in found.equations
        if step.name in TESTS and ahead & set(step.inputs) and back & set(step.outputs)
    ]


def takes_floats(step: Equation) -> bool:
    """Whether the first operand is of floating type."""
    return jnp.issubdtype(getattr(step.source.invars[0].aval, "dtype", bool), jnp.floating)


def stands_on(step: Equation, values: dict[int, jax.Array]) -> jax.Array:
    """Where an operation stands on its kink, Booleans."""
    operands = [jnp.asarray(values[i]) for i in step.inputs]
    return TESTS[step.name](step.source.params, *operands)


def first_true(mask: jax.Array) -> jax.Array:
    """Flat index of the first True, -1 for none."""
    flat = jnp.ravel(mask)
    return jnp.where(flat.any(), jnp.argmax(flat), -1) if flat.size else jnp.asarray(-1)
