"""Name what an operand is by its kind and its place: equal kinds can stand side by side in one array.

x[3]          kind (entry, x, ())        place 3        a run of entries of an array, by its first
x[[3, 1]]     kind (picked, x, (2,))     place [3, 1]   entries of an array that are no run
100.0         kind (number, float64)     place 100.0
sin(x[3])     kind (member, sin of ...)  place 7        the seventh equation of its kind
a + b + ...   kind (sum, level 1)        place 2        the second long sum that contains no other
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import cast

import numpy as np

# A kind by its number, and the place among what is of that kind.
Term = tuple[int, Hashable]


@dataclass(frozen=True)
class Entry:
    """Runs of entries of the flattened variable `source`, each of `shape`; placed by the first entry."""

    source: int
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Picked:
    """Entries of the flattened variable `source`, in `shape`; placed by the bytes of their numbers."""

    source: int
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Number:
    """Known numbers, placed by the value of a scalar, by the bytes of an array."""

    dtype: np.dtype
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Whole:
    """A variable as it is; it has one place, None."""

    variable: int


@dataclass(frozen=True)
class Member:
    """Results of one batch of equations, placed by the number of the equation."""

    batch: int
    output: int


@dataclass(frozen=True)
class Row:
    """Long sums that contain sums of lower levels only, placed by the number of the sum."""

    level: int
    shape: tuple[int, ...]


Kind = Entry | Picked | Number | Whole | Member | Row


@dataclass
class Kinds:
    """All kinds so far, numbered.

    Args:
        found: the kinds, by number.
        numbers: number of each kind, by its class and its fields.
        levels: how many long sums lie behind each kind, one in the other.
    """

    found: list[Kind] = field(default_factory=list)
    numbers: dict[tuple, int] = field(default_factory=dict)
    levels: list[int] = field(default_factory=list)

    def number(self, level: int, kind: type[Kind], *fields: Hashable) -> int:
        """Number of a kind, which is made if it is new."""
        # Tuples are hashed and compared in a tenth of the time of dataclasses.
        number = self.numbers.setdefault((kind, *fields), len(self.found))
        if number == len(self.found):
            make = cast(Callable[..., Kind], kind)
            self.found.append(make(*fields))
            self.levels.append(level)
        return number
