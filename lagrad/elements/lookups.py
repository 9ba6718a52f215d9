"""Read known tables at places that depend on x.

    fp[i]      a number of a known array, at a place that is found out

It is constant but for jumps, and so has no derivative. Reads by one place in a vector are what elements know;
others, from tables of more axes or of whole rows, are written so.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from math import prod
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend import core as jex

from lagrad.primitives.equations import is_floating, shape_of, size_of
from lagrad.primitives.movers import row_major

GATHER = "gather"


@dataclass(frozen=True)
class Table:
    """A vector of known numbers, equal to others by these.

    Args:
        numbers: float64, whole or truths.
        key: their type and bytes.
    """

    numbers: np.ndarray = field(compare=False)
    key: tuple[str, bytes]

    @classmethod
    def of(cls, numbers: np.ndarray) -> Table:
        """The table of an array."""
        return cls(numbers, (numbers.dtype.str, numbers.tobytes()))


def is_lookup(equation: jex.JaxprEqn) -> bool:
    """Whether a `gather` reads a vector at one place for each element, and stays within it."""
    if equation.params["mode"] == lax.GatherScatterMode.FILL_OR_DROP:
        return False
    vector, places = map(shape_of, equation.invars)
    return len(vector) == 1 and vector[0] > 0 and prod(places) == size_of(equation.outvars[0])


def written_as_lookups(equation: jex.JaxprEqn, table: Any) -> Callable[..., Sequence[Any]] | None:
    """The function that reads by one place in a vector; None if that is how it is, or if there is none.

    Args:
        equation: a `gather`.
        table: the numbers it reads, None if they are not known.
    """
    numbers, fill = equation.params["dimension_numbers"], equation.params["fill_value"]
    if table is None or not table.size or is_lookup(equation) or numbers.operand_batching_dims:
        return None
    fills = equation.params["mode"] == lax.GatherScatterMode.FILL_OR_DROP
    if fills and not is_floating(equation.outvars[0]):
        return None
    shape, sizes = table.shape, equation.params["slice_sizes"]
    strides, axes = row_major(shape), numbers.start_index_map
    kept = [axis for axis in range(len(shape)) if axis not in numbers.collapsed_slice_dims]
    out = shape_of(equation.outvars[0])
    batch = [axis for axis in range(len(out)) if axis not in numbers.offset_dims]
    offsets = sum(
        np.arange(sizes[axis]).reshape([-1 if other == axis else 1 for other in kept]) * strides[axis]
        for axis in kept
    )

    def spread(array: Any, along: Sequence[int]) -> Any:
        return jnp.reshape(array, [out[axis] if axis in along else 1 for axis in range(len(out))])

    def function(_, places: Any) -> list:
        starts = [places[..., k] for k in range(len(axes))]
        most = [shape[axis] - sizes[axis] for axis in axes]
        # Products of whole numbers may overflow, those of float64 are exact as far as tables go.
        within = [
            jnp.clip(start, 0, last).astype(float) * strides[axis]
            for start, last, axis in zip(starts, most, axes, strict=True)
        ]
        place = spread(sum(within), batch) + spread(np.asarray(offsets, float), numbers.offset_dims)
        found = read(table.reshape(-1), jnp.broadcast_to(place, out).astype(int))
        if not fills:
            return [found]
        inside = [(start >= 0) & (start <= last) for start, last in zip(starts, most, strict=True)]
        is_inside = jnp.broadcast_to(spread(reduce(operator.and_, inside), batch), out)
        return [jnp.where(is_inside, found, np.nan if fill is None else fill)]

    return function


def read(vector: np.ndarray, places: Any) -> Any:
    """Numbers of a vector at some places, which `is_lookup` knows again."""
    numbers = lax.GatherDimensionNumbers(offset_dims=(), collapsed_slice_dims=(0,), start_index_map=(0,))
    return lax.gather(jnp.asarray(vector), places[..., None], numbers, (1,), mode=lax.GatherScatterMode.CLIP)
