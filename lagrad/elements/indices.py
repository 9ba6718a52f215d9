"""Store positions in a flat array: progressions as three numbers, all else as arrays.

Most of what programs select is a slice. Kept as start, stride and size, it composes and compares at once
and is sliced, not gathered, when evaluated.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np


@dataclass(frozen=True, eq=False)
class Indices:
    """start + stride * (0, ..., size - 1), or the entries of `listed`.

    Args:
        size: number of positions.
        start: first position of a progression.
        stride: step of a progression, at least 0.
        listed: positions that are no progression, shape (size,); None for a progression.

    >>> Indices.of(np.array([3, 5, 7])).at(Indices.of(np.array([2, 0]))).array
    array([7, 3])
    """

    size: int
    start: int = 0
    stride: int = 1
    listed: np.ndarray | None = None

    @classmethod
    def of(cls, positions: np.ndarray) -> Indices:
        """The same positions, recognised where they are a progression."""
        size = int(positions.size)
        if size == 0:
            return cls(0)
        start = int(positions[0])
        if size == 1:
            return cls(1, start) if start >= 0 else cls(1, 0, 1, positions)
        stride = int(positions[1]) - start
        straight = start >= 0 and stride >= 0 and int(positions[-1]) == start + stride * (size - 1)
        if straight and (np.diff(positions) == stride).all():
            return cls(size, start, stride)
        return cls(size, 0, 1, positions)

    @cached_property
    def array(self) -> np.ndarray:
        """The positions, shape (size,), int64."""
        if self.listed is not None:
            return self.listed.astype(np.int64, copy=False)
        return self.start + self.stride * np.arange(self.size)

    @cached_property
    def name(self) -> tuple | bytes:
        """Equal exactly for equal positions."""
        if self.listed is None:
            return self.size, self.start if self.size else 0, self.stride if self.size > 1 else 1
        return blake2b(np.ascontiguousarray(self.array).data, digest_size=16).digest()

    @property
    def is_everything(self) -> bool:
        """Whether these are 0, 1, ..., size - 1."""
        return self.listed is None and self.start == 0 and (self.stride == 1 or self.size < 2)

    @cached_property
    def is_complete(self) -> bool:
        """Whether no position is -1, which stands for none."""
        return self.listed is None or self.size == 0 or int(self.listed.min()) >= 0

    def at(self, inner: Indices) -> Indices:
        """Positions [self[i] for i in inner]."""
        if inner.is_everything and inner.size == self.size:
            return self
        if self.listed is not None:
            return Indices.of(inner.take(self.listed))
        if inner.listed is not None:
            return inner if self.is_everything else Indices.of(self.start + self.stride * inner.array)
        return Indices(inner.size, self.start + self.stride * inner.start, self.stride * inner.stride)

    def take(self, values: np.ndarray) -> np.ndarray:
        """values[self], without a copy where these are all or a slice of them."""
        if self.listed is not None:
            return values[self.array]
        if self.stride == 0 or self.size < 2:
            return np.broadcast_to(values[self.start : self.start + 1], (self.size,))
        return values[self.start : self.start + self.stride * (self.size - 1) + 1 : self.stride]


def everything(size: int) -> Indices:
    """All positions in order."""
    return Indices(size)


def everywhere(size: int) -> Indices:
    """The first position, again and again: a broadcast scalar."""
    return Indices(size, 0, 0)
