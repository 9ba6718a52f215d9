"""Lay out dictionaries of labels and numbers as text for the terminal."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

# Names of a long list that are shown.
LISTED = 5


def outline(figures: Mapping[str, object]) -> str:
    """Figures below one another, labels aligned; a mapping inside is a section.

    Args:
        figures: label to number, string, sequence of strings, or a mapping of such.

    Returns:
        Lines joined by newlines, without a last one.

    >>> print(outline({"variables": 12000, "Jacobian": {"entries": 8, "density": 1.0}}))
    variables  12,000
    Jacobian
      entries  8
      density  1
    """
    width = max((len(label) + 2 * depth for depth, label, _ in walk(figures)), default=0)
    lines = [f"{'  ' * depth}{label}".ljust(width) + f"  {value}" for depth, label, value in walk(figures)]
    return "\n".join(line.rstrip() for line in lines)


def walk(figures: Mapping[str, object], depth: int = 0) -> list[tuple[int, str, str]]:
    """Depth, label and text of each figure, sections before their contents."""
    found = []
    for label, value in figures.items():
        if isinstance(value, Mapping):
            found.append((depth, str(label), ""))
            found.extend(walk(value, depth + 1))
        else:
            found.append((depth, str(label), figure(value)))
    return found


def figure(value: object) -> str:
    """One figure as a reader wants it.

    >>> figure(1234567), figure(0.000123456), figure(True), figure(["a", "b"])
    ('1,234,567', '0.0001235', 'yes', 'a, b')
    """
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (int, np.integer)):
        return f"{value:,}"
    if isinstance(value, (float, np.floating)):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(figure, value))
    return str(value)


def duration(seconds: float) -> str:
    """A time in the unit that suits it.

    >>> duration(0.00012), duration(0.0345), duration(2.5), duration(754)
    ('0.120 ms', '34.5 ms', '2.50 s', '12 min 34 s')
    """
    if seconds < 1:
        return f"{three_digits(1e3 * seconds)} ms"
    if seconds < 100:
        return f"{three_digits(seconds)} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"


def three_digits(value: float) -> str:
    """At least three significant digits, no exponent.

    >>> three_digits(0.12), three_digits(34.5), three_digits(345.6)
    ('0.120', '34.5', '346')
    """
    return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3}f}"


def table(rows: Sequence[Mapping[str, object]], numbers: Collection[str] = ()) -> str:
    """Rows with the same keys as aligned columns: text to the left, numbers to the right.

    Args:
        rows: one mapping a line; the first one's keys are the columns.
        numbers: titles of further columns that go to the right, though their cells are text.

    Returns:
        A line of titles and one a row, without a last newline; "" for no rows.

    >>> print(table([{"block": "flow", "seeds": 3}, {"block": "balance", "seeds": 12}]))
    block    seeds
    flow         3
    balance     12
    """
    if not rows:
        return ""
    columns = [column(title, [row[title] for row in rows], title in numbers) for title in rows[0]]
    return "\n".join("  ".join(cells).rstrip() for cells in zip(*columns, strict=True))


def column(title: str, values: Sequence[object], is_number: bool = False) -> list[str]:
    """Title and values padded to one width."""
    cells = [str(title), *map(figure, values)]
    width = max(map(len, cells))
    is_text = not is_number and any(isinstance(value, str) for value in values)
    return [cell.ljust(width) if is_text else cell.rjust(width) for cell in cells]


def plural(count: int, noun: str) -> str:
    """A count and its noun.

    >>> plural(1, "row"), plural(3000, "row")
    ('1 row', '3,000 rows')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listed(names: Sequence[str]) -> str:
    """The first few names and how many more there are.

    >>> listed(["a", "b"]), listed(list("abcdefg"))
    ('a, b', 'a, b, c, d, e and 2 more')
    """
    more = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {more} more" if more > 0 else "")


def others(count: int) -> str:
    """How many more have the same fault, for the end of a message.

    >>> others(1), others(3)
    ('', ' (and 2 more)')
    """
    return f" (and {count - 1} more)" if count > 1 else ""
