"""Derivatives of the largest of some numbers that do not depend on the last bit.

JAX up to 0.10.2 finds which operand of a `max` is the largest by asking which one equals it. XLA computes
operands twice where that is quicker than to keep them, and rounds them otherwise the second time: then none
is equal, and the derivative is lost without a word, or is nan (jax-ml/jax issue 40564). Here operands are
compared with one another. What JAX gives at ties stays, half of each slope, or equal shares of all.

    max(x, y)' = x'                where x > y
                 (x' + y') / 2     where x = y
                 y'                where x < y, and 0 where one of them is nan
"""

from __future__ import annotations

from functools import partial
from math import prod

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend import core as jex

from lagrad.primitives.equations import is_floating, size_of
from lagrad.program.rebuild import Replaced


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def larger(is_max: bool, x: jax.Array, y: jax.Array) -> jax.Array:
    """max(x, y) or min(x, y), element by element."""
    return lax.max(x, y) if is_max else lax.min(x, y)


@larger.defjvp
def larger_moves(is_max: bool, primals, tangents) -> tuple[jax.Array, jax.Array]:
    """Value, and the tangent of the operand that is taken."""
    (x, y), (by_x, by_y) = primals, tangents
    takes_x, takes_y = (x > y, x < y) if is_max else (x < y, x > y)
    tie = jnp.where(x == y, 0.5 * (by_x + by_y), jnp.zeros_like(by_x))
    return larger(is_max, x, y), jnp.where(takes_x, by_x, jnp.where(takes_y, by_y, tie))


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def largest(is_max: bool, axes: tuple[int, ...], x: jax.Array) -> jax.Array:
    """Largest or smallest element along some axes."""
    return jnp.max(x, axes) if is_max else jnp.min(x, axes)


@largest.defjvp
def largest_moves(is_max: bool, axes: tuple[int, ...], primals, tangents) -> tuple[jax.Array, jax.Array]:
    """Value, and the mean tangent of the elements that are taken; of the first if none equals the value."""
    (x,), (tangent,) = primals, tangents
    value = largest(is_max, axes, x)
    last = tuple(range(-len(axes), 0))
    rows = jnp.moveaxis(x, axes, last).reshape(*value.shape, prod(x.shape[i] for i in axes))
    by = jnp.moveaxis(tangent, axes, last).reshape(rows.shape)
    first = (jnp.argmax if is_max else jnp.argmin)(rows, -1)[..., None] == jnp.arange(rows.shape[-1])
    equal = rows == value[..., None]
    taken = jnp.where(equal.any(-1, keepdims=True), equal, first)
    return value, jnp.where(taken, by, 0.0).sum(-1) / taken.sum(-1)


def of_two(equation: jex.JaxprEqn, operands: list) -> list | None:
    """A `max` or `min`."""
    if not all(map(is_floating, equation.invars)):
        return None
    return [larger(equation.primitive.name == "max", *operands)]


def of_many(equation: jex.JaxprEqn, operands: list) -> list | None:
    """A `reduce_max` or `reduce_min`."""
    axes = tuple(equation.params["axes"])
    if not is_floating(equation.invars[0]) or not axes or not size_of(equation.invars[0]):
        return None
    return [largest(equation.primitive.name == "reduce_max", axes, *operands)]


def so_far(equation: jex.JaxprEqn, operands: list) -> list | None:
    """A `cummax` or `cummin`."""
    if not is_floating(equation.invars[0]):
        return None
    combined = partial(larger, equation.primitive.name == "cummax")
    axis, reverse = equation.params["axis"], equation.params["reverse"]
    return [lax.associative_scan(combined, operands[0], reverse=reverse, axis=axis)]


# Values with such derivatives.
LARGEST: Replaced = {
    "max": of_two,
    "min": of_two,
    "reduce_max": of_many,
    "reduce_min": of_many,
    "cummax": so_far,
    "cummin": so_far,
}
