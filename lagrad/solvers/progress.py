"""History rows in, one line that follows the solve out: in a terminal, a notebook or a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Seconds between two lines where no line can be overwritten, and between two redraws where it can.
LOG_PAUSE, REDRAW_PAUSE = 1.0, 0.05


@contextmanager
def show_progress(wanted: bool, name: str | None, began: float) -> Iterator[Callable[[dict], None] | None]:
    """A function that shows a history row, or None if no progress is wanted.

    A live line through rich where the terminal or notebook can redraw, else a line on stderr each second.

    Args:
        wanted: whether anything is shown.
        name: of the problem, or None.
        began: value of `time.perf_counter` at the beginning.
    """
    if not wanted:
        yield None
        return
    try:
        from rich.console import Console
        from rich.live import Live
    except ImportError:
        yield in_log(name)
        return
    console = Console(stderr=True)
    if not (console.is_terminal or console.is_jupyter):
        yield in_log(name)
        return
    with Live(line({}, name), console=console, auto_refresh=False) as live:
        yield redraw(live, name)


def redraw(live, name: str | None) -> Callable[[dict], None]:
    """A function that redraws the live line, not too often."""
    shown = 0.0

    def show(row: dict) -> None:
        nonlocal shown
        live.update(line(row, name), refresh=time.perf_counter() - shown > REDRAW_PAUSE)
        shown = time.perf_counter() if time.perf_counter() - shown > REDRAW_PAUSE else shown

    return show


def in_log(name: str | None) -> Callable[[dict], None]:
    """A function that prints a row on stderr: the first, then one after each pause."""
    shown = -LOG_PAUSE

    def show(row: dict) -> None:
        nonlocal shown
        if row["time"] - shown >= LOG_PAUSE:
            shown = row["time"]
            print(line(row, name), file=sys.stderr, flush=True)

    return show


def line(row: dict, name: str | None) -> str:
    """One row as text.

    >>> residuals = {"infeasibility": 1e-3, "stationarity": 0.1, "step": 0.5}
    >>> line({"iteration": 3, "objective": 17.0, "time": 0.2} | residuals, "hs71")
    'hs71   iteration 3   objective 17   infeasibility 1e-03   stationarity 1e-01   step 5e-01   0.2 s'
    """
    if not row:
        return f"{name or 'solve'}   starting"
    shown = [
        f"{kind} {row[kind]:.0e}"
        for kind in ("infeasibility", "stationarity", "step")
        if row[kind] == row[kind]
    ]
    head = [name or "solve", f"iteration {row['iteration']}", f"objective {row['objective']:.9g}"]
    return "   ".join([*head, *shown, f"{row['time']:.1f} s"])
