"""Plot the arrays of x along their first axis, with their bounds; or as images where they are fields."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from lagrad.errors import ProblemError
from lagrad.plot.convergence import convergence, finding
from lagrad.plot.drawing import GREY, legend_beside, pyplot, stroke
from lagrad.solution.solution import Solution

# More columns than this are drawn as an image.
MOST_LINES = 8
# Arrays of two axes are fields if both are at least so long, and of similar length.
FIELD, SIMILAR = 8, 4
MARKED = 40
Labels = Mapping[str, str | Sequence[str]]


def trajectory(
    what: Any,
    time: Any = None,
    axes: Any = None,
    labels: Labels | None = None,
    *,
    unit: str = "",
    steps: Collection[str] | None = None,
    only: str | Sequence[str] | None = None,
) -> Any:
    """The arrays of x along their first axis, a panel for each array.

    Args:
        what: a Solution, whose bounds are drawn, too, or a pytree of arrays such as its x. Numbers stand in
            the title. Arrays of two and more axes give a line for each column, an image if they are many.
        time: points of the first axis, shape (T,); numbers of the longest array's entries if None. An array
            with fewer entries, such as controls between grid points, is drawn over the first of them.
        axes: Matplotlib axes, one a panel; a new figure if None.
        labels: path of an array, such as "['u']", or its key -> label of its axis, or a label a column.
        unit: of time.
        steps: keys or paths of arrays that are constant between two points of time; those with one entry
            fewer than there are points if None.
        only: keys or paths of the arrays to draw, in this order; all if None.

    Returns:
        Array of axes, one a panel.

    Raises:
        ProblemError: no array to draw, more entries than points of time, or labels, steps and `only` of names
            that x does not have.
        ImportError: Matplotlib is not installed.
    """
    if isinstance(what, (list, tuple)) and any(isinstance(each, Solution) for each in what):
        raise ProblemError(f"`trajectory`: {len(what)} Solutions, expected one. Draw each with `axes=`.")
    arrays, numbers = leaves(what.x if isinstance(what, Solution) else what)
    if not arrays:
        raise ProblemError("`trajectory`: no array with an axis. Give a Solution or a pytree of arrays.")
    check_names("labels", labels, arrays)
    check_names("steps", steps, arrays)
    if only is not None:
        chosen = (only,) if isinstance(only, str) else only
        check_names("only", chosen, arrays)
        arrays = {path: arrays[path] for name in chosen for path in arrays if name in (path, key_of(path))}
    sides = bounds_of(what)
    if axes is None:
        size = (7.5, 1.0 + 1.7 * len(arrays))
        axes = pyplot().subplots(
            len(arrays), 1, sharex=True, squeeze=False, layout="constrained", figsize=size
        )[1]
    panels = np.ravel(axes)
    entries = np.arange(max(map(len, arrays.values())))
    for panel, (path, array) in zip(panels, arrays.items(), strict=True):
        points = entries if time is None else points_of(time, array, path)
        is_step = len(points) == len(array) + 1 if steps is None else {path, key_of(path)} & set(steps)
        names = named(path, labels or {}, array)
        draw_columns(panel, points, array, names, bool(is_step))
        draw_bounds(panel, sides.get(path))
    panels[-1].set_xlabel("entry" if time is None else f"time, {unit}" if unit else "time")
    if time is None:
        panels[-1].xaxis.get_major_locator().set_params(integer=True)
    panels[0].set_title(heading(what, numbers), fontsize="medium")
    return panels


def check_names(argument: str, given: Any, arrays: Mapping[str, np.ndarray]) -> None:
    """Raise ProblemError where names are given that no array has, or too few or too many for its columns."""
    if given is None:
        return
    if argument == "labels" and not isinstance(given, Mapping):
        kind = type(given).__name__
        raise ProblemError(f"`labels`: found a {kind}, expected a dict from names in x to labels.")
    known = {name: array for path, array in arrays.items() for name in (path, key_of(path))}
    for name in given:
        if name not in known:
            has = ", ".join(map(key_of, arrays))
            raise ProblemError(f"`{argument}`: no {name!r} in x, which has {has}.")
        if argument == "labels" and not isinstance(given[name], str):
            found, expected = len(given[name]), int(np.prod(known[name].shape[1:]))
            if found != expected:
                raise ProblemError(
                    f"`labels[{name!r}]`: found {found} labels, expected {expected}, one a column."
                )


def problem(solution: Solution, **how: Any) -> Any:
    """The picture that suits a solution: arrays that look like fields as images, else their courses.

    Args:
        solution: of any problem; one of numbers alone is drawn as its convergence.
        how: further arguments of `trajectory`.

    Returns:
        Array of axes.

    Raises:
        ImportError: Matplotlib is not installed.
    """
    arrays, numbers = leaves(solution.x)
    if not arrays:
        return np.asarray(convergence(solution))
    if not all(is_field(array) for array in arrays.values()):
        return trajectory(solution, **how)
    size = (4.2 * len(arrays), 3.8)
    panels = pyplot().subplots(1, len(arrays), squeeze=False, layout="constrained", figsize=size)[1][0]
    for panel, (path, array) in zip(panels, arrays.items(), strict=True):
        image = panel.imshow(array.T, origin="lower", cmap="cividis")
        panel.figure.colorbar(image, ax=panel, shrink=0.8)
        panel.set(title=key_of(path), xlabel="first index", ylabel="second index")
    panels[0].figure.suptitle(heading(solution, numbers), fontsize="medium")
    return panels


def is_field(array: np.ndarray) -> bool:
    """Whether an array is a field over a plane, not a course of several numbers."""
    return array.ndim == 2 and min(array.shape) >= FIELD and max(array.shape) <= SIMILAR * min(array.shape)


def leaves(tree: Any) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Path -> array with an axis, and path -> number."""
    found, _ = jax.tree_util.tree_flatten_with_path(tree)
    values = {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in found}
    for path, array in values.items():
        if array.dtype.kind not in "biuf":
            raise ProblemError(f"`trajectory`: {path or 'x'} has dtype {array.dtype}, expected real numbers.")
    arrays = {path: array for path, array in values.items() if array.ndim and array.size}
    return arrays, {path: float(array) for path, array in values.items() if not array.ndim}


def bounds_of(what: Any) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Path -> lower and upper bounds of a Solution's arrays."""
    if not isinstance(what, Solution) or what.bounds[0] is None:
        return {}
    lower, upper = (leaves(side)[0] for side in what.bounds)
    return {path: (lower[path], upper[path]) for path in lower}


def points_of(time: Any, array: np.ndarray, path: str) -> np.ndarray:
    """Points of time for an array, which may take the first of them."""
    points = np.asarray(time, float)
    if len(points) < len(array):
        raise ProblemError(f"`time`: {len(points)} points, expected at least {len(array)} for x{path}.")
    return points


def key_of(path: str) -> str:
    """Last key of a path.

    >>> key_of("['net'].layers[0].bias"), key_of("['u']"), key_of("")
    ('layers[0].bias', 'u', 'x')
    """
    if path.endswith("']"):
        return path.rpartition("['")[2][:-2]
    return path.rpartition("']")[2].strip(".") or "x"


def named(path: str, labels: Labels, array: np.ndarray) -> tuple[str, list[str]]:
    """What the axis is called, and each column."""
    label = labels.get(path, labels.get(key_of(path), key_of(path)))
    count = int(np.prod(array.shape[1:]))
    places = [", ".join(map(str, place)) for place in np.ndindex(array.shape[1:])] if count > 1 else [""]
    if isinstance(label, str):
        return label, places
    return key_of(path), [*label, *places[len(label) :]]


def draw_columns(
    panel: Any, points: np.ndarray, array: np.ndarray, names: tuple[str, list[str]], is_step: bool
) -> None:
    """Each column as a line, as steps where it is constant between points; as an image if they are many."""
    label, columns = names
    matrix = array.reshape(len(array), -1)
    panel.set_ylabel(label)
    if matrix.shape[1] > MOST_LINES:
        extent = (points[0], points[len(array) - 1], -0.5, matrix.shape[1] - 0.5)
        image = panel.imshow(matrix.T, aspect="auto", origin="lower", extent=extent, cmap="cividis")
        panel.figure.colorbar(image, ax=panel, label=label)
        panel.set_ylabel(f"{label}: {matrix.shape[1]} columns")
        return
    marker = "." if len(array) < MARKED and not is_step else ""
    for number, (column, name) in enumerate(zip(matrix.T, columns, strict=False)):
        if is_step and len(points) > len(array):
            panel.stairs(column, points[: len(array) + 1], baseline=None, label=name, **stroke(number))
        else:
            drawn = "steps-post" if is_step else "default"
            panel.plot(
                points[: len(array)], column, label=name, marker=marker, drawstyle=drawn, **stroke(number)
            )
    if matrix.shape[1] > 1:
        are_numbers = all(name.replace(", ", "").isdigit() for name in columns)
        legend_beside(panel, title="column" if are_numbers else None)


def draw_bounds(panel: Any, sides: tuple[np.ndarray, np.ndarray] | None) -> None:
    """A thin line at a bound that a column's entries share, fixed ones apart, if it is in sight or near."""
    if sides is None:
        return
    lower, upper = (side.reshape(len(side), -1) for side in sides)
    count = lower.shape[1] if lower.shape[1] <= MOST_LINES else 0
    low, high = panel.get_ylim()
    for number in range(count):
        is_free = lower[:, number] < upper[:, number]
        for side in (lower, upper):
            values = np.unique(side[is_free, number])
            if values.size == 1 and 2 * low - high <= values[0] <= 2 * high - low:
                color = stroke(number)["color"] if count > 1 else GREY
                panel.axhline(values[0], color=color, linewidth=0.8, linestyle=(0, (1, 2)), zorder=0)
    # With room between the outermost bound and the frame, which Matplotlib leaves to data alone.
    panel.autoscale_view(scalex=False)


def heading(what: Any, numbers: Mapping[str, float]) -> str:
    """What came of the solve, and the numbers among the variables."""
    told = ", ".join(f"{key_of(path)} = {value:.5g}" for path, value in [*numbers.items()][:6])
    told += f" and {len(numbers) - 6} numbers more" if len(numbers) > 6 else ""
    found = finding({"": what}) if isinstance(what, Solution) else ""
    return "; ".join(filter(None, (found, told)))
