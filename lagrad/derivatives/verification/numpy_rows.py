"""List the equations that NumPy has itself: a function of operands and parameters for each primitive."""

from __future__ import annotations

import itertools
import operator
import string
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

FLOAT64, COMPLEX = np.dtype(np.float64), np.dtype(np.complex128)


class NoRow(Exception):
    """An equation that NumPy does not have."""


def broadcast_in_dim(
    x: np.ndarray, *rest: np.ndarray, shape: Sequence[int], broadcast_dimensions: Sequence[int], **params: Any
):
    """Axes of x put at some axes of a larger shape."""
    placed = [1] * len(shape)
    for axis, length in zip(broadcast_dimensions, np.shape(x), strict=True):
        placed[axis] = length
    return np.broadcast_to(np.reshape(x, placed), shape)


def reshape(
    x: np.ndarray,
    *rest: np.ndarray,
    new_sizes: Sequence[int],
    dimensions: Sequence[int] | None,
    **params: Any,
):
    """The same elements in another shape."""
    if dimensions is not None:
        raise NoRow
    return np.reshape(x, new_sizes)


def cut(
    x: np.ndarray,
    *,
    start_indices: Sequence[int],
    limit_indices: Sequence[int],
    strides: Sequence[int] | None,
    **params: Any,
):
    """A box of x, with strides."""
    return x[tuple(map(slice, start_indices, limit_indices, strides or itertools.repeat(None)))]


def split(x: np.ndarray, *, sizes: Sequence[int], axis: int, **params: Any):
    """Stretches of x along one axis."""
    return np.split(x, np.cumsum(sizes)[:-1], axis)


def pad(x: np.ndarray, fill: np.ndarray, *, padding_config: Sequence[tuple[int, int, int]], **params: Any):
    """x with a border."""
    if any(low < 0 or high < 0 or inner for low, high, inner in padding_config):
        raise NoRow
    return np.pad(x, [(low, high) for low, high, _ in padding_config], constant_values=fill[()])


def convert(x: np.ndarray, *, new_dtype: npt.DTypeLike, **params: Any):
    """Another dtype, where nothing is cut off."""
    if x.dtype == np.float64 and np.issubdtype(new_dtype, np.integer):
        if not (np.abs(x) < 2**31).all() or np.issubdtype(new_dtype, np.unsignedinteger):
            raise NoRow
    elif x.dtype in (np.float64, COMPLEX) and new_dtype not in (np.float64, COMPLEX):
        raise NoRow
    return x.astype(new_dtype)


def divide(x: np.ndarray, y: np.ndarray, **params: Any):
    """Quotient of floats, complex numbers, or of whole numbers that are not negative."""
    if x.dtype in (np.float64, COMPLEX):
        return x / y
    if not ((x >= 0) & (y > 0)).all():
        raise NoRow
    return x // y


def power(x: np.ndarray, y: np.ndarray, **params: Any):
    """x to the y, both floats."""
    if x.dtype != np.float64 or y.dtype != np.float64:
        raise NoRow
    return np.power(x, y)


def contract(
    left: np.ndarray,
    right: np.ndarray,
    *,
    dimension_numbers: Any,
    preferred_element_type: npt.DTypeLike | None,
    **params: Any,
):
    """Sum of products over some axes, batched over others."""
    if preferred_element_type not in (None, left.dtype) or left.dtype != right.dtype:
        raise NoRow
    (sums, right_sums), (batch, right_batch) = dimension_numbers
    letters = iter(string.ascii_letters)
    mine, theirs = [next(letters) for _ in left.shape], [next(letters) for _ in right.shape]
    for i, j in zip((*sums, *batch), (*right_sums, *right_batch), strict=True):
        theirs[j] = mine[i]
    kept = [mine[i] for i in batch]
    kept += [each for i, each in enumerate(mine) if i not in (*sums, *batch)]
    kept += [each for j, each in enumerate(theirs) if j not in (*right_sums, *right_batch)]
    return np.einsum(f"{''.join(mine)},{''.join(theirs)}->{''.join(kept)}", left, right)


def choose(which: np.ndarray, *cases: np.ndarray, **params: Any):
    """One of two, by a Boolean."""
    if which.dtype != np.bool_:
        raise NoRow
    return np.where(which, cases[1], cases[0])


def gather(
    x: np.ndarray, indices: np.ndarray, *, dimension_numbers: Any, slice_sizes: Sequence[int], **params: Any
):
    """Windows of x at indices, all of which lie inside."""
    numbers = dimension_numbers
    without = {*numbers.collapsed_slice_dims, *numbers.operand_batching_dims}
    axes = [axis for axis in range(x.ndim) if axis not in without]
    batches = dict(zip(numbers.operand_batching_dims, numbers.start_indices_batching_dims, strict=True))
    return x[
        positions(x.shape, indices, numbers.start_index_map, slice_sizes, axes, numbers.offset_dims, batches)
    ]


def scatter_add(
    x: np.ndarray, indices: np.ndarray, updates: np.ndarray, *, dimension_numbers: Any, **params: Any
):
    """Updates added to windows of x at indices, all of which lie inside."""
    numbers = dimension_numbers
    without = {*numbers.inserted_window_dims, *numbers.operand_batching_dims}
    axes = [axis for axis in range(x.ndim) if axis not in without]
    batches = dict(zip(numbers.operand_batching_dims, numbers.scatter_indices_batching_dims, strict=True))
    sizes = [1] * x.ndim
    for axis, place in zip(axes, numbers.update_window_dims, strict=True):
        sizes[axis] = updates.shape[place]
    found, map_ = x.copy(), numbers.scatter_dims_to_operand_dims
    places = positions(x.shape, indices, map_, sizes, axes, numbers.update_window_dims, batches)
    np.add.at(found, places, updates)
    return found


def positions(
    shape: Sequence[int],
    indices: np.ndarray,
    index_map: Sequence[int],
    sizes: Sequence[int],
    window_axes: Sequence[int],
    window_places: Sequence[int],
    batches: Mapping[int, int],
) -> tuple[Any, ...]:
    """Index arrays, one an axis of the operand, of all elements of all windows.

    `batches` are axes of the operand that go with an axis of the indices.
    """
    batch_rank = indices.ndim - 1
    rank = batch_rank + len(window_places)
    batch_places = [place for place in range(rank) if place not in window_places]
    found: list[Any] = [np.zeros([1] * rank, int) for _ in shape]
    for k, axis in enumerate(index_map):
        start = indices[..., k]
        if start.size and (start.min() < 0 or start.max() > shape[axis] - sizes[axis]):
            raise NoRow
        placed = [1] * rank
        for place, length in zip(batch_places, start.shape, strict=True):
            placed[place] = length
        found[axis] = found[axis] + start.reshape(placed)
    for axis, together in batches.items():
        placed = [1] * rank
        placed[batch_places[together]] = shape[axis]
        found[axis] = np.arange(shape[axis]).reshape(placed)
    for axis, place in zip(window_axes, window_places, strict=True):
        placed = [1] * rank
        placed[place] = sizes[axis]
        found[axis] = found[axis] + np.arange(sizes[axis]).reshape(placed)
    return tuple(found)


def reduced(function: Callable[..., Any]) -> Callable[..., Any]:
    """A reduction over axes."""
    return lambda x, *, axes, **params: function(x, axis=tuple(axes))


def running(function: Callable[..., Any]) -> Callable[..., Any]:
    """A running reduction along one axis."""

    def run(x: np.ndarray, *, axis: int, reverse: bool, **params: Any):
        return np.flip(function(np.flip(x, axis), axis=axis), axis) if reverse else function(x, axis=axis)

    return run


def iota(*, dtype: npt.DTypeLike, shape: Sequence[int], dimension: int, **params: Any):
    """A counter along one axis."""
    return np.indices(shape, sparse=True)[dimension]


def by_rank(compare: Callable[..., Any]) -> Callable[..., Any]:
    """A comparison that puts zeros by their sign, and nan beyond infinity, where neither comes up."""

    def function(x: np.ndarray, y: np.ndarray):
        if (np.isnan(x) | np.isnan(y) | ((x == 0) & (y == 0) & (np.signbit(x) != np.signbit(y)))).any():
            raise NoRow
        return compare(x, y)

    return function


# Name of a primitive -> function of its operands and parameters.
ROWS: dict[str, Callable[..., Any]] = {
    "broadcast_in_dim": broadcast_in_dim,
    "reshape": reshape,
    "squeeze": lambda x, *, dimensions, **params: x.squeeze(tuple(dimensions)),
    "expand_dims": lambda x, *, dimensions, **params: np.expand_dims(x, tuple(dimensions)),
    "transpose": lambda x, *, permutation, **params: np.transpose(x, permutation),
    "concatenate": lambda *parts, dimension, **params: np.concatenate(parts, dimension),
    "stack": lambda *parts, axis, **params: np.stack(parts, axis),
    "split": split,
    "rev": lambda x, *, dimensions, **params: np.flip(x, tuple(dimensions)),
    "slice": cut,
    "pad": pad,
    "gather": gather,
    "scatter-add": scatter_add,
    "select_n": choose,
    "convert_element_type": convert,
    "iota": iota,
    "dot_general": contract,
    "reduce_sum": reduced(np.sum),
    "reduce_prod": reduced(np.prod),
    "reduce_max": reduced(np.max),
    "reduce_min": reduced(np.min),
    "cumsum": running(np.cumsum),
    "cumprod": running(np.cumprod),
    "div": divide,
    "pow": power,
    "integer_pow": lambda x, *, y, **params: x**y if x.dtype in (np.float64, COMPLEX) else refuse(),
    "complex": lambda x, y, **params: x + 1j * y,
    "real": lambda x, **params: np.real(x),
    "imag": lambda x, **params: np.imag(x),
    "conj": lambda x, **params: np.conj(x),
    "square": lambda x, **params: x * x,
    "rsqrt": lambda x, **params: x**-0.5,
    "logistic": lambda x, **params: 0.5 + 0.5 * np.tanh(0.5 * x),
    "clamp": lambda low, x, high, **params: np.clip(x, low, high),
    "stop_gradient": lambda x, **params: x,
    "copy": lambda x, **params: x,
}
# Name of a primitive -> function of its operands; parameters say nothing.
ELEMENTWISE: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        *(np.exp, np.exp2, np.expm1, np.log, np.log1p, np.sqrt, np.cbrt, np.floor, np.ceil, np.sign),
        *(np.sin, np.cos, np.tan, np.sinh, np.cosh, np.tanh),
    )
} | {
    "add": operator.add,
    "add_any": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "neg": operator.neg,
    "abs": np.abs,
    "max": np.maximum,
    "min": np.minimum,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "erf": lambda x: scipy.special.erf(x),
    "erfc": lambda x: scipy.special.erfc(x),
    "lgamma": lambda x: scipy.special.gammaln(x),
    "digamma": lambda x: scipy.special.digamma(x),
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "lt_to": by_rank(np.less),
    "le_to": by_rank(np.less_equal),
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "not": np.invert,
}


# What NumPy and XLA compute alike for complex numbers, but for rounding.
OF_COMPLEX = frozenset(
    (
        *("broadcast_in_dim", "reshape", "squeeze", "expand_dims", "transpose", "concatenate", "stack"),
        *("rev", "slice", "pad", "gather", "scatter-add", "select_n", "convert_element_type", "copy"),
        *("dot_general", "reduce_sum", "cumsum", "add", "add_any", "sub", "mul", "div", "neg", "square"),
        *("integer_pow", "abs", "exp", "log", "complex", "real", "imag", "conj"),
    )
)


def refuse():
    """For rows that take some dtypes only.

    Raises:
        NoRow: always.
    """
    raise NoRow
