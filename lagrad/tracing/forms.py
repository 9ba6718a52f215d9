"""How JAX writes arithmetic and indexing, learned from programs that it traced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import jax
import jax.core
import numpy as np
from jax.extend import core as jex
from jax.extend.core import primitives

from lagrad.precision import float64
from lagrad.tracing.places import Stretch

FLOAT = np.dtype(np.float64)
# What says that a call is placed on no devices of its own.
NOWHERE = "UnspecifiedValue"


@lru_cache(maxsize=4096)
def array_of(shape: tuple[int, ...]) -> jax.core.ShapedArray:
    """The abstract value of an ordinary array in float64."""
    return jax.core.ShapedArray(shape, FLOAT)


NUMBER = array_of(())


def ordinary(aval: Any) -> jax.core.ShapedArray | None:
    """The abstract value if it is an ordinary array in float64, the same object for each shape."""
    if type(aval) is not jax.core.ShapedArray or aval.dtype != FLOAT:
        return None
    found = array_of(aval.shape)
    return found if aval == found else None


def sample(x: jax.Array) -> list[jax.Array]:
    """Arithmetic and reads."""
    a, b, rest = x[0], x[-1], x[1:3]
    return [a + b, a - b, a * b, a / b, rest + rest, rest * a, 2.0 * a, 1 - a, -a, a**3]


PLACES = np.array([0])
# name -> what reads or writes entries of a vector, at several places or at one
INDEXING: dict[str, Callable[[jax.Array], jax.Array]] = {
    "read": lambda x: x[PLACES],
    "set": lambda x: x.at[PLACES].set(x),
    "add": lambda x: x.at[PLACES].add(x),
    "set one": lambda x: x.at[0].set(2.0),
    "add one": lambda x: x.at[0].add(2.0),
}


@dataclass(frozen=True)
class Forms:
    """How JAX writes arithmetic.

    Args:
        program: of `sample`.
        operators: name -> the primitive, and its params.
        literal: what the value of a known number or array is kept in.
    """

    program: jex.ClosedJaxpr
    operators: dict[str, tuple[jex.Primitive, dict[str, Any]]]
    literal: type


@cache
def forms() -> Forms:
    """JAX's own way of arithmetic."""
    with float64():
        program = jax.make_jaxpr(sample)(np.zeros(3))
    operators = {each.primitive.name: (each.primitive, each.params) for each in program.eqns}
    literals = {type(a.val) for each in program.eqns for a in each.invars if isinstance(a, jex.Literal)}
    return Forms(program, operators, literals.pop())


def is_sample(write: Callable[[jax.Array], list[jax.Array]]) -> bool:
    """Whether a function, traced, is what the installed JAX writes of `sample` by itself."""
    try:
        with float64():
            return str(jax.make_jaxpr(write)(np.zeros(3))) == str(forms().program)
    except (AttributeError, TypeError):
        return False


@cache
def indexing(name: str) -> tuple[jex.Primitive, dict[str, Any]]:
    """The primitive, and its params, by which JAX reads or writes entries of a vector; see `INDEXING`."""
    with float64():
        equation = jax.make_jaxpr(INDEXING[name])(np.zeros(1)).eqns[-1]
    return equation.primitive, equation.params


def sliced(write: Callable[..., Any], array: Any, stretch: Stretch) -> Any:
    """A stretch of an array, as JAX slices it.

    Args:
        write: (primitive, operands, shape and dtype of the result, params) -> tracer of the result.
        array: a tracer.
        stretch: what is taken.
    """
    (start, limit, dropped), found = stretch, array
    if limit != array.aval.shape or any(start):
        sizes = tuple(last - first for first, last in zip(start, limit, strict=True))
        params = {"start_indices": start, "limit_indices": limit, "strides": None}
        found = write(primitives.slice_p, [found], array_of(sizes), params)
    if dropped:
        sizes = tuple(size for axis, size in enumerate(found.aval.shape) if axis not in dropped)
        found = write(primitives.squeeze_p, [found], array_of(sizes), {"dimensions": dropped})
    return found


def only_equation(call: dict[str, Any]) -> jex.JaxprEqn | None:
    """The only equation of a function that JAX writes in place, an array in float64 in, one like it out."""
    jaxpr = call["jaxpr"].jaxpr
    if not call["inline"] or len(jaxpr.eqns) != 1 or jaxpr.constvars or len(jaxpr.invars) != 1:
        return None
    (equation,) = jaxpr.eqns
    if equation.effects or not is_placed_nowhere(call):
        return None
    alone = [*equation.invars] == [*jaxpr.invars] and [*equation.outvars] == [*jaxpr.outvars]
    return equation if alone and ordinary(jaxpr.invars[0].aval) is ordinary(jaxpr.outvars[0].aval) else None


def is_placed_nowhere(call: dict[str, Any]) -> bool:
    """Whether a call leaves open on which devices its operands and results are."""
    placed = [*call["in_shardings"], *call["out_shardings"], *call["in_layouts"], *call["out_layouts"]]
    return all(where is None or type(where).__name__ == NOWHERE for where in placed)
