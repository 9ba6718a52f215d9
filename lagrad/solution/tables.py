"""Write variables, constraints and multipliers as tables: long arrays shortened, or first in a ranking."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from lagrad.display.text import table
from lagrad.solution import entries
from lagrad.solution.entries import Entries

NUMBERS = ("value", "lower", "upper", "multiplier")
# The row of an entry; the row that stands for some.
Line = Callable[[int], dict[str, str]]
LeftOut = Callable[[np.ndarray], dict[str, str]]
# Word that `sort` may be -> what comes first where it is large.
RANKINGS: dict[str, Callable[[Entries], np.ndarray]] = {
    "multiplier": lambda found: np.abs(found.multiplier),
    "value": lambda found: np.abs(found.value),
    "violation": lambda found: found.violation,
}


def text(solution: Any, sort: str | None, most: int) -> str:
    """Both tables, each below its title.

    Args:
        solution: a Solution.
        sort: None or one of `RANKINGS`.
        most: entries of an array, or of a ranking, at least 2.

    Raises:
        ValueError: an unknown ranking, or `most` below 2.
    """
    parts = []
    for title, lines in sections(solution, sort, most).items():
        parts += [title, *(f"  {line}" for line in table(lines, NUMBERS).splitlines())]
    return "\n".join(parts) or "nothing: no variables"


def sections(solution: Any, sort: str | None, most: int) -> dict[str, list[dict[str, str]]]:
    """Title of each table that is not empty -> its rows."""
    if sort is not None and not (isinstance(sort, str) and sort in RANKINGS):
        raise ValueError(f"`sort`: {sort!r}, expected one of {', '.join(map(repr, RANKINGS))} or None.")
    if most < 2:
        raise ValueError(f"`most`: {most}, expected 2 or more.")
    found = {"variables": entries.variables(solution), "constraints": entries.rows(solution)}
    return {
        headed(title, part): entry_lines(part, most) if sort is None else ranked(part, sort, most)
        for title, part in found.items()
        if len(part)
    }


def headed(title: str, found: Entries) -> str:
    """Title of a table: how many entries there are, at a side, and outside."""
    counts = {state: int((found.state == state).sum()) for state in entries.STATES}
    active = counts["lower"] + counts["upper"] + counts["equal"]
    outside = f", {counts['violated']:,} violated" if counts["violated"] else ""
    return f"{title}: {len(found):,}, {active:,} active{outside}"


def entry_lines(found: Entries, most: int) -> list[dict[str, str]]:
    """The rows of each array in order, long ones shortened."""
    return shortened(found.offsets, most, partial(line, found), partial(left_out, found))


def shortened(offsets: np.ndarray, most: int, line: Line, left_out: LeftOut) -> list[dict[str, str]]:
    """The rows of each array in order; of a long one the first and the last, and how many are left out.

    Args:
        offsets: where each array begins, and the end of the last.
        most: rows of an array.
        line: the row of an entry.
        left_out: the row that stands for some.
    """
    lines = []
    for start, stop in zip(offsets[:-1], offsets[1:], strict=True):
        head, tail = (stop, stop) if stop - start <= most else (start + (most + 1) // 2, stop - most // 2)
        lines += [line(index) for index in range(start, head)]
        lines += [left_out(np.arange(head, tail))] if tail > head else []
        lines += [line(index) for index in range(tail, stop)]
    return lines


def bound_lines(multipliers: Any, most: int) -> list[dict[str, str]]:
    """A row a variable with the multipliers of its lower and its upper bound, long arrays shortened."""
    paths, shapes, lower = entries.leaves(multipliers.lower, "x")
    places, upper = entries.Places(paths, shapes), entries.flat(multipliers.upper)

    def line(index: int) -> dict[str, str]:
        return {"name": places.name(index), "lower": number(lower[index]), "upper": number(upper[index])}

    def left_out(indices: np.ndarray) -> dict[str, str]:
        size = np.maximum(lower[indices], upper[indices]).max()
        return {"name": f"... {indices.size:,} more, at most {number(size)}", "lower": "", "upper": ""}

    return shortened(places.offsets, most, line, left_out)


def ranked(found: Entries, sort: str, most: int) -> list[dict[str, str]]:
    """The first rows of a ranking, and how many follow."""
    order = np.argsort(-np.nan_to_num(RANKINGS[sort](found), nan=np.inf), kind="stable")
    lines = [line(found, int(index)) for index in order[:most]]
    return lines + ([left_out(found, order[most:])] if order.size > most else [])


def line(found: Entries, index: int) -> dict[str, str]:
    """One entry as a row; a side that is not there is empty."""
    return {
        "name": found.name(index),
        "value": number(found.value[index]),
        "lower": number(found.lower[index]) if np.isfinite(found.lower[index]) else "",
        "upper": number(found.upper[index]) if np.isfinite(found.upper[index]) else "",
        "active": str(found.state[index]),
        "multiplier": number(found.multiplier[index]),
    }


def left_out(found: Entries, indices: np.ndarray) -> dict[str, str]:
    """The row that stands for those not shown."""
    active = int((found.state[indices] != "").sum())
    blank = dict.fromkeys(("name", "value", "lower", "upper", "active", "multiplier"), "")
    return blank | {"name": f"... {indices.size:,} more, {active:,} active"}


def number(value: float) -> str:
    """A number in six digits.

    >>> number(1.0), number(-0.55229366), number(-0.0)
    ('1', '-0.552294', '0')
    """
    return f"{value + 0.0:.6g}"
