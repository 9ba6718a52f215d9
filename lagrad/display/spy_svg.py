"""Draw a pattern as SVG for notebooks: a square an entry, or boxes with counts; a coloring in its colors.

The picture is an image with its data inside: notebooks that are not trusted yet drop an `svg` element, but
keep images. An image knows nothing of the page's colors, so its own are seen on white and on black.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import numpy.typing as npt

# Larger patterns are counted in so many boxes along the longer side.
BOXES = 160
# Width or height of a picture in pixels, and of a cell at most.
SIDE, CELL = 280.0, 18.0
SHADES = 4
# As far from white as from black.
INK = "#767676"
# Okabe and Ito (2008), for the color-blind; then they repeat.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#B8A800", "#808080")


def spy_svg(
    pattern: Any, colors: npt.ArrayLike | None = None, row_colors: npt.ArrayLike | None = None
) -> str:
    """Picture of a pattern in grey, or in the colors of a coloring, with a frame.

    Args:
        pattern: what has `rows` and `cols`, shape (nnz,), and a `shape`.
        colors: color of each column, shape (n,), integers from 1, 0 for none.
        row_colors: color of each row, shape (m,), shown where a column's is 0.

    Returns:
        An img element; text for a pattern without rows or columns.

    >>> spy_svg(lagrad.SparsityPattern.from_dense([[1, 1], [0, 1]])).startswith("<img src")
    True
    """
    rows, columns = pattern.shape
    if not rows or not columns:
        return "(empty)"
    if max(pattern.shape) > BOXES:
        return counted(pattern)
    color = entry_colors(pattern, colors, row_colors)
    groups = [
        group(runs(pattern.rows[color == number], pattern.cols[color == number]), paint(number))
        for number in np.unique(color).tolist()
    ]
    return framed(rows, columns, groups)


def entry_colors(pattern: Any, colors: Any, row_colors: Any) -> np.ndarray:
    """Color of each entry, its column's or else its row's; -1 where nothing is colored."""
    if colors is None and row_colors is None:
        return np.full(pattern.rows.size, -1)
    none = np.zeros(pattern.rows.size, np.int64)
    by_column = none if colors is None else np.asarray(colors)[pattern.cols]
    by_row = none if row_colors is None else np.asarray(row_colors)[pattern.rows]
    return np.where(by_column != 0, by_column, by_row)


def paint(number: int) -> str:
    """Attributes of a color: grey for none, a lighter grey for the neutral one."""
    if number < 0:
        return f'fill="{INK}"'
    if number == 0:
        return f'fill="{INK}" fill-opacity="0.3"'
    return f'fill="{COLORS[(number - 1) % len(COLORS)]}"'


def counted(pattern: Any) -> str:
    """Boxes, darker where more entries are; a single one is seen, too."""
    rows, columns = pattern.shape
    scale = max(rows, columns) / BOXES
    shape = [max(1, int(np.ceil(size / scale))) for size in pattern.shape]
    places = (pattern.rows / scale).astype(int) * shape[1] + (pattern.cols / scale).astype(int)
    counts = np.bincount(places, minlength=shape[0] * shape[1])
    full = max(float(counts.max()), 1.0)
    shade = np.ceil(SHADES * counts / full).astype(int)
    groups = []
    for level in range(1, SHADES + 1):
        chosen = np.flatnonzero(shade == level)
        opacity = 0.4 + 0.6 * level / SHADES
        attributes = f'fill="{INK}" fill-opacity="{opacity:.2f}"'
        groups += [group(runs(chosen // shape[1], chosen % shape[1]), attributes)]
    return framed(shape[0], shape[1], groups)


def runs(rows: np.ndarray, columns: np.ndarray) -> str:
    """Cells as an SVG path, neighbours in a row as one rectangle."""
    if not rows.size:
        return ""
    order = np.lexsort((columns, rows))
    rows, columns = rows[order], columns[order]
    begins = np.flatnonzero(np.r_[True, (np.diff(rows) != 0) | (np.diff(columns) != 1)])
    lengths = np.diff(np.r_[begins, rows.size])
    found = zip(columns[begins].tolist(), rows[begins].tolist(), lengths.tolist(), strict=True)
    return "".join(f"M{x} {y}h{length}v1h-{length}z" for x, y, length in found)


def group(path: str, attributes: str) -> str:
    """A path with its paint, nothing for no path."""
    return f'<path d="{path}" {attributes}/>' if path else ""


def framed(rows: int, columns: int, groups: list[str]) -> str:
    """The image: cells with a margin to the frame, so that a full first column is seen."""
    scale = min(SIDE / max(rows, columns), CELL)
    margin = 3.0 / scale
    width, height = columns + 2 * margin, rows + 2 * margin
    box = f"{-margin:.3f} {-margin:.3f} {width:.3f} {height:.3f}"
    frame = (
        f'<rect x="{-margin:.3f}" y="{-margin:.3f}" width="{width:.3f}" height="{height:.3f}" fill="none" '
        f'stroke="{INK}" stroke-opacity="0.6" stroke-width="{1.0 / scale:.3f}"/>'
    )
    size = f'width="{scale * width:.0f}" height="{scale * height:.0f}"'
    attributes = f'{size} viewBox="{box}" shape-rendering="crispEdges"'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {attributes}>{"".join(groups)}{frame}</svg>'
    data = base64.b64encode(svg.encode()).decode()
    return f'<img src="data:image/svg+xml;base64,{data}" alt="pattern" {size} style="margin: 0.3em 0"/>'
