"""Show lines of text in a terminal, a notebook or a log; always on stderr."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

# Seconds between two lines where no line can be overwritten.
LOG_PAUSE = 1.0


def redrawable() -> Any:
    """The console of rich where a line can be drawn again, in terminals and with ipywidgets; else None."""
    # rich takes its time to be imported, and most solves are silent.
    from rich.console import Console

    console = Console(stderr=True)
    if console.is_jupyter:
        return console if find_spec("ipywidgets") else None
    return console if console.is_terminal else None


def say(text: str) -> None:
    """Print a line that stays."""
    print(text, file=sys.stderr, flush=True)


def in_log() -> Callable[..., None]:
    """A function that prints lines, but none within a second of the last: for what cannot be drawn again.

    Returns:
        Function of a text, the time now in seconds, and whether it is the last, which is always printed.
    """
    shown = -math.inf

    def show(text: str, now: float, is_last: bool = False) -> None:
        nonlocal shown
        if is_last or now - shown >= LOG_PAUSE:
            shown = now
            say(text)

    return show
