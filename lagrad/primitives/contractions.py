"""Number the elements of a factor by batch, free and contracted index."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np


def arranged(shape: tuple[int, ...], batch: Sequence[int], inner: Sequence[int]) -> np.ndarray:
    """Flat numbers of a factor's elements, axes merged to (batch, free, contracted).

    >>> arranged((2, 3), (), (0,)).tolist()
    [[[0, 3], [1, 4], [2, 5]]]
    """
    free = [axis for axis in range(len(shape)) if axis not in (*batch, *inner)]
    lengths = [prod(shape[axis] for axis in axes) for axes in (batch, free, inner)]
    return np.arange(prod(shape)).reshape(shape).transpose(*batch, *free, *inner).reshape(lengths)
