"""Handle one traced equation: its shapes and dtypes, and how it is applied to values."""

from __future__ import annotations

from functools import cache
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core as jex
from jax.extend.core import primitives

JAXS_OWN = {each.name for each in vars(primitives).values() if isinstance(each, jex.Primitive)}


def bind(equation: jex.JaxprEqn, *operands) -> tuple:
    """Apply the primitive of a traced equation to JAX values of any shapes that it takes.

    Args:
        equation: what was traced.
        operands: arrays or tracers, one an operand.

    Returns:
        One value an output.
    """
    primitive = equation.primitive
    bound = primitive.get_bind_params(equation.params)
    # JAX up to 0.9 gives the functions of a call apart from its parameters.
    functions, params = bound if isinstance(bound, tuple) else ((), bound)
    if primitive.name not in JAXS_OWN or primitive.name.startswith("custom_"):
        # Code of somebody's own may index its operands by tracers, or ask them for `.at`.
        operands = tuple(jnp.asarray(each) if isinstance(each, np.ndarray) else each for each in operands)
    results = primitive.bind(*functions, *operands, **params)
    return tuple(results) if primitive.multiple_results else (results,)


def shape_of(atom: Any) -> tuple[int, ...]:
    """Shape of an operand or output; () for what is no array, such as a token."""
    return getattr(atom.aval, "shape", ())


def size_of(atom: Any) -> int:
    """Number of elements of an operand or output."""
    return prod(shape_of(atom))


def of_shape(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """An array spread to a shape, not to be written to; at no cost where it has the shape."""
    return array if array.shape == shape else np.broadcast_to(array, shape)


def aval_of(atom: Any) -> Any:
    """Shape and dtype of a variable or literal; JAX declares less of them than arrays have."""
    return atom.aval


def shapes_of(equation: jex.JaxprEqn) -> list[tuple[int, ...]]:
    """Shape of each operand."""
    return [shape_of(atom) for atom in equation.invars]


def output_shapes(equation: jex.JaxprEqn) -> list[tuple[int, ...]]:
    """Shape of each output."""
    return [shape_of(variable) for variable in equation.outvars]


@cache
def is_a(dtype: Any, kind: Any) -> bool:
    """Whether a type of numbers is of a kind; every variable of every program is asked."""
    return bool(jnp.issubdtype(dtype, kind))


def is_inexact(aval: Any) -> bool:
    """Whether an array holds real or complex numbers of any precision, which alone can be differentiated.

    >>> import jax
    >>> [is_inexact(jax.ShapeDtypeStruct((), dtype)) for dtype in (jnp.bfloat16, np.int32)]
    [True, False]
    """
    dtype = getattr(aval, "dtype", None)
    return dtype is not None and is_a(dtype, np.inexact)


def is_floating(atom: Any) -> bool:
    """Whether an operand or output holds real numbers of any precision."""
    return is_a(atom.aval.dtype, np.floating)


def is_rounded(atom: Any) -> bool:
    """Whether an operand or output holds numbers of less than double precision.

    >>> import jax
    >>> [is_rounded(atom) for atom in jax.make_jaxpr(jnp.sin)(np.float32(1)).jaxpr.invars]
    [True]
    """
    dtype = atom.aval.dtype
    return is_inexact(atom.aval) and dtype not in (np.float64, np.complex128)


def is_whole(atom: Any) -> bool:
    """Whether an operand or output holds whole numbers or truths."""
    return any(is_a(atom.aval.dtype, kind) for kind in (np.integer, np.bool_))


def is_key(atom: Any) -> bool:
    """Whether an operand or output holds random keys, or the like, which are no numbers."""
    return is_a(atom.aval.dtype, jax.dtypes.extended)


def is_float(value: Any) -> bool:
    """Whether a value holds real or complex numbers, and so has a derivative."""
    return is_a(jnp.result_type(value), np.inexact)


def is_complex(aval: Any) -> bool:
    """Whether an array holds complex numbers."""
    return is_a(aval.dtype, np.complexfloating)


def as_numpy(value: Any, aval: Any = None) -> Any:
    """A value as a NumPy array, of the dtype of `aval` if given; a random key, which is none, as it is."""
    # Not by `jnp.result_type`, which makes float64 float32 while x64 is off.
    dtype = getattr(value if aval is None else aval, "dtype", None)
    # Types of keys are JAX's own.
    return np.asarray(value, dtype) if dtype is None or isinstance(dtype, np.dtype) else value
