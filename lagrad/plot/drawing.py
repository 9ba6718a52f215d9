"""Share what all pictures have: Matplotlib, strokes that are told apart in grey and by the colour-blind."""

from __future__ import annotations

from typing import Any

# Okabe and Ito (2008), each with its own dashes.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9", "#F0E442")
STYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)), (0, (3, 1, 1, 1)), (0, (7, 3)))
GREY = "#808080"


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


def stroke(number: int) -> dict[str, Any]:
    """Color and dashes of the line of a number."""
    return {"color": COLORS[number % len(COLORS)], "linestyle": STYLES[number % len(STYLES)]}


def legend_beside(panel: Any, title: str | None = None) -> None:
    """A legend to the right of the panel, where it hides nothing."""
    panel.legend(
        title=title, fontsize="small", loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.4
    )
