"""Which entries of an array an index takes, where it is known before anything is computed."""

from __future__ import annotations

from typing import Any

import jax
import jax.core
import numpy as np

# (first entries, ends, axes that go) of a stretch of an array
Stretch = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
# Places are counted in 32 bits, as by JAX.
LARGEST = 2**31 - 1


def stretch_of(index: tuple[Any, ...], shape: tuple[int, ...]) -> Stretch | None:
    """Which stretch an index takes; None unless it is known numbers in range and slices without steps.

    >>> stretch_of((1, slice(2)), (3, 4))
    ((1, 0), (2, 2), (0,))
    """
    if len(index) > len(shape):
        return None
    start, limit, dropped = [0] * len(shape), [*shape], []
    for axis, (entry, size) in enumerate(zip(index, shape, strict=False)):
        if type(entry) is int or isinstance(entry, np.integer):
            place = int(entry) + size if entry < 0 else int(entry)
            if not 0 <= place < size:
                return None
            start[axis], limit[axis] = place, place + 1
            dropped.append(axis)
        elif type(entry) is slice and entry.step in (None, 1):
            if not all(end is None or type(end) is int for end in (entry.start, entry.stop)):
                return None
            first, last, _ = entry.indices(size)
            start[axis], limit[axis] = first, max(first, last)
        else:
            return None
    return tuple(start), tuple(limit), tuple(dropped)


def run_of(stretch: Stretch, shape: tuple[int, ...]) -> int | None:
    """First entry of a stretch in the flat array; None if its entries do not follow one another.

    >>> run_of(stretch_of((1,), (3, 4)), (3, 4)), run_of(stretch_of((slice(None), 1), (3, 4)), (3, 4))
    (4, None)
    """
    first, step, is_whole = 0, 1, True
    for start, limit, size in zip(*map(reversed, (stretch[0], stretch[1], shape)), strict=True):
        # All axes behind one that is longer than 1 have to be whole.
        if limit - start != 1 and not is_whole:
            return None
        is_whole = is_whole and limit - start == size
        first += start * step
        step *= size
    return first


def places_of(index: Any, size: int) -> np.ndarray | None:
    """The places along an axis that a known array of whole numbers takes; None unless all are in range.

    >>> places_of(np.array([0, -1]), 3)
    array([0, 2], dtype=int32)
    """
    if not isinstance(index, np.ndarray | jax.Array) or isinstance(index, jax.core.Tracer):
        return None
    if index.dtype.kind not in "iu" or not index.ndim or not index.size or size > LARGEST:
        return None
    known = np.asarray(index)
    if known.min() < -size or known.max() >= size:
        return None
    return np.where(known < 0, known + size, known).astype(np.int32)
