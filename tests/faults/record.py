"""Rows of the table of faults: what a test gave lagrad and what came of it in, one line of text out."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lagrad.solution import Solution

LONGEST = 400
# Folders and addresses differ from machine to machine.
FOLDERS = re.compile(r"(?<![\w.])/(?:[^\s/`'\":,]+/)+")
ADDRESS = re.compile(r"0x[0-9a-f]{6,}")
HEADER = """# What each fault gives

Made by `pytest tests/faults --faults-table tests/faults/TABLE.md`; every row is a test in this folder.

| # | given | what comes of it |
| --- | --- | --- |
"""


@dataclass(frozen=True, order=True)
class Row:
    """One fault and its outcome.

    Args:
        number: of the fault.
        given: what lagrad was given.
        outcome: error, status or value, in words.
    """

    number: int
    given: str
    outcome: str

    def __str__(self) -> str:
        cells = (str(self.number), self.given, self.outcome)
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def number_of(test: str) -> int:
    """Number of the fault that a test is about.

    >>> number_of("test_07_nan_in_bounds[lower]")
    7
    """
    found = re.match(r"test_(\d\d)_", test)
    if found is None:
        raise ValueError(f"test name: {test!r}, expected test_NN_..., NN being the fault's number.")
    return int(found[1])


def described(outcome: BaseException | Solution | str) -> str:
    """An outcome in one line: kind of error and message, or status and message."""
    if isinstance(outcome, BaseException):
        text = f"`{type(outcome).__name__}`: {outcome}"
    elif isinstance(outcome, Solution):
        text = f"status `{outcome.status.value}`: {outcome.message}"
    else:
        text = outcome
    text = ADDRESS.sub("0x...", FOLDERS.sub("", " ".join(text.split())))
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def table(rows: list[Row]) -> str:
    """The table as markdown, by number."""
    return HEADER + "".join(f"{row}\n" for row in sorted(set(rows)))
