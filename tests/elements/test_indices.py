"""Laws of index lists: they are the arrays they stand for."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lagrad.elements.indices import Indices, everything, everywhere
from tests import strategies  # noqa: F401  (the profile without a deadline)


def arrays(largest: int, empty: bool = True):
    """Positions below `largest`: progressions up and down, repeated, and any."""
    sizes = st.integers(0 if empty else 1, 6)
    progressions = st.builds(
        lambda start, step, size: np.clip(start + step * np.arange(size), 0, largest - 1),
        st.integers(0, largest - 1),
        st.integers(-2, 3),
        sizes,
    )
    anything = st.lists(st.integers(0, largest - 1), min_size=0 if empty else 1, max_size=6)
    return progressions | anything.map(lambda found: np.array(found, dtype=np.int64))


@given(arrays(9))
def test_indices_are_the_positions_they_were_made_of(positions):
    """And they are complete, since none of them is -1."""
    indices = Indices.of(positions)
    np.testing.assert_array_equal(indices.array, positions)
    assert indices.size == positions.size
    assert indices.is_complete


@given(arrays(7, empty=False), st.data())
def test_at_is_composition(outer, data):
    """outer.at(inner) = outer[inner]."""
    inner = data.draw(arrays(outer.size))
    found = Indices.of(outer).at(Indices.of(inner))
    np.testing.assert_array_equal(found.array, outer[inner])


@given(arrays(7), arrays(7))
def test_names_are_equal_exactly_for_equal_positions(left, right):
    """Whichever way the positions came about."""
    equal = left.size == right.size and bool((left == right).all())
    assert (Indices.of(left).name == Indices.of(right).name) == equal


@given(arrays(7, empty=False), st.data())
def test_composed_names_are_those_of_their_positions(outer, data):
    """A composition has the name of the same positions found directly."""
    inner = data.draw(arrays(outer.size))
    assert Indices.of(outer).at(Indices.of(inner)).name == Indices.of(outer[inner]).name


@given(arrays(8))
def test_take_picks_values(positions):
    """take(values) = values[positions], for progressions as for lists."""
    values = np.random.default_rng(0).normal(size=8)
    np.testing.assert_array_equal(Indices.of(positions).take(values), values[positions])


def test_nowhere_is_kept_as_it_is():
    """-1 stands for none, and is never part of a progression."""
    for positions in ([-1], [-1, 0, 1], [0, -1], [-1, -1], [3, 1, -1]):
        indices = Indices.of(np.array(positions))
        np.testing.assert_array_equal(indices.array, positions)
        assert not indices.is_complete


def test_long_slices_hold_three_numbers():
    """A slice keeps no array; a strided view of an array makes a name like any other."""
    assert Indices.of(np.arange(3, 3000, 7)).listed is None
    table = np.array([[4, 1], [0, 2], [3, 3]])
    assert Indices.of(table[:, 0]).name == Indices.of(np.array([4, 0, 3])).name


def test_everything_and_everywhere():
    """All positions in order, and the first again and again."""
    np.testing.assert_array_equal(everything(4).array, [0, 1, 2, 3])
    np.testing.assert_array_equal(everywhere(3).array, [0, 0, 0])
    assert everything(4).is_everything
    assert not everywhere(3).is_everything
    assert not Indices(3, start=1).is_everything
