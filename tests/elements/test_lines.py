"""Laws of lines: every item's elements end at their own entries, whatever was put on one line."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lagrad.elements.indices import Indices
from lagrad.elements.lines import Item, lines, lower_item

SIZE = 12


def progressions(size: int):
    """Progressions of a given size within the matrix, and lists."""
    straight = st.builds(
        lambda start, stride: Indices(size, start, stride),
        st.integers(0, 3),
        st.integers(0, (SIZE - 4) // size),
    )
    listed = st.lists(st.integers(0, SIZE - 1), min_size=size, max_size=size).map(
        lambda p: Indices.of(np.array(p))
    )
    return straight | straight | listed


@st.composite
def items(draw):
    """A few items with their derivatives."""
    found = []
    for number in range(draw(st.integers(1, 5))):
        size = draw(st.integers(1, 5))
        factor = draw(st.sampled_from([1.0, -2.0]) | st.just(np.arange(1.0, size + 1)))
        found.append(Item(number, factor, draw(progressions(size)), draw(progressions(size))))
    return found


def value(item: Item) -> np.ndarray:
    """A derivative that tells items and elements apart."""
    return 10.0**item.source * np.arange(1.0, item.rows.size + 1)


def matrix(items: list[Item]) -> np.ndarray:
    """Entry by entry, from the definition."""
    found = np.zeros((SIZE, SIZE))
    for item in items:
        np.add.at(found, (item.rows.array, item.columns.array), value(item) * item.factor)
    return found


@given(items())
@settings(max_examples=60, deadline=None)
def test_lines_hold_every_item_once(items):
    """The sum over lines is the sum over items."""
    found, derivatives = np.zeros((SIZE, SIZE)), {item.source: value(item) for item in items}
    for line in lines(items):
        rows, columns = line.rows.array, line.columns.array
        for item, offset in zip(line.items, line.offsets, strict=True):
            on = [0] * item.rows.size if line.total else np.arange(offset, offset + item.rows.size)
            np.add.at(found, (rows[on], columns[on]), derivatives[item.source] * item.factor)
    np.testing.assert_allclose(found, matrix(items), rtol=1e-5)


def test_shifted_pieces_of_a_diagonal_share_a_line():
    """One stretch of ten entries instead of two of eight and nine; no index array."""
    pieces = [
        Item(0, 1.0, Indices(9, 0, 1), Indices(9, 0, 1)),
        Item(1, 1.0, Indices(8, 2, 1), Indices(8, 2, 1)),
    ]
    (line,) = lines(pieces)
    assert line.rows.size == 10
    assert line.offsets == (0, 2)
    assert line.rows.listed is None


def test_far_apart_pieces_do_not():
    """Padding a gap would cost more than another line."""
    pieces = [Item(k, 1.0, Indices(2, 8 * k, 1), Indices(2, 8 * k, 1)) for k in range(2)]
    assert len(lines(pieces)) == 2


@given(st.data(), st.booleans(), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_items_move_to_the_lower_triangle(data, mirrored, size):
    """Of A + A' if the mirror image counts; of A if it is symmetric by itself."""
    rows, columns = data.draw(progressions(size)), data.draw(progressions(size))
    if not mirrored:
        columns = rows
    item = lower_item(0, 1.0, rows, columns, mirrored)
    whole = matrix([Item(0, 1.0, rows, columns)])
    np.testing.assert_array_equal(matrix([item]), np.tril(whole + whole.T if mirrored else whole))
