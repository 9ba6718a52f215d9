"""Evaluate what depends on params only, and remember it for the next call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jax
import numpy as np


@dataclass(eq=False)
class OfParams:
    """Arrays kept for the params of the last call as long as these cannot change.

    Args:
        function: (*leaves) -> arrays.
        last: leaves and arrays of the last call.
    """

    function: Callable[..., Sequence]
    last: tuple[Sequence, list[np.ndarray]] = ((), [])

    def __call__(self, leaves: Sequence) -> list[np.ndarray]:
        """The arrays for some leaves."""
        known, arrays = self.last
        if len(known) == len(leaves) and all(a is b for a, b in zip(known, leaves, strict=True)):
            return arrays
        arrays = [np.ascontiguousarray(value) for value in self.function(*leaves)]
        # NumPy arrays may be written to between two calls.
        if all(isinstance(leaf, jax.Array) for leaf in leaves):
            self.last = (tuple(leaves), arrays)
        return arrays
