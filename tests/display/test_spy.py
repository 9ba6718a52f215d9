"""Pictures in characters: what is drawn is what is there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lagrad.coloring import color_columns, color_rows, color_symmetric
from lagrad.display.spy import COLOR_NAMES, signs, spy
from lagrad.pattern import SparsityPattern


@st.composite
def patterns(draw) -> SparsityPattern:
    """Small patterns of every shape, empty ones too."""
    rows, cols = draw(st.integers(0, 9)), draw(st.integers(0, 11))
    entries = st.tuples(st.integers(0, max(rows - 1, 0)), st.integers(0, max(cols - 1, 0)))
    found = draw(st.lists(entries, max_size=20)) if rows and cols else []
    return SparsityPattern.from_triplets([i for i, _ in found], [j for _, j in found], (rows, cols))


def lit_dots(picture: str) -> np.ndarray:
    """Dots of a braille picture, Boolean, read off character by character."""
    # Bits 0, 1, 2, 6 are the left column from the top, bits 3, 4, 5, 7 the right one.
    order = [[0, 3], [1, 4], [2, 5], [6, 7]]
    lines = [[ord(sign) - 0x2800 for sign in line] for line in picture.splitlines()]
    return np.block(
        [[np.array([[code >> bit & 1 for bit in pair] for pair in order]) for code in line] for line in lines]
    ).astype(bool)


@given(patterns())
def test_small_pictures_have_a_sign_an_entry(pattern):
    """Where all fits, the picture is the matrix."""
    picture = spy(pattern, width=11, height=9)
    if 0 in pattern.shape:
        assert picture == "(empty)"
    else:
        assert np.array_equal(
            np.array([list(line) for line in picture.splitlines()]) == "●", pattern.toarray()
        )


def test_braille_is_the_matrix_itself_where_dots_suffice():
    """As many dots as elements: a dot is lit exactly where there is an entry."""
    random = np.random.default_rng(0)
    dense = random.random((32, 14)) < 0.3
    assert np.array_equal(lit_dots(spy(SparsityPattern.from_dense(dense), width=7, height=8)), dense)


@pytest.mark.parametrize("shape", [(1000, 1000), (3, 5000), (5000, 3), (101, 1)])
def test_large_pictures_keep_to_their_frame_and_lose_no_entry(shape):
    """Blocks with an entry are lit, the others are dark, and the frame holds."""
    random = np.random.default_rng(1)
    rows, cols = random.integers(0, shape[0], 40), random.integers(0, shape[1], 40)
    picture = spy(SparsityPattern.from_triplets(rows, cols, shape), width=20, height=10)
    lines = picture.splitlines()
    assert len(lines) <= 10
    assert {len(line) for line in lines} <= set(range(1, 21))
    scale = max(shape[0] / 40, shape[1] / 40)
    expected = {(int(row / scale), int(col / scale)) for row, col in zip(rows, cols, strict=True)}
    assert set(zip(*np.nonzero(lit_dots(picture)), strict=True)) == expected


def test_colors_are_shown_at_the_entries_of_their_columns():
    """A color is a character, and there are characters for 62 before they repeat."""
    pattern = SparsityPattern.from_dense([[1, 0, 1], [0, 1, 1]])
    assert signs(pattern, colors=[0, 61, 62]) == "0·0\n·Z0"
    assert len(set(COLOR_NAMES)) == 62


def test_patterns_print_themselves():
    """`print(pattern)` is size and picture, in a notebook the same; `repr` stays one line."""
    pattern = SparsityPattern.from_dense([[1, 0, 1], [0, 1, 1]])
    assert str(pattern) == "2 x 3, 4 entries (67 %)\n●·●\n·●●"
    assert "<img" in pattern._repr_html_()
    assert repr(pattern) == "SparsityPattern(shape=(2, 3), nnz=4)"
    assert spy(pattern, width=1, height=1) == pattern.spy(1, 1)


def test_symmetric_colorings_show_the_mirrored_color_where_a_column_has_none():
    """Every entry is read at itself or at its mirror image, and shows where."""
    chain = np.eye(4, k=1, dtype=int) + np.eye(4, k=-1, dtype=int)
    coloring = color_symmetric(SparsityPattern.from_dense(chain))
    lines = str(coloring).splitlines()[1:]
    for i, j in zip(*np.nonzero(chain), strict=True):
        assert int(lines[i][j]) == (coloring.colors[j] or coloring.colors[i])
    assert 0 in coloring.colors and "0" not in "".join(lines)


def test_colorings_print_what_they_save():
    """Entries show the color by which they are read: of their column, or of their row."""
    pattern = SparsityPattern.from_dense([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]])
    for coloring, axis, of in ((color_columns(pattern), 1, 4), (color_rows(pattern), 0, 3)):
        head, *lines = str(coloring).splitlines()
        assert head.endswith(f"{coloring.num_colors} products instead of {of}")
        shown = np.array([list(line) for line in lines])
        index = (pattern.rows, pattern.cols)[axis]
        assert (shown[pattern.rows, pattern.cols].astype(int) == coloring.colors[index]).all()
        assert "<img" in coloring._repr_html_()
