"""Plot solutions, patterns and trajectories on Matplotlib axes; Matplotlib is needed only here.

convergence   how residuals fell, a line a solve
objective     how the objective went, a line a solve
sparsity      where a Jacobian or Hessian can be nonzero
trajectory    the arrays of x along their first axis, a panel each
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import jax
import numpy as np
import scipy.sparse

from lagrad.derivatives import Derivatives
from lagrad.errors import ProblemError
from lagrad.pattern import SparsityPattern
from lagrad.solution.solution import Solution

# Residuals below this are drawn on it: zero has no logarithm.
FLOOR = 1e-16
# Matrices beyond this are drawn as counts in so many boxes along the longer side.
BOXES = 400
STYLES = ("-", "--", "-.", ":")
MOST_LINES = 8


def pyplot() -> Any:
    """Matplotlib's pyplot.

    Raises:
        ImportError: it is not installed.
    """
    try:
        import matplotlib.pyplot as plt  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ImportError(
            'lagrad.plot: Matplotlib is not installed. Install it with `pip install "lagrad[plot]"`.'
        ) from error
    return plt


def convergence(solutions: Any, axes: Any = None) -> Any:
    """Infeasibility and stationarity by iteration, on a logarithmic scale.

    Args:
        solutions: a Solution, a sequence of them, or a dict label -> Solution.
        axes: two Matplotlib axes; a new figure if None.

    Returns:
        The two axes.

    Raises:
        ProblemError: not Solutions.
        ImportError: Matplotlib is not installed.
    """
    named = labelled(solutions)
    top, bottom = pyplot().subplots(2, 1, sharex=True, layout="constrained")[1] if axes is None else axes
    for number, (label, solution) in enumerate(named.items()):
        history, style = solution.history, STYLES[number % len(STYLES)]
        for panel, column in ((top, history.infeasibility), (bottom, history.stationarity)):
            panel.semilogy(history.iteration, np.maximum(column, FLOOR), style, label=label, marker=".")
    top.set(ylabel="infeasibility", title=finding(named))
    bottom.set(ylabel="stationarity", xlabel="iteration")
    if len(named) > 1:
        bottom.legend(loc="best", fontsize="small")
    return top, bottom


def objective(solutions: Any, axes: Any = None) -> Any:
    """Objective by iteration; points that violate a constraint are hollow.

    Args:
        solutions: a Solution, a sequence of them, or a dict label -> Solution.
        axes: Matplotlib axes; a new figure if None.

    Returns:
        The axes.

    Raises:
        ProblemError: not Solutions.
        ImportError: Matplotlib is not installed.
    """
    named = labelled(solutions)
    panel = pyplot().subplots(layout="constrained")[1] if axes is None else axes
    for number, (label, solution) in enumerate(named.items()):
        history, style = solution.history, STYLES[number % len(STYLES)]
        [line] = panel.plot(history.iteration, history.objective, style, label=label)
        outside = ~(history.infeasibility <= solution.certificate.tolerance)
        for shown, fill in ((outside, "white"), (~outside, line.get_color())):
            points = history.iteration[shown], history.objective[shown]
            panel.plot(*points, "o", color=line.get_color(), markerfacecolor=fill, markersize=4)
    panel.set(xlabel="iteration", ylabel="objective (hollow: infeasible)", title=finding(named))
    if len(named) > 1:
        panel.legend(loc="best", fontsize="small")
    return panel


def labelled(solutions: Any) -> dict[str, Solution]:
    """Solutions under different labels.

    Raises:
        ProblemError: not Solutions.
    """
    if isinstance(solutions, Mapping):
        named = {str(label): solution for label, solution in solutions.items()}
    else:
        several = solutions if isinstance(solutions, Iterable) else [solutions]
        named = {}
        for number, solution in enumerate(several):
            label = f"{getattr(solution, 'name', None) or 'problem'}, {getattr(solution, 'method', '')}"
            named[label if label not in named else f"{label} ({number})"] = solution
    wrong = [type(solution).__name__ for solution in named.values() if not isinstance(solution, Solution)]
    if wrong or not named:
        found = wrong[0] if wrong else "none"
        raise ProblemError(f"`solutions`: {found}, expected Solutions. Give at least one.")
    return named


def finding(named: Mapping[str, Solution]) -> str:
    """What came of the solves, as a title."""
    if len(named) == 1:
        [solution] = named.values()
        return f"{solution.name or 'problem'}: {solution.status} after {solution.iterations} iterations"
    counts = [solution.iterations for solution in named.values()]
    success = sum(solution.success for solution in named.values())
    return f"{success} of {len(named)} solved, in {min(counts)} to {max(counts)} iterations"


def sparsity(what: Any, axes: Any = None, title: str | None = None) -> Any:
    """Where a matrix can be nonzero.

    Args:
        what: a SparsityPattern, a SciPy sparse matrix, a 2D array, or Derivatives: Jacobian beside Hessian.
        axes: Matplotlib axes, two for Derivatives with constraints; a new figure if None.
        title: in place of the size and the number of nonzeros.

    Returns:
        The axes, or a tuple of two.

    Raises:
        ImportError: Matplotlib is not installed.
    """
    if isinstance(what, Derivatives):
        return derivative_patterns(what, axes)
    pattern = read_pattern(what)
    panel = pyplot().subplots(layout="constrained")[1] if axes is None else axes
    rows, columns = pattern.shape
    if max(pattern.shape) > BOXES:
        draw_counts(panel, pattern)
    else:
        draw_squares(panel, pattern)
    share = 100 * pattern.nnz / max(rows * columns, 1)
    panel.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5), xlabel="column", ylabel="row")
    panel.set_aspect("equal" if rows and columns and max(rows, columns) < 20 * min(rows, columns) else "auto")
    panel.set_title(title or f"{rows} x {columns}, {pattern.nnz} nonzeros ({share:.2g} %)", fontsize="medium")
    return panel


def derivative_patterns(derivatives: Derivatives, axes: Any) -> Any:
    """Jacobian beside Hessian, or the Hessian alone where there are no constraints."""
    patterns = {"Hessian": derivatives.hessian_pattern}
    if derivatives.m:
        patterns = {"Jacobian": derivatives.jacobian_pattern} | patterns
    if axes is None:
        axes = pyplot().subplots(1, len(patterns), layout="constrained", squeeze=False)[1][0]
    panels = np.ravel(axes)
    for panel, (name, pattern) in zip(panels, patterns.items(), strict=True):
        sparsity(pattern, panel, f"{name}: {pattern.shape[0]} x {pattern.shape[1]}, {pattern.nnz} nonzeros")
    return tuple(panels) if derivatives.m else panels[0]


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
    shade = np.where(counts > 0, 0.3 + 0.7 * counts / max(counts.max(), 1.0), 0.0)
    extent = (-0.5, columns - 0.5, rows - 0.5, -0.5)
    panel.imshow(shade, cmap="Greys", vmin=0, vmax=1, interpolation="nearest", extent=extent)


def trajectory(what: Any, time: Any = None, axes: Any = None, labels: Mapping[str, str] | None = None) -> Any:
    """The arrays of x along their first axis, a panel for each array.

    Args:
        what: a Solution, or a pytree of arrays such as its x. Arrays of no axis are left out; those of two
            and more axes give a line for each column, eight at most.
        time: points of the first axis, shape (T,); entry numbers if None. An array with fewer entries, such
            as controls between grid points, is drawn over the first of them.
        axes: Matplotlib axes, one a panel; a new figure if None.
        labels: path of an array, such as "['u']", or its key -> label of its axis.

    Returns:
        Array of axes, one a panel.

    Raises:
        ProblemError: no array to draw, or more entries than points of time.
        ImportError: Matplotlib is not installed.
    """
    tree = what.x if isinstance(what, Solution) else what
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    arrays = {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in leaves if np.ndim(leaf) > 0}
    if not arrays:
        raise ProblemError("`trajectory`: no array with an axis. Give a Solution or a pytree of arrays.")
    if axes is None:
        size = (7.0, 1.2 + 1.6 * len(arrays))
        axes = pyplot().subplots(
            len(arrays), 1, sharex=True, squeeze=False, layout="constrained", figsize=size
        )[1]
    panels = np.ravel(axes)
    for panel, (path, array) in zip(panels, arrays.items(), strict=True):
        draw_lines(panel, array, time, path)
        panel.set_ylabel(label(path, labels or {}))
    panels[-1].set_xlabel("entry" if time is None else "time")
    return panels


def label(path: str, labels: Mapping[str, str]) -> str:
    """What an axis is called: as given, else the last key of the path.

    >>> label("['u']", {}), label("['u']", {"u": "thrust in N"}), label("", {})
    ('u', 'thrust in N', 'x')
    """
    key = path.rpartition("[")[2].strip("]'") or "x"
    return labels.get(path, labels.get(key, key))


def draw_lines(panel: Any, array: np.ndarray, time: Any, path: str) -> None:
    """An array's columns over time."""
    points = np.arange(len(array)) if time is None else np.asarray(time, float)
    if len(points) < len(array):
        raise ProblemError(f"`time`: {len(points)} points, expected at least {len(array)} for x{path}.")
    columns = array.reshape(len(array), -1)[:, :MOST_LINES].T
    for number, column in enumerate(columns):
        style = STYLES[number % len(STYLES)]
        panel.plot(
            points[: len(column)], column, style, label=str(number), marker="." if len(column) < 60 else ""
        )
    if len(columns) > 1:
        panel.legend(title="column", fontsize="small", ncols=2)
