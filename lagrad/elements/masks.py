"""Keep track of which inputs of a function have first derivatives, and which pairs second ones, as bits.

x0 sin(x1)      first = 0b11      second = (0b10, 0b11)      x0 meets x1; x1 meets x0 and itself
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Masks:
    """Derivatives of a function of n inputs that can be nonzero.

    Args:
        first: bit i says whether that by input i can be.
        second: bit j of entry i says whether that by inputs i and j can be; symmetric, n entries.
    """

    first: int
    second: tuple[int, ...]

    def moved(self, places: Sequence[int], size: int) -> Masks:
        """The same function with input i at `places[i]` of `size`; several may come to the same place."""
        if len(places) == size and all(place == i for i, place in enumerate(places)):
            return self
        return self.spread([(place,) for place in places], size)

    def spread(self, places: Sequence[Sequence[int]], size: int) -> Masks:
        """The same function where input i is made of the inputs `places[i]` of `size`."""
        # An input may be made of the same one twice: x[0] - mean(x).
        parts = [sum(1 << place for place in set(each)) for each in places]
        # Rows are alike where all inputs meet.
        new = {row: union(parts, row) for row in {self.first, *self.second}}
        rows = [0] * size
        for each, row in zip(places, self.second, strict=True):
            for place in each:
                rows[place] |= new[row]
        return Masks(new[self.first], tuple(rows))

    def limited(self, size: int) -> Masks:
        """The same by the first inputs only."""
        all_of_them = (1 << size) - 1
        return Masks(self.first & all_of_them, tuple(row & all_of_them for row in self.second[:size]))

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Inputs (i, j), i <= j, that have a second derivative together, in order."""
        for i, row in enumerate(self.second):
            yield from ((i, j + i) for j in bits(row >> i))

    def count(self) -> int:
        """Number of first derivatives and of second ones, each pair once."""
        return self.first.bit_count() + sum((row >> i).bit_count() for i, row in enumerate(self.second))


def union(parts: Sequence[int], chosen: int) -> int:
    """The masks of the numbers that a mask chooses, put together."""
    found = 0
    for bit in bits(chosen):
        found |= parts[bit]
    return found


def bits(mask: int) -> Iterator[int]:
    """Numbers of the bits that are set.

    >>> list(bits(0b1010))
    [1, 3]
    """
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def composed(parts: Sequence[Masks], meeting: Sequence[tuple[int, int]]) -> Masks:
    """Masks of a function of several functions of the same inputs.

    Args:
        parts: of each.
        meeting: numbers of the parts that have a second derivative together.
    """
    first, rows = 0, [0] * len(parts[0].second) if parts else []
    for part in parts:
        first |= part.first
        rows = [a | b for a, b in zip(rows, part.second, strict=True)]
    pairs = {(parts[i].first, parts[j].first) for i, j in meeting}
    for one, other in pairs | {(b, a) for a, b in pairs}:
        for bit in bits(one):
            rows[bit] |= other
    return Masks(first, tuple(rows))
