"""Draw a pattern in characters, for terminals and notebooks.

A pattern is whatever has `rows` and `cols`, shape (nnz,), and a `shape`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

# Bit of each of the 4 x 2 dots of a braille character, as Unicode numbers them from U+2800.
BRAILLE_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
COLOR_NAMES = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def spy(
    pattern: Any,
    width: int = 64,
    height: int = 32,
    colors: npt.ArrayLike | None = None,
    row_colors: npt.ArrayLike | None = None,
) -> str:
    """Picture of a pattern: a sign an entry if that fits, else braille dots that stand for blocks.

    Args:
        pattern: what to show, m rows and n columns.
        width: most characters a line, at least 1.
        height: most lines, at least 1.
        colors: color of each column, shape (n,), integers; small pictures then show it at each entry.
        row_colors: color of each row, shape (m,), shown where a column's is 0 or there are none.

    Returns:
        Lines joined by newlines, without a last one; "(empty)" if the pattern has no rows or no columns.

    >>> pattern = lagrad.SparsityPattern.from_triplets([0, 1, 1], [0, 1, 3], (2, 4))
    >>> print(spy(pattern))
    ●···
    ·●·●
    >>> print(spy(pattern, colors=[1, 1, 2, 2]))
    1···
    ·1·2
    """
    rows, cols = pattern.shape
    if rows == 0 or cols == 0:
        return "(empty)"
    if rows <= height and cols <= width:
        return signs(pattern, colors, row_colors)
    return braille(pattern, width, height)


def signs(pattern: Any, colors: npt.ArrayLike | None = None, row_colors: npt.ArrayLike | None = None) -> str:
    """One character an element, whatever the size.

    >>> print(signs(lagrad.SparsityPattern.from_dense([[1, 0], [1, 1]])))
    ●·
    ●●
    """
    shown = np.full(pattern.shape, "·")
    shown[pattern.rows, pattern.cols] = entry_signs(pattern, colors, row_colors)
    return "\n".join("".join(line) for line in shown)


def entry_signs(
    pattern: Any, colors: npt.ArrayLike | None = None, row_colors: npt.ArrayLike | None = None
) -> Any:
    """The character of each entry, shape (nnz,): its column's color, else its row's."""
    if colors is None and row_colors is None:
        return "●"
    none = np.zeros(pattern.rows.size, np.int64)
    by_column = none if colors is None else np.asarray(colors)[pattern.cols]
    by_row = none if row_colors is None else np.asarray(row_colors)[pattern.rows]
    return color_names(np.where(by_column != 0, by_column, by_row))


def color_names(colors: npt.ArrayLike) -> np.ndarray:
    """One character a color; after 62 they repeat.

    >>> print("".join(color_names([0, 9, 10, 62])))
    09a0
    """
    return np.array(list(COLOR_NAMES))[np.asarray(colors, dtype=np.int64) % len(COLOR_NAMES)]


def braille(pattern: Any, width: int, height: int) -> str:
    """Eight dots a character; a dot is set if its block has an entry. The aspect is kept.

    >>> print(braille(lagrad.SparsityPattern.from_dense(np.tril(np.ones((4, 4)))), width=2, height=1))
    ⣷⣄
    """
    rows, cols = pattern.shape
    # Entries a dot, along both axes; a fraction below 1 would leave gaps.
    scale = max(rows / (4 * height), cols / (2 * width), 1.0)
    dots = np.zeros((round_up(rows / scale, 4), round_up(cols / scale, 2)), dtype=np.int64)
    dots[(pattern.rows / scale).astype(int), (pattern.cols / scale).astype(int)] = 1
    cells = dots.reshape(dots.shape[0] // 4, 4, dots.shape[1] // 2, 2)
    codes = 0x2800 + np.einsum("iajb,ab->ij", cells, BRAILLE_BITS)
    return "\n".join("".join(map(chr, line)) for line in codes)


def round_up(length: float, multiple: int) -> int:
    """Smallest multiple of `multiple` that is at least `length`, up to rounding errors.

    >>> round_up(9.2, 4)
    12
    """
    return multiple * int(np.ceil(length / multiple - 1e-9))


def caption(pattern: Any) -> str:
    """Shape, number of entries and their share.

    >>> caption(lagrad.SparsityPattern.from_dense([[1, 0, 1, 0]]))
    '1 x 4, 2 entries (50 %)'
    """
    (rows, cols), entries = pattern.shape, pattern.rows.size
    return f"{rows:,} x {cols:,}, {entries:,} entries ({100 * entries / max(rows * cols, 1):.2g} %)"
