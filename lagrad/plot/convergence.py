"""Plot how solves went: residuals and objective by iteration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from lagrad.errors import ProblemError
from lagrad.plot.drawing import GREY, legend_beside, pyplot, stroke
from lagrad.solution.solution import Solution


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
    if axes is None:
        axes = pyplot().subplots(2, 1, sharex=True, layout="constrained", figsize=(7.0, 4.8))[1]
    top, bottom = axes
    marked = [False, False]
    for number, (label, solution) in enumerate(named.items()):
        history = solution.history
        for k, column in enumerate((history.infeasibility, history.stationarity)):
            draw_residual(axes[k], history.iteration, column, label, stroke(number))
            marked[k] |= bool((column == 0.0).any())
    tolerances = {solution.options["tol"] for solution in named.values() if "tol" in solution.options}
    for panel in (top, bottom):
        for tolerance in tolerances:
            panel.axhline(tolerance, color=GREY, linewidth=0.8, zorder=0)
            # At the left, where residuals are large.
            at = {"xycoords": ("axes fraction", "data"), "ha": "left", "va": "bottom"}
            panel.annotate(f"tol {tolerance:.0e}", (0.005, tolerance), fontsize="x-small", color=GREY, **at)
    top.set(ylabel="infeasibility", title=finding(named))
    bottom.set(ylabel="stationarity (scaled)", xlabel="iteration")
    for panel, is_marked in zip((top, bottom), marked, strict=True):
        if is_marked:
            panel.set_ylabel(f"{panel.get_ylabel()}\n(▾ exactly 0)")
    bottom.xaxis.get_major_locator().set_params(integer=True)
    if len(named) > 1:
        legend_beside(top)
    return top, bottom


def draw_residual(
    panel: Any, iteration: np.ndarray, column: np.ndarray, label: str, style: dict[str, Any]
) -> None:
    """A residual on a logarithmic scale; where it is exactly zero, a triangle on the lower edge."""
    is_zero = column == 0.0
    panel.semilogy(iteration, np.where(is_zero, np.nan, column), marker=".", label=label, **style)
    if is_zero.any():
        heights = np.full(is_zero.sum(), 0.03)
        at = {"color": style["color"], "transform": panel.get_xaxis_transform(), "markersize": 4}
        panel.plot(iteration[is_zero], heights, "v", clip_on=False, **at)


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
        history = solution.history
        [line] = panel.plot(history.iteration, history.objective, label=label, **stroke(number))
        outside = ~(history.infeasibility <= solution.certificate.tolerance)
        for shown, fill in ((outside, "white"), (~outside, line.get_color())):
            points = history.iteration[shown], history.objective[shown]
            panel.plot(*points, "o", color=line.get_color(), markerfacecolor=fill, markersize=4)
    panel.set(xlabel="iteration", ylabel="objective (hollow: infeasible)", title=finding(named))
    panel.xaxis.get_major_locator().set_params(integer=True)
    if len(named) > 1:
        legend_beside(panel)
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
