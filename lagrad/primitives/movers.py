"""Find which operand element each output element of a mover is: slices, gathers, concatenations...

A mover is a function of NumPy arrays shaped like the operands, of any dtype. The same function moves
positions (which element goes where), the dependencies of elements, and known values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from types import SimpleNamespace
from typing import Any

import numpy as np
from jax.extend import core as jex

from lagrad.primitives.equations import shapes_of

Known = Sequence[np.ndarray | None]
Shapes = Sequence[tuple[int, ...]]
# (one array an operand, what stands where no operand element goes) -> one array an output
Move = Callable[[Sequence[np.ndarray], Any], tuple[np.ndarray, ...]]


def positions(equation: jex.JaxprEqn, known: Known) -> np.ndarray | None:
    """Which operand element each output element is.

    Args:
        equation: one traced equation with one output.
        known: value of each operand, None where it is not known; indices and masks are needed.

    Returns:
        int64 array shaped like the output, or None if the equation moves nothing or to places that are
        not known. Operand elements are numbered one operand after the other; -1 is no element.

    >>> import jax
    >>> equation = jax.make_jaxpr(lambda x: x[::-1])(np.zeros(3)).eqns[0]
    >>> positions(equation, [None])
    array([2, 1, 0])
    """
    move = mover(equation, known)
    if move is None or len(equation.outvars) != 1:
        return None
    return move(numbered(shapes_of(equation)), -1)[0]


def numbered(shapes: Shapes) -> list[np.ndarray]:
    """Arrays of the shapes, their elements counted through from 0."""
    starts = np.cumsum([0, *map(prod, shapes)])
    return [
        np.arange(start, start + prod(shape)).reshape(shape)
        for start, shape in zip(starts[:-1], shapes, strict=True)
    ]


def mover(equation: jex.JaxprEqn, known: Known) -> Move | None:
    """The function that moves arrays as an equation moves its operands.

    Args:
        equation: one traced equation.
        known: value of each operand, None where it is not known.

    Returns:
        Move, or None if the equation is no mover or its indices are not known.
    """
    rule = MOVERS.get(equation.primitive.name)
    if rule is None:
        return None
    return rule(shapes_of(equation), known, **equation.params)


def one(move: Callable[[np.ndarray], np.ndarray]) -> Move:
    """A Move from a function of its first operand alone."""
    return lambda arrays, fill: (move(arrays[0]),)


def same(shapes: Shapes, known: Known, **params) -> Move:
    """Every operand is the output of its number."""
    return lambda arrays, fill: tuple(arrays)


def reshape(shapes, known, *, new_sizes, dimensions=None, **params):
    """New shape, same order; the axes permuted before if `dimensions` says so."""
    return one(lambda x: (x if dimensions is None else x.transpose(dimensions)).reshape(new_sizes))


def squeeze(shapes, known, *, dimensions, **params):
    """Axes of length one dropped."""
    kept = tuple(size for axis, size in enumerate(shapes[0]) if axis not in dimensions)
    return one(lambda x: x.reshape(kept))


def expand_dims(shapes, known, *, dimensions, **params):
    """Axes of length one added."""
    return one(lambda x: np.expand_dims(x, tuple(dimensions)))


def transpose(shapes, known, *, permutation, **params):
    """Axes permuted."""
    return one(lambda x: x.transpose(permutation))


def rev(shapes, known, *, dimensions, **params):
    """Axes reversed."""
    return one(lambda x: np.flip(x, tuple(dimensions)))


def slice_(shapes, known, *, start_indices, limit_indices, strides, **params):
    """A strided box."""
    steps = strides or (1,) * len(start_indices)
    box = tuple(slice(*bounds) for bounds in zip(start_indices, limit_indices, steps, strict=True))
    return one(lambda x: x[box])


def broadcast_in_dim(shapes, known, *, shape, broadcast_dimensions, **params):
    """Operand axis k becomes output axis broadcast_dimensions[k]; the others repeat."""
    placed = [1] * len(shape)
    for size, axis in zip(shapes[0], broadcast_dimensions, strict=True):
        placed[axis] = size
    return one(lambda x: np.broadcast_to(x.reshape(placed), shape))


def tile(shapes, known, *, reps, **params):
    """The operand repeated along its axes."""
    return one(lambda x: np.tile(x, tuple(reps)))


def concatenate(shapes, known, *, dimension, **params):
    """Operands one after the other."""
    return lambda arrays, fill: (np.concatenate(arrays, axis=dimension),)


def stack(shapes, known, *, axis, **params):
    """Operands side by side on a new axis."""
    return lambda arrays, fill: (np.stack(arrays, axis=axis),)


def split(shapes, known, *, sizes, axis, **params):
    """The inverse of concatenate."""
    cuts = np.cumsum(sizes)[:-1]
    return lambda arrays, fill: tuple(np.split(arrays[0], cuts, axis=axis))


def unstack(shapes, known, *, axis, **params):
    """The inverse of stack."""
    return lambda arrays, fill: tuple(np.moveaxis(arrays[0], axis, 0))


def pad(shapes, known, *, padding_config, **params):
    """Edges and gaps filled with the second operand; negative edges cut."""
    shape = tuple(
        low + high + size + max(size - 1, 0) * inner
        for size, (low, high, inner) in zip(shapes[0], padding_config, strict=True)
    )
    source, target = [], []
    for size, total, (low, _, inner) in zip(shapes[0], shape, padding_config, strict=True):
        places = low + np.arange(size) * (inner + 1)
        inside = (places >= 0) & (places < total)
        source.append(np.flatnonzero(inside))
        target.append(places[inside])

    def move(arrays, fill):
        padded = np.full(shape, arrays[1], dtype=np.asarray(arrays[0]).dtype)
        padded[np.ix_(*target)] = arrays[0][np.ix_(*source)]
        return (padded,)

    return move


def select_n(shapes, known, **params):
    """Case `which` of each element, when it is known."""
    if known[0] is None:
        return None
    which = np.asarray(known[0]).astype(np.intp)
    if len(shapes) == 3:
        return lambda arrays, fill: (np.where(which, arrays[2], arrays[1]),)
    return lambda arrays, fill: (np.choose(which, list(arrays[1:]), mode="clip"),)


def dynamic_slice(shapes, known, *, slice_sizes, **params):
    """A box from known starts, moved inside as XLA does."""
    starts = scalars(known[1:])
    if starts is None:
        return None
    return one(lambda x: x[box_at(starts, slice_sizes, shapes[0])])


def dynamic_update_slice(shapes, known, **params):
    """A box at known starts replaced by the second operand."""
    starts = scalars(known[2:])
    if starts is None:
        return None

    def move(arrays, fill):
        updated = np.array(arrays[0])
        updated[box_at(starts, shapes[1], shapes[0])] = arrays[1]
        return (updated,)

    return move


def scalars(known: Known) -> list[int] | None:
    """Start indices as integers, None if one is not known."""
    return None if any(value is None for value in known) else [int(np.asarray(value)) for value in known]


def box_at(starts: Sequence[int], sizes: Sequence[int], shape: Sequence[int]) -> tuple[slice, ...]:
    """Slices of the given sizes, the starts clamped so that they fit into the shape."""
    placed = zip(starts, sizes, shape, strict=True)
    clamped = [(min(max(start, 0), whole - size), size) for start, size, whole in placed]
    return tuple(slice(start, start + size) for start, size in clamped)


def gather(shapes, known, *, dimension_numbers, slice_sizes, mode, **params):
    """Windows of the operand at known indices."""
    if known[1] is None:
        return None
    where = gather_positions(shapes[0], np.asarray(known[1]), dimension_numbers, slice_sizes, drops(mode))
    return lambda arrays, fill: (taken(arrays[0], where, fill),)


def taken(array: np.ndarray, where: np.ndarray, fill) -> np.ndarray:
    """Elements at flat positions, `fill` where the position is -1."""
    if array.size == 0:
        return np.full(where.shape, fill, dtype=array.dtype)
    chosen = array.reshape(-1)[where]
    return np.where(where < 0, array.dtype.type(fill), chosen) if where.size and where.min() < 0 else chosen


def drops(mode) -> bool:
    """Whether windows out of bounds are dropped; otherwise they are moved inside."""
    return "FILL" in str(mode).upper()


def gather_positions(
    shape: tuple[int, ...], indices: np.ndarray, numbers, sizes: Sequence[int], dropping: bool
) -> np.ndarray:
    """Flat operand position of each element of a gather's output, -1 where a window is out of bounds.

    Args:
        shape: of the operand.
        indices: starts of the windows, shape (..., number of indexed axes).
        numbers: GatherDimensionNumbers.
        sizes: of a window, along each operand axis.
        dropping: windows out of bounds give -1, else they are moved inside.

    Returns:
        int64 array shaped like the output.
    """
    if len(shape) == 1 and tuple(numbers.collapsed_slice_dims) == (0,):
        # Entries of a vector, which most gathers are.
        entries = indices[..., 0].astype(np.int64)
        if entries.size == 0 or (entries.min() >= 0 and entries.max() < shape[0]):
            return entries
    strides = row_major(shape)
    batch = indices.shape[:-1]
    start, valid = np.zeros(batch, dtype=np.int64), np.ones(batch, dtype=bool)
    for column, axis in enumerate(numbers.start_index_map):
        index, last = indices[..., column].astype(np.int64), shape[axis] - sizes[axis]
        valid &= (index >= 0) & (index <= last)
        start += strides[axis] * np.clip(index, 0, last)
    batching = zip(numbers.operand_batching_dims, numbers.start_indices_batching_dims, strict=True)
    for axis, batch_axis in batching:
        counter = np.arange(batch[batch_axis])
        start += strides[axis] * counter.reshape([-1 if d == batch_axis else 1 for d in range(len(batch))])
    dropped_axes = {*numbers.collapsed_slice_dims, *numbers.operand_batching_dims}
    window = [axis for axis in range(len(shape)) if axis not in dropped_axes]
    inner = box_positions([sizes[axis] for axis in window], [strides[axis] for axis in window])
    where = start.reshape(batch + (1,) * len(window)) + inner
    if dropping:
        where = np.where(valid.reshape(batch + (1,) * len(window)), where, -1)
    rank = len(batch) + len(window)
    outer = [axis for axis in range(rank) if axis not in numbers.offset_dims]
    return np.moveaxis(where, range(rank), [*outer, *numbers.offset_dims])


def row_major(shape: Sequence[int]) -> list[int]:
    """Flat distance between neighbors along each axis."""
    return [prod(shape[axis + 1 :]) for axis in range(len(shape))]


def box_positions(sizes: Sequence[int], strides: Sequence[int]) -> np.ndarray:
    """Flat positions of a box at the origin, shape `sizes`."""
    inner = np.zeros((1,) * len(sizes), dtype=np.int64)
    for axis, (size, stride) in enumerate(zip(sizes, strides, strict=True)):
        counter = stride * np.arange(size, dtype=np.int64)
        inner = inner + counter.reshape([-1 if d == axis else 1 for d in range(len(sizes))])
    return inner


def scatter(shapes, known, **params):
    """The operand with updates put at known places, if no two updates meet."""
    if known[1] is None or params.get("update_jaxpr") is not None:
        return None
    targets = scatter_positions(shapes, np.asarray(known[1]), **params).reshape(-1)
    landing = targets[targets >= 0]
    if np.unique(landing).size < landing.size:
        return None

    def move(arrays, fill):
        updated = np.array(arrays[0]).reshape(-1)
        updated[landing] = arrays[2].reshape(-1)[targets >= 0]
        return (updated.reshape(shapes[0]),)

    return move


def as_gather(numbers) -> SimpleNamespace:
    """Dimension numbers of the gather that reads where a scatter writes."""
    return SimpleNamespace(
        offset_dims=numbers.update_window_dims,
        collapsed_slice_dims=numbers.inserted_window_dims,
        start_index_map=numbers.scatter_dims_to_operand_dims,
        operand_batching_dims=numbers.operand_batching_dims,
        start_indices_batching_dims=numbers.scatter_indices_batching_dims,
    )


def scatter_positions(
    shapes: Shapes, indices: np.ndarray, *, dimension_numbers, mode, **params
) -> np.ndarray:
    """Flat operand position that each update goes to, -1 if it is dropped; shaped like the updates."""
    numbers = as_gather(dimension_numbers)
    sizes = window_sizes(shapes, numbers)
    return gather_positions(shapes[0], indices, numbers, sizes, drops(mode))


def window_sizes(shapes: Shapes, numbers) -> list[int]:
    """Size of an update's window along each operand axis; `numbers` as a gather's."""
    sizes = [1] * len(shapes[0])
    inserted = {*numbers.collapsed_slice_dims, *numbers.operand_batching_dims}
    window = [axis for axis in range(len(shapes[0])) if axis not in inserted]
    for axis, update_axis in zip(window, numbers.offset_dims, strict=True):
        sizes[axis] = shapes[2][update_axis]
    return sizes


def sort(shapes, known, *, dimension, num_keys, is_stable, **params):
    """Every operand in the order of keys that are known; ties as they stand, if they are said to stay so."""
    keys = known[:num_keys]
    if any(key is None or np.iscomplexobj(key) for key in keys):
        return None
    # The first key counts most; NumPy takes the last one for that.
    order = np.lexsort([comparable(key) for key in reversed(keys)], axis=dimension)
    if not is_stable and has_ties(keys, order, dimension):
        return None
    return lambda arrays, fill: tuple(np.take_along_axis(array, order, dimension) for array in arrays)


def comparable(key: Any) -> np.ndarray:
    """A key that NumPy can sort: it knows no order of numbers of few digits."""
    array = np.asarray(key)
    return array if array.dtype.kind in "iub" else array.astype(float)


def has_ties(keys: Known, order: np.ndarray, axis: int) -> bool:
    """Whether two neighbors in the order have all keys alike."""
    ordered = [np.take_along_axis(comparable(key), order, axis) for key in keys]
    alike = [np.diff(np.moveaxis(each, axis, -1)) == 0 for each in ordered]
    return bool(np.logical_and.reduce(alike).any())


# Which operands say where the elements go, by primitive; none of any other mover.
PLACES: dict[str, Callable[[dict], slice]] = {
    "select_n": lambda params: slice(0, 1),
    "gather": lambda params: slice(1, 2),
    "scatter": lambda params: slice(1, 2),
    "dynamic_slice": lambda params: slice(1, None),
    "dynamic_update_slice": lambda params: slice(2, None),
    "sort": lambda params: slice(0, params["num_keys"]),
}
MOVERS: dict[str, Callable[..., Move | None]] = {
    "copy": same,
    "copy_p": same,
    "device_put": same,
    "optimization_barrier": same,
    "name": same,
    "sharding_constraint": same,
    "reshape": reshape,
    "squeeze": squeeze,
    "expand_dims": expand_dims,
    "transpose": transpose,
    "rev": rev,
    "slice": slice_,
    "broadcast_in_dim": broadcast_in_dim,
    "tile": tile,
    "concatenate": concatenate,
    "stack": stack,
    "split": split,
    "unstack": unstack,
    "pad": pad,
    "select_n": select_n,
    "dynamic_slice": dynamic_slice,
    "dynamic_update_slice": dynamic_update_slice,
    "gather": gather,
    "scatter": scatter,
    "sort": sort,
}
