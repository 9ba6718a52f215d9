"""Laws of updates within one vector: those of a plain loop, whatever their lengths and order."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lagrad.condensing.axpys import Axpys, Listing, Room, grid

SIZE = 60
PLACES = st.integers(0, SIZE // 3 - 1)
UPDATES = st.lists(
    st.tuples(PLACES, PLACES, PLACES, st.integers(0, SIZE // 3), st.integers(0, 4)), max_size=12
)


@given(UPDATES)
@settings(max_examples=60, deadline=None)
def test_updates_are_those_of_a_loop(updates):
    """Targets in one third of the vector, factors and sources in the others or among earlier targets."""
    listing, expected = Listing(), np.random.default_rng(0).normal(size=SIZE)
    found, third = expected.copy(), SIZE // 3
    rows = [(t, third + f, 2 * third + s, min(n, third - max(s, t)), turn) for t, f, s, n, turn in updates]
    for row in rows:
        listing.add(*row)
    listing.finish()(found)
    for target, factor, source, length, _ in sorted(rows, key=lambda row: row[-1]):
        expected[target : target + length] += expected[factor] * expected[source : source + length]
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)


def test_later_updates_see_earlier_ones():
    """A chain of updates is run in order."""
    vector = np.array([2.0, 1.0, 0.0, 0.0])
    Axpys(np.array([[2, 0, 1, 1], [3, 0, 2, 1]], dtype=np.int32))(vector)
    assert vector.tolist() == [2.0, 1.0, 2.0, 4.0]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=6))
def test_a_grid_has_every_place_once(boxes):
    """All places of all boxes, in order."""
    heights, widths = (np.array([box[axis] for box in boxes], dtype=int) for axis in (0, 1))
    expected = [(k, i, j) for k, (h, w) in enumerate(boxes) for i in range(h) for j in range(w)]
    found = grid(heights, widths)
    assert [*zip(*(each.tolist() for each in found), strict=True)] == expected


def test_room_hands_out_stretches_that_do_not_meet():
    """One behind the other."""
    room = Room(3)
    assert room.take(2) == 3
    assert room.take_each([1, 0, 4]).tolist() == [5, 6, 6]
    assert room.size == 10
