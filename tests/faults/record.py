"""Record rows of the table of faults: what a test gave lagrad, and what came of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from lagrad.solution.solution import Solution

LONGEST = 400
# Folders, addresses and times differ from run to run.
FOLDERS = re.compile(r"(?<![\w.])/(?:[^\s/`'\":,]+/)+")
ADDRESS = re.compile(r"0x[0-9a-f]{6,}")
SECONDS = re.compile(r"\d[\d.e-]* s\b")
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
        method: of the solve, where the test is one of several methods.
    """

    number: int
    given: str
    outcome: str
    method: str = ""

    def __str__(self) -> str:
        given = f"{self.given} ({self.method})" if self.method not in self.given else self.given
        cells = (str(self.number), given, self.outcome)
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
    text = SECONDS.sub("... s", ADDRESS.sub("0x...", FOLDERS.sub("", " ".join(text.split()))))
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def table(rows: list[Row]) -> str:
    """The table as markdown, by number; what is the same by every method is told once."""
    return HEADER + "".join(f"{row}\n" for row in merged(rows))


def merged(rows: list[Row]) -> list[Row]:
    """Rows by number, each once; a method is named only where another gives something else."""
    methods: dict[Row, set[str]] = {}
    for row in rows:
        methods.setdefault(replace(row, method=""), set()).add(row.method)
    found = [row if len(names) > 1 else replace(row, method=min(names)) for row, names in methods.items()]
    return sorted(found)
