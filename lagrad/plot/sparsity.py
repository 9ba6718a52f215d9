"""Plot where a matrix can be nonzero, its blocks by the names of variables and constraints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse

from lagrad.derivatives import Derivatives
from lagrad.errors import ProblemError
from lagrad.pattern import SparsityPattern
from lagrad.plot.drawing import COLORS, GREY, pyplot

# Matrices beyond this are drawn as counts in so many boxes along the longer side.
BOXES = 400
# Room between the outermost entries and the frame, as a part of the side.
MARGIN = 0.02
# Names of blocks that would stand closer than this part of the side would overlap.
NARROW = 0.045
# Likewise of names below one another at 30 degrees; at 60 they may stand closer.
CROWDED = 0.09
Blocks = Sequence[tuple[str, int]]


def sparsity(what: Any, axes: Any = None, title: str | None = None) -> Any:
    """Where a matrix can be nonzero.

    Args:
        what: a SparsityPattern, a SciPy sparse matrix, a 2D array, or Derivatives: Jacobian beside Hessian,
            divided by constraints and arrays of x; in figures of their own if they are large.
        axes: Matplotlib axes, two for Derivatives with constraints; new ones if None.
        title: in place of the size and the number of nonzeros.

    Returns:
        The axes, or a tuple of two.

    Raises:
        ProblemError: it has no pattern.
        ImportError: Matplotlib is not installed.
    """
    if isinstance(what, Derivatives):
        return derivative_patterns(what, axes)
    panel = pyplot().subplots(layout="constrained", figsize=(5.0, 5.0))[1] if axes is None else axes
    pattern = read_pattern(what)
    draw(panel, pattern, title or caption("", pattern))
    panel.set(xlabel="column", ylabel="row")
    for axis in (panel.xaxis, panel.yaxis):
        axis.get_major_locator().set_params(integer=True)
    return panel


def derivative_patterns(derivatives: Derivatives, axes: Any) -> Any:
    """Jacobian beside Hessian, or the Hessian alone where there are no constraints."""
    problem = derivatives.problem
    columns = [
        (path, size) for path, size in zip(problem.variables.paths, problem.variables.sizes, strict=True)
    ]
    rows = [(name, layout.size) for name, layout in problem.row_layouts.items()]
    matrices: dict[str, tuple[SparsityPattern, Blocks]] = {"Hessian": (derivatives.hessian_pattern, columns)}
    if derivatives.m:
        matrices = {"Jacobian": (derivatives.jacobian_pattern, rows)} | matrices
    panels = new_panels(len(matrices), derivatives.n) if axes is None else np.ravel(axes)
    for panel, (name, (pattern, row_blocks)) in zip(panels, matrices.items(), strict=True):
        draw(panel, pattern, caption(name, pattern))
        divide(panel, row_blocks, columns)
    return tuple(panels) if derivatives.m else panels[0]


def new_panels(count: int, size: int) -> list[Any]:
    """Panels side by side, or in figures of their own if the matrices are large."""
    plt = pyplot()
    if size <= BOXES:
        panels = plt.subplots(1, count, layout="constrained", squeeze=False, figsize=(5.0 * count, 4.8))[1]
        return [*panels[0]]
    return [plt.subplots(layout="constrained", figsize=(7.0, 6.5))[1] for _ in range(count)]


def caption(name: str, pattern: SparsityPattern) -> str:
    """What is shown: name, size and how full it is.

    >>> caption("Jacobian", SparsityPattern.from_dense([[1, 0], [1, 1]]))
    'Jacobian, 2 x 2: 3 nonzeros, 75 %'
    """
    (rows, columns), share = pattern.shape, 100 * pattern.nnz / max(pattern.shape[0] * pattern.shape[1], 1)
    head = f"{name}, " if name else ""
    return f"{head}{rows:,} x {columns:,}: {pattern.nnz:,} nonzeros, {share:.3g} %"


def read_pattern(what: Any) -> SparsityPattern:
    """The pattern of whatever has one.

    Raises:
        ProblemError: it has none.
    """
    if isinstance(what, SparsityPattern):
        return what
    if scipy.sparse.issparse(what):
        return SparsityPattern.from_scipy(what)
    if np.ndim(what) == 2:
        return SparsityPattern.from_dense(np.asarray(what))
    found = type(what).__name__
    raise ProblemError(f"`sparsity`: a {found}, expected a SparsityPattern, a matrix or Derivatives.")


def draw(panel: Any, pattern: SparsityPattern, title: str) -> None:
    """A pattern with room to its frame, so that a full first row or column is seen."""
    rows, columns = pattern.shape
    if max(pattern.shape) > BOXES:
        draw_counts(panel, pattern)
    else:
        draw_squares(panel, pattern)
    across, down = MARGIN * columns + 0.1, MARGIN * rows + 0.1
    panel.set(xlim=(-0.5 - across, columns - 0.5 + across), ylim=(rows - 0.5 + down, -0.5 - down))
    is_square = rows and columns and max(rows, columns) < 20 * min(rows, columns)
    panel.set_aspect("equal" if is_square else "auto")
    panel.set_title(title, fontsize="medium")
    panel.tick_params(labelsize="small")
    for spine in panel.spines.values():
        spine.set_color(GREY)


def draw_squares(panel: Any, pattern: SparsityPattern) -> None:
    """Each nonzero as a square of the size of its cell."""
    image = np.zeros(pattern.shape, bool)
    image[pattern.rows, pattern.cols] = True
    panel.imshow(image, cmap="Greys", vmin=0, vmax=1, interpolation="nearest")


def draw_counts(panel: Any, pattern: SparsityPattern) -> None:
    """Nonzeros counted in boxes, darker where there are more; a single one is seen, too."""
    rows, columns = pattern.shape
    boxes = [max(1, min(size, BOXES)) for size in pattern.shape]
    limits = [[-0.5, rows - 0.5], [-0.5, columns - 0.5]]
    counts, _, _ = np.histogram2d(pattern.rows, pattern.cols, bins=boxes, range=limits)
    shade = np.where(counts > 0, 0.4 + 0.6 * counts / max(counts.max(), 1.0), 0.0)
    extent = (-0.5, columns - 0.5, rows - 0.5, -0.5)
    panel.imshow(shade, cmap="Greys", vmin=0, vmax=1, interpolation="nearest", extent=extent)


def divide(panel: Any, rows: Blocks, columns: Blocks) -> None:
    """Lines between the blocks, and their names in place of numbers."""
    # Where a cell is square, the longer side fills the panel.
    longest = max(sum(size for _, size in blocks) for blocks in (rows, columns))
    for blocks, axis, line in ((columns, panel.xaxis, panel.axvline), (rows, panel.yaxis, panel.axhline)):
        edges = np.cumsum([0, *(size for _, size in blocks)])
        room = longest if panel.get_aspect() == 1.0 else edges[-1]
        for edge in edges[1:-1]:
            line(edge - 0.5, color=COLORS[0], linewidth=0.6, alpha=0.7)
        middles = 0.5 * (edges[1:] + edges[:-1] - 1)
        kept = apart(middles, [size for _, size in blocks], NARROW * room)
        axis.set_ticks(middles[kept], [blocks[k][0] for k in kept])
        axis.set_tick_params(length=0)
        if axis is panel.xaxis:
            nearest = np.diff(middles[kept]).min(initial=room)
            axis.set_tick_params(labelrotation=30 if nearest >= CROWDED * room else 60)


def apart(places: np.ndarray, sizes: Sequence[int], distance: float) -> list[int]:
    """Which places may bear a name so that none is closer than `distance` to another, the largest first.

    >>> apart(np.array([0.0, 3.0, 10.0]), [1, 4, 9], 2.0), apart(np.array([0.0, 1.0, 9.0]), [1, 4, 9], 2.0)
    ([0, 1, 2], [1, 2])
    """
    kept: list[int] = []
    for number in sorted(range(len(sizes)), key=lambda k: -sizes[k]):
        if all(abs(places[number] - places[other]) >= distance for other in kept):
            kept.append(number)
    return sorted(kept)
