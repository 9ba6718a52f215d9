"""Hold rows of a matrix as stretches: each from its first column to its last, all in one vector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lagrad.condensing.axpys import Room


@dataclass(frozen=True, eq=False)
class Stretches:
    """Rows of a matrix, each stored from its first column to its last; or several at a time, equally wide.

    Args:
        low: first column of each row.
        high: the column after its last.
        start: where its numbers begin.
    """

    low: np.ndarray
    high: np.ndarray
    start: np.ndarray

    @classmethod
    def placed(cls, low: np.ndarray, high: np.ndarray, room: Room, times: np.ndarray | int = 1) -> Stretches:
        """Give each row, or so many times its width, a place; those that end before they begin have none."""
        is_empty = high <= low
        low, high = np.where(is_empty, 0, low), np.where(is_empty, 0, high)
        return cls(low, high, room.take_each((high - low) * times))

    @property
    def widths(self) -> np.ndarray:
        """Number of columns of each row."""
        return self.high - self.low

    def has(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Whether entries are in the stretches of their rows."""
        return (self.low[rows] <= columns) & (columns < self.high[rows])

    def at(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Where entries are that are in the stretches of their rows."""
        return self.start[rows] + columns - self.low[rows]


def bounds(count: int, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First column of each of some rows, and the one after its last; below it for rows without any.

    >>> [each.tolist() for each in bounds(1, np.array([0, 0]), np.array([4, 2]))]
    [[2], [5]]
    """
    low, high = np.full(count, np.iinfo(np.int64).max), np.full(count, -1)
    np.minimum.at(low, rows, columns)
    np.maximum.at(high, rows, columns + 1)
    return low, high
