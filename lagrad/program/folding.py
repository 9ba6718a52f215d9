"""Execute an equation whose operands are known, so that index arithmetic stays exact.

Cheap primitives run in NumPy, because each new shape costs JAX a dispatch and often a compile; the
rest is handed to JAX.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.extend import core as jex

from lagrad.precision import float64
from lagrad.primitives.calls import called
from lagrad.primitives.elementwise import ELEMENTWISE
from lagrad.primitives.equations import as_numpy, bind, is_inexact, is_rounded, of_shape
from lagrad.primitives.movers import mover, scatter_positions
from lagrad.program.walk import run


def fold(equation: jex.JaxprEqn, operands: Sequence[Any]) -> tuple[Any, ...]:
    """Execute an equation.

    Args:
        equation: one traced equation without side effects.
        operands: value of each operand, NumPy arrays (or JAX arrays of random keys).

    Returns:
        One value an output, of the output's shape and dtype.

    >>> equation = jax.make_jaxpr(lambda x: x + x)(np.float32(0)).eqns[0]
    >>> fold(equation, [np.float32(2), np.float32(2)])
    (array(4., dtype=float32),)
    """
    inner = called(equation)
    if inner is not None and not equation.effects:
        # One equation after the other: most need no compiler then.
        return tuple(run(inner, operands, fold, as_numpy))
    quick = fold_quickly(equation, operands)
    return execute(equation, operands) if quick is None else quick


def fold_quickly(equation: jex.JaxprEqn, operands: Sequence[Any]) -> tuple[np.ndarray, ...] | None:
    """Execute an equation in NumPy, None if no row of the table says how."""
    if not all(isinstance(operand, (np.ndarray, np.generic)) for operand in operands):
        return None
    name, atoms = equation.primitive.name, (*equation.invars, *equation.outvars)
    move = mover(equation, operands)
    if move is not None:
        # Only a gather out of bounds needs a fill of its own, which JAX knows.
        return None if equation.params.get("fill_value") is not None else moved(equation, move, operands)
    rule = QUICK.get(name)
    if rule is None or len(equation.outvars) != 1:
        return None
    # Where NumPy rounds, branches or overflows otherwise than XLA, XLA is asked.
    if any(map(has_few_digits, atoms)) or (name in ROUNDING and not all(map(is_exact, atoms))):
        return None
    if name not in COMPLEX and any(np.iscomplexobj(operand) for operand in operands):
        return None
    with np.errstate(all="ignore"):
        value = rule(*operands, **equation.params)
    return None if value is None else (shaped(value, equation.outvars[0].aval),)


def has_few_digits(atom: Any) -> bool:
    """Whether an array has a type of fewer digits than float32, which NumPy computes in its own way."""
    return is_rounded(atom) and atom.aval.dtype not in (np.float32, np.complex64)


def is_exact(atom: Any) -> bool:
    """Whether an array holds whole numbers, or real ones of double precision."""
    return atom.aval.dtype == np.float64 or not is_inexact(atom.aval)


def moved(equation: jex.JaxprEqn, move, operands) -> tuple[np.ndarray, ...] | None:
    """Known values moved, None if a gather leaves places without one."""
    if equation.primitive.name == "gather":
        covered = np.zeros(np.shape(operands[0]), dtype=bool)
        if move([covered], True)[0].any():
            return None
    values = move(operands, 0)
    return tuple(shaped(value, out.aval) for value, out in zip(values, equation.outvars, strict=True))


def shaped(value, aval: Any) -> np.ndarray:
    """An array of an output's dtype and shape."""
    return of_shape(np.asarray(value).astype(aval.dtype, copy=False), aval.shape)


def execute(equation: jex.JaxprEqn, operands: Sequence[Any]) -> tuple[Any, ...]:
    """Execute an equation in JAX."""
    with float64(), jax.ensure_compile_time_eval():
        return tuple(as_numpy(result) for result in bind(equation, *operands))


def iota(*, dtype, shape, dimension, **params):
    """Counter along one axis."""
    placed = [-1 if axis == dimension else 1 for axis in range(len(shape))]
    return np.arange(shape[dimension], dtype=dtype).reshape(placed)


def truncated(x, y, **params):
    """Quotient; of integers, rounded toward zero as in C, and left to JAX when it divides by zero."""
    if np.issubdtype(np.result_type(x), np.inexact):
        return np.divide(x, y)
    if not np.all(y):
        return None
    below = np.floor_divide(x, y)
    return below + ((below * y != x) & ((x < 0) != (y < 0)))


def remainder(x, y, **params):
    """Remainder with the sign of x, left to JAX when it divides by zero."""
    return np.fmod(x, y) if np.all(y) else None


def convert(x, *, new_dtype, **params):
    """Change of dtype; float to integer only where NumPy and XLA agree."""
    target = np.dtype(new_dtype) if isinstance(new_dtype, (type, np.dtype, str)) else None
    if target is None or np.issubdtype(x.dtype, np.complexfloating):
        return None
    if np.issubdtype(x.dtype, np.inexact) and np.issubdtype(target, np.integer):
        limits = np.iinfo(str(target))
        if not ((x > limits.min) & (x < limits.max)).all():
            return None
    return x.astype(target)


def integer_pow(x, *, y, **params):
    """x to a fixed power."""
    return np.power(x, y) if y >= 0 or np.issubdtype(x.dtype, np.inexact) else None


def reduce(function: Callable) -> Callable:
    """A reduction over axes; of nothing at all it is left to JAX."""
    return lambda x, *, axes, **params: function(x, axis=tuple(axes)) if x.size else None


def cumulate(function: Callable) -> Callable:
    """A running reduction along one axis, from its end if `reverse`."""

    def run(x, *, axis, reverse, **params):
        flipped = np.flip(x, axis) if reverse else x
        total = function(flipped, axis=axis, dtype=x.dtype)
        return np.flip(total, axis) if reverse else total

    return run


def scatter_add(operand, indices, updates, *, update_jaxpr=None, **params):
    """Updates added to the operand at known places."""
    kept = {name: params[name] for name in ("dimension_numbers", "mode")}
    targets = scatter_positions((operand.shape, indices.shape, updates.shape), indices, **kept).reshape(-1)
    landing, total = targets >= 0, np.array(operand).reshape(-1)
    np.add.at(total, targets[landing], updates.reshape(-1)[landing])
    return total.reshape(operand.shape)


def dot_general(left, right, *, dimension_numbers, preferred_element_type=None, **params):
    """Contraction over some axes, batched over others; in the type of the result, as XLA adds up."""
    dtype = np.result_type(left, right) if preferred_element_type is None else preferred_element_type
    if np.dtype(dtype).kind == "b":
        return None
    left, right = left.astype(dtype), right.astype(dtype)
    (left_sums, right_sums), (left_batch, right_batch) = dimension_numbers
    names = iter(range(left.ndim + right.ndim))
    left_axes, right_axes = [next(names) for _ in range(left.ndim)], [-1] * right.ndim
    for i, j in [*zip(left_sums, right_sums, strict=True), *zip(left_batch, right_batch, strict=True)]:
        right_axes[j] = left_axes[i]
    right_axes = [next(names) if axis < 0 else axis for axis in right_axes]
    batch = [left_axes[axis] for axis in left_batch]
    free = [axis for axis in left_axes if axis not in right_axes] + [
        axis for axis in right_axes if axis not in left_axes
    ]
    return np.einsum(left, left_axes, right, right_axes, [*batch, *free], optimize=True)


def complex_of(x, y):
    """x + i y, also where one of them is infinite."""
    value = np.empty(np.broadcast_shapes(x.shape, y.shape), np.result_type(x, np.complex64))
    value.real, value.imag = x, y
    return value


def plain(function: Callable) -> Callable:
    """A NumPy function that needs no parameters."""
    return lambda *operands, **params: function(*operands)


# Primitives that XLA rounds otherwise than NumPy, which counts in less than double precision.
ROUNDING = frozenset(
    {name for name, facts in ELEMENTWISE.items() if facts.expensive and name != "sqrt"}
    | {"reduce_sum", "reduce_prod", "cumsum", "cumprod", "integer_pow", "scatter-add"}
)
# Primitives that NumPy and XLA compute alike for complex numbers, infinite ones too.
COMPLEX = frozenset(
    {"add", "add_any", "sub", "neg", "mul", "real", "imag", "conj", "eq", "ne", "dot_general"}
)
# Primitives that one NumPy function alone does not give; those that it does have it in their row.
QUICK: dict[str, Callable[..., Any]] = {
    "iota": iota,
    "scatter-add": scatter_add,
    "dot_general": dot_general,
    "div": truncated,
    "rem": remainder,
    "convert_element_type": convert,
    "integer_pow": integer_pow,
    "complex": lambda x, y, **params: complex_of(x, y),
    "clamp": lambda low, x, high, **params: np.minimum(np.maximum(x, low), high),
    "reduce_sum": lambda x, *, axes, **params: np.sum(x, axis=tuple(axes), dtype=x.dtype),
    "reduce_max": reduce(np.max),
    "reduce_min": reduce(np.min),
    "reduce_prod": lambda x, *, axes, **params: np.prod(x, axis=tuple(axes), dtype=x.dtype),
    "reduce_and": reduce(np.all),
    "reduce_or": reduce(np.any),
    "cumsum": cumulate(np.cumsum),
    "cumprod": cumulate(np.cumprod),
    "pow": lambda x, y, **params: np.power(x, np.asarray(y, x.dtype)),
    "rsqrt": lambda x, **params: 1 / np.sqrt(x),
    "logistic": lambda x, **params: 1 / (1 + np.exp(-x)),
} | {name: plain(facts.numpy) for name, facts in ELEMENTWISE.items() if facts.numpy is not None}
