"""Say in lines what a Solution, a Certificate and an iteration tell."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Any

import numpy as np

from lagrad.solution.status import Status

# Columns that a line may take, and how far its continuation is moved in.
WIDTH, INDENT = 100, 12
# Stages that take less of the whole are not worth a word.
TINY = 1e-3
WHOLE_WORDS: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}
UNKNOWN = "not known (`lagrad.certify` looks, where size allows)"
INNER_TIMINGS = ("trace", "structure", "coloring", "compile", "callbacks", "solver")
RESIDUALS = ("stationarity", "feasibility", "complementarity")
HISTORY_NUMBERS = (
    "iteration",
    "objective",
    "infeasibility",
    "stationarity",
    "mu",
    "step",
    "step_size",
    "time",
)


def history_rows(history: Any, most: int) -> list[dict[str, str | int]]:
    """What is shown of a history: iterations evenly chosen, the first and the last among them."""
    chosen = np.unique(np.linspace(0, len(history) - 1, min(most, len(history))).round().astype(int))
    return [history_row(history, index) for index in chosen]


def history_row(history: Any, index: int) -> dict[str, str | int]:
    """What is shown of one iteration; "r" marks restoration, where the solver only seeks feasibility."""
    residuals = ("infeasibility", "stationarity", "mu", "step", "step_size")
    return {
        "iteration": f"{history.iteration[index]}{'r' if history.restoration[index] else ''}",
        "objective": f"{history.objective[index]:.8e}",
        **{name: f"{getattr(history, name)[index]:.1e}" for name in residuals},
        "trials": int(history.trials[index]),
        "time": f"{history.time[index]:.2f} s",
    }


def certificate_lines(check: Any) -> list[str]:
    """The verdict, a line for each residual, and what is known of rank and curvature."""
    verdict = "satisfied" if check.is_satisfied else "NOT satisfied"
    return [
        f"optimality conditions {verdict}: relative error {check.error:.1e} (allowed {check.tolerance:.0e})",
        "  in the problem's own units:",
        *(f"  {kind:<17}{getattr(check, kind):.1e}{place(check, kind)}" for kind in RESIDUALS),
        f"  {'constraints':<17}{rank_words(check) or UNKNOWN}",
        f"  {'second order':<17}{curvature_words(check) or UNKNOWN}",
        *(line for doubt in check.doubts for line in labelled("doubt", doubt, 19)),
    ]


def rank_words(check: Any) -> str:
    """Whether the active rows are independent, empty where that is not known."""
    rank, rows = check.constraint_rank, check.active_rows
    if rank is None or rows is None:
        return ""
    return f"{rows} active, rank {rank}: {'independent' if rank == rows else 'DEPENDENT'}"


def curvature_words(check: Any) -> str:
    """Whether the curvature is that of a minimum, empty where that is not known."""
    if check.second_order is None:
        return ""
    enough = "a strict local minimum" if check.is_satisfied else "enough curvature, but no solution"
    return enough if check.second_order else "sufficient condition does NOT hold"


def place(check: Any, kind: str) -> str:
    """Where a residual is worst, in brackets, or nothing."""
    return f" ({check.worst[kind]})" if kind in check.worst else ""


def summary_lines(solution: Any) -> list[str]:
    """Why the solver stopped, what point it holds, what that took."""
    parts = summary_parts(solution)
    return [title(solution), *(line for label, words in parts.items() for line in paragraphs(label, words))]


def title(solution: Any) -> str:
    """Name, status, solver and iterations."""
    name, count = solution.name or "problem", solution.iterations
    return f"{name}: {solution.status} ({solution.method}, {count} iteration{'' if count == 1 else 's'})"


def summary_parts(solution: Any) -> dict[str, list[str]]:
    """The three parts, each in sentences."""
    return {"stopped": stop_words(solution), "point": point_words(solution), "work": work_words(solution)}


def stop_words(solution: Any) -> list[str]:
    """Why it stopped, and what to do about it."""
    # Elsewhere our own sentence says it all, or the solver only knows that a callback ended it.
    is_unclear = solution.status in (Status.ERROR, Status.ACCEPTABLE) and solution.solver_message
    told = f"{solution.method} says: {solution.solver_message}" if is_unclear else ""
    more = [] if solution.success else [told, solution.status.advice]
    return [solution.message, *filter(None, more)]


def point_words(solution: Any) -> list[str]:
    """Objective, whether the point counts as a solution, residuals."""
    check = solution.certificate
    place_held = "feasible, but no solution" if solution.is_feasible else "no solution, not feasible"
    verdict = "solution" if solution.success else place_held
    known = {"constraints": rank_words(check), "second order:": curvature_words(check)}
    residuals = ", ".join(f"{kind} {getattr(check, kind):.1e}{place(check, kind)}" for kind in RESIDUALS)
    error = f"relative error {check.error:.1e} (allowed {check.tolerance:.0e})"
    return [
        f"objective {solution.objective:.12g}: {verdict}, {error}",
        f"in the problem's own units: {residuals}",
        *(f"{what} {words}" for what, words in known.items() if words),
        *(f"doubt: {doubt}" for doubt in check.doubts),
    ]


def work_words(solution: Any) -> list[str]:
    """Evaluations by kind, seconds by stage."""
    counts = ", ".join(f"{count} {kind}" for kind, count in solution.evaluations.items() if count)
    stages = [(stage, solution.timings.get(stage, 0.0)) for stage in INNER_TIMINGS]
    total = solution.timings.get("total", 0.0)
    times = ", ".join(f"{seconds:.2g} {stage}" for stage, seconds in stages if seconds > TINY * total)
    return [counts or "no evaluations", f"{total:.3g} s, of which {times or 'nothing'}"]


def paragraphs(label: str, texts: Sequence[str]) -> list[str]:
    """Texts below one another, the label before the first."""
    found = [labelled(label if number == 0 else "", text) for number, text in enumerate(texts)]
    return [line for lines in found for line in lines]


def labelled(label: str, text: str, indent: int = INDENT) -> list[str]:
    """A text beside its label, broken into lines of at most `WIDTH` columns where it has spaces.

    >>> labelled("work", "8 objective")
    ['  work      8 objective']
    """
    first = f"  {label}".ljust(indent)
    lines = wrap(text, WIDTH, initial_indent=first, subsequent_indent=" " * indent, **WHOLE_WORDS)
    return lines or [first.rstrip()]
