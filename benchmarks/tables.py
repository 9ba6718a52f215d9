"""Write rows as CSV and Markdown; failures are rows like any other."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def columns_of(rows: Iterable[dict]) -> list[str]:
    """All keys, in the order of their first appearance."""
    return list(dict.fromkeys(key for row in rows for key in row))


def write_csv(rows: Sequence[dict], path: Path) -> None:
    """One line per row, empty cells where a row has no value."""
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns_of(rows))
        writer.writeheader()
        writer.writerows(rows)


def read_csv(path: Path) -> list[dict]:
    """Rows of a file written by `write_csv`; numbers become floats, empty cells are left out."""
    with path.open(newline="") as stream:
        return [{key: number(text) for key, text in row.items() if text} for row in csv.DictReader(stream)]


def number(text: str) -> float | str:
    """A float where the text is one."""
    try:
        return float(text)
    except ValueError:
        return text


def cell(value) -> str:
    """Three digits for floats, "-" for what is absent."""
    if value is None or (isinstance(value, float) and value != value):
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def markdown(header: Sequence[str], body: Sequence[Sequence]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(cell(value) for value in row) + " |" for row in body]
    return "\n".join(lines) + "\n"


def write(name: str, title: str, note: str, rows: Sequence[dict], table: str, folder: Path = RESULTS) -> Path:
    """Both files of a result.

    Args:
        name: stem of the files.
        title: heading of the Markdown file.
        note: how to read it, and the machine.
        rows: what was measured.
        table: Markdown table.
        folder: where to write.

    Returns:
        Path of the Markdown file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(rows, folder / f"{name}.csv")
    path = folder / f"{name}.md"
    path.write_text(f"# {title}\n\n{note}\n\n{table}")
    return path
