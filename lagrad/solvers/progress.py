"""Follow a solve in one line: in a terminal, a notebook or a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lagrad.display import console
from lagrad.display.text import duration
from lagrad.problem.problem import Problem
from lagrad.solution.solution import Solution

if TYPE_CHECKING:
    from rich.live import Live

# Seconds between two redraws.
REDRAW_PAUSE = 0.05


def starting(problem: object) -> str:
    """What is said before functions are compiled; nothing if they are already.

    >>> starting(Problem(lambda x: x @ x, [1.0, 2.0], name="bowl"))
    'bowl   n = 2, m = 0: compiling'
    """
    if not isinstance(problem, Problem):
        return ""
    return f"{problem.name or 'solve'}   n = {problem.n:,}, m = {problem.m:,}: compiling"


def ready(problem: Problem, setup: Mapping[str, float]) -> str:
    """What is said when functions are compiled: how long each stage took; nothing if that was before.

    >>> ready(Problem(lambda x: x @ x, [1.0, 2.0]), {"trace": 0.2, "compile": 0.5, "total": 0.8})
    'solve   ready in 800 ms, of which 200 ms trace, 500 ms compile'
    """
    if not setup:
        return ""
    stages = [f"{duration(seconds)} {stage}" for stage, seconds in setup.items() if stage != "total"]
    total = setup.get("total", sum(setup.values()))
    return f"{problem.name or 'solve'}   ready in {duration(total)}, of which {', '.join(stages)}"


def ending(solution: Solution) -> str:
    """What is said at the end of a solve."""
    count = solution.iterations
    return "   ".join(
        [
            solution.name or "solve",
            f"{solution.status} after {count} iteration{'' if count == 1 else 's'}",
            f"objective {solution.objective:.9g}",
            f"optimality error {solution.certificate.error:.0e}",
            f"{solution.timings.get('total', 0.0):.1f} s",
        ]
    )


def teller(wanted: bool) -> Callable[[str], None]:
    """A function that prints a line that stays, if it is not empty and progress is wanted."""
    return lambda text: console.say(text) if wanted and text else None


@contextmanager
def show_progress(
    wanted: bool, name: str | None
) -> Generator[Callable[[dict[str, Any]], None] | None, None, None]:
    """A function that shows a history row, or None if no progress is wanted.

    A live line through rich where the terminal or notebook can redraw, else a line on stderr each second.

    Args:
        wanted: whether anything is shown.
        name: of the problem, or None.
    """
    if not wanted:
        yield None
        return
    where = console.redrawable()
    if where is None:
        log = console.in_log()
        yield lambda row: log(line(row, name), row["time"])
        return
    from rich.live import Live

    with Live("", console=where, auto_refresh=False, transient=True) as live:
        yield redraw(live, name)


def redraw(live: Live, name: str | None) -> Callable[[dict[str, Any]], None]:
    """A function that redraws the live line, not too often."""
    from rich.text import Text

    shown = 0.0

    def show(row: dict[str, Any]) -> None:
        nonlocal shown
        is_due = time.perf_counter() - shown > REDRAW_PAUSE
        live.update(Text(line(row, name), no_wrap=True, overflow="ellipsis"), refresh=is_due)
        shown = time.perf_counter() if is_due else shown

    return show


def line(row: dict[str, Any], name: str | None) -> str:
    """One row as text.

    >>> residuals = {"infeasibility": 1e-3, "stationarity": 0.1, "step": 0.5}
    >>> line({"iteration": 3, "objective": 17.0, "time": 0.2} | residuals, "hs71")
    'hs71   iteration 3   objective 17   infeasibility 1e-03   stationarity 1e-01   step 5e-01   0.2 s'
    """
    shown = [
        f"{kind} {row[kind]:.0e}"
        for kind in ("infeasibility", "stationarity", "step")
        if row[kind] == row[kind]
    ]
    head = [name or "solve", f"iteration {row['iteration']}", f"objective {row['objective']:.9g}"]
    return "   ".join([*head, *shown, f"{row['time']:.1f} s"])
