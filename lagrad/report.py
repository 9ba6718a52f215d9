"""Figures and patterns as text: plain dictionaries or a SparsityPattern in, a string for the terminal out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lagrad.pattern import SparsityPattern

# Bit of each of the 4 x 2 dots of a braille character, as Unicode numbers them from U+2800.
BRAILLE_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
COLOR_NAMES = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def spy(pattern: SparsityPattern, width: int = 64, height: int = 32, colors=None) -> str:
    """Picture of a pattern: a sign an entry if that fits, else braille dots that stand for blocks.

    Args:
        pattern: what to show, m rows and n columns.
        width: most characters a line, at least 1.
        height: most lines, at least 1.
        colors: color of each column, shape (n,), integers; small pictures then show it at each entry.

    Returns:
        Lines joined by newlines, without a last one; "(empty)" if the pattern has no rows or no columns.

    >>> pattern = SparsityPattern.from_triplets([0, 1, 1], [0, 1, 3], (2, 4))
    >>> print(spy(pattern))
    ●···
    ·●·●
    >>> print(spy(pattern, colors=[0, 0, 1, 1]))
    0···
    ·0·1
    """
    rows, cols = pattern.shape
    if rows == 0 or cols == 0:
        return "(empty)"
    if rows <= height and cols <= width:
        return signs(pattern, colors)
    return braille(pattern, width, height)


def signs(pattern: SparsityPattern, colors=None) -> str:
    """One character an element, whatever the size.

    >>> print(signs(SparsityPattern.from_dense([[1, 0], [1, 1]])))
    ●·
    ●●
    """
    shown = np.full(pattern.shape, "·")
    shown[pattern.rows, pattern.cols] = "●" if colors is None else color_names(colors)[pattern.cols]
    return "\n".join("".join(line) for line in shown)


def color_names(colors) -> np.ndarray:
    """One character a color; after 62 they repeat.

    >>> print("".join(color_names([0, 9, 10, 62])))
    09a0
    """
    return np.array(list(COLOR_NAMES))[np.asarray(colors, dtype=np.int64) % len(COLOR_NAMES)]


def braille(pattern: SparsityPattern, width: int, height: int) -> str:
    """Eight dots a character; a dot is set if its block has an entry. The aspect is kept.

    >>> print(braille(SparsityPattern.from_dense(np.tril(np.ones((4, 4)))), width=2, height=1))
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


def outline(figures: Mapping[str, object]) -> str:
    """Figures below one another, labels aligned; a mapping inside is a section.

    Args:
        figures: label to number, string, sequence of strings, or a mapping of such.

    Returns:
        Lines joined by newlines, without a last one.

    >>> print(outline({"variables": 12000, "Jacobian": {"entries": 8, "density": 1.0}}))
    variables  12,000
    Jacobian
      entries  8
      density  1
    """
    width = max((len(label) + 2 * depth for depth, label, _ in walk(figures)), default=0)
    lines = [f"{'  ' * depth}{label}".ljust(width) + f"  {value}" for depth, label, value in walk(figures)]
    return "\n".join(line.rstrip() for line in lines)


def walk(figures: Mapping[str, object], depth: int = 0) -> list[tuple[int, str, str]]:
    """Depth, label and text of each figure, sections before their contents."""
    found = []
    for label, value in figures.items():
        if isinstance(value, Mapping):
            found.append((depth, str(label), ""))
            found.extend(walk(value, depth + 1))
        else:
            found.append((depth, str(label), figure(value)))
    return found


def figure(value: object) -> str:
    """One figure as a reader wants it.

    >>> figure(1234567), figure(0.000123456), figure(True), figure(["a", "b"])
    ('1,234,567', '0.0001235', 'yes', 'a, b')
    """
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (int, np.integer)):
        return f"{value:,}"
    if isinstance(value, (float, np.floating)):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(figure, value))
    return str(value)


def duration(seconds: float) -> str:
    """A time in the unit that suits it.

    >>> duration(0.00012), duration(0.0345), duration(2.5), duration(754)
    ('0.120 ms', '34.5 ms', '2.50 s', '12 min 34 s')
    """
    if seconds < 1:
        return f"{three_digits(1e3 * seconds)} ms"
    if seconds < 100:
        return f"{three_digits(seconds)} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"


def three_digits(value: float) -> str:
    """At least three significant digits, no exponent.

    >>> three_digits(0.12), three_digits(34.5), three_digits(345.6)
    ('0.120', '34.5', '346')
    """
    return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3}f}"


def table(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows with the same keys as aligned columns: text to the left, numbers to the right.

    Args:
        rows: one mapping a line; the first one's keys are the columns.

    Returns:
        A line of titles and one a row, without a last newline; "" for no rows.

    >>> print(table([{"block": "flow", "seeds": 3}, {"block": "balance", "seeds": 12}]))
    block    seeds
    flow         3
    balance     12
    """
    if not rows:
        return ""
    columns = [column(title, [row[title] for row in rows]) for title in rows[0]]
    return "\n".join("  ".join(cells).rstrip() for cells in zip(*columns, strict=True))


def column(title: str, values: Sequence[object]) -> list[str]:
    """Title and values padded to one width."""
    cells = [str(title), *map(figure, values)]
    width = max(map(len, cells))
    is_text = any(isinstance(value, str) for value in values)
    return [cell.ljust(width) if is_text else cell.rjust(width) for cell in cells]
