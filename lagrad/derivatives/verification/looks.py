"""Decide at which ends of solves derivatives are looked at: rarely, but where params are new."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

import numpy as np

# Params are new where they leave the range of those looked at by this part of its width: each look then makes
# the range wider by so much, so that there are few.
OUTSIDE = 0.25
# So many different whole numbers, switches for example, are new.
MOST_WHOLE = 16


class Looks:
    """The ends of solves of the same functions, with whatever params.

    A look costs as much as a small solve, and the thousandth end tells little that the first ones did not:
    it is due at the first, second, fourth, eighth end and so on, and where params are unlike all before.
    """

    def __init__(self) -> None:
        self._ends = count(1)
        self._ranges: list[tuple[np.ndarray, np.ndarray]] = []
        self._whole: set[bytes] = set()

    def is_due(self, leaves: Sequence[Any] = ()) -> bool:
        """Whether to look at this end of a solve, which counts as one.

        Args:
            leaves: arrays of the params; those that hold no numbers do not count.

        >>> looks = Looks()
        >>> [number for number in range(1, 20) if looks.is_due()]
        [1, 2, 4, 8, 16]
        """
        number = next(self._ends)
        is_new = self._is_new([np.asarray(each) for each in leaves if is_numbers(each.dtype)])
        return is_new or number & (number - 1) == 0

    def _is_new(self, leaves: list[np.ndarray]) -> bool:
        """Whether params are unlike those before, which they are among from now on."""
        whole = b" ".join(each.tobytes() for each in leaves if each.dtype.kind != "f")
        is_new = whole not in self._whole and len(self._whole) < MOST_WHOLE
        if is_new:
            self._whole.add(whole)
        broken = [each for each in leaves if each.dtype.kind == "f"]
        if len(broken) != len(self._ranges):
            self._ranges = [(each.copy(), each.copy()) for each in broken]
            return True
        for place, (each, (low, high)) in enumerate(zip(broken, self._ranges, strict=True)):
            outside = max((low - each).max(initial=0.0), (each - high).max(initial=0.0))
            if outside > 0.0 and outside > OUTSIDE * (high - low).max(initial=0.0):
                self._ranges[place] = np.minimum(low, each), np.maximum(high, each)
                is_new = True
        return is_new


def is_numbers(dtype: Any) -> bool:
    """Whether arrays of a type hold numbers of NumPy's, which random keys are not."""
    return isinstance(dtype, np.dtype) and dtype.kind in "fiub"
