"""Turn lagrad's docstrings into reStructuredText: indented blocks are code, bars and stars are text."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import Any

# Headings that napoleon reads.
SECTIONS = ("Args:", "Returns:", "Raises:", "Attributes:", "Yields:", "Source:")
OUTSIDE_CODE = re.compile(r"(`[^`]*`)")
# Two attributes on one line, which napoleon knows of arguments only.
SHARED = re.compile(r"(\s+)(\w+(?:, \w+)+): (.*)")


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx, ahead of napoleon."""
    app.connect("autodoc-process-docstring", rewrite, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def rewrite(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Change a docstring in place, as autodoc wants it."""
    found: list[str] = []
    is_code = False
    for number, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        before = next((other for other in reversed(lines[:number]) if other.strip()), "")
        is_first = number > 0 and not lines[number - 1].strip()
        begins = is_first and indent >= len(before) - len(before.lstrip()) + 4
        if line.strip():
            is_code = (is_code and indent >= 4) or (begins and before.strip() not in SECTIONS)
        if begins and is_code and found and not before.startswith(">>>"):
            found += ["::", ""] if not found[-1].endswith("::") else []
        found.append(line if is_code or line.lstrip().startswith((">>>", "...")) else escaped(line))
    lines[:] = apart(found)


def apart(lines: list[str]) -> list[str]:
    """Lines in which each attribute stands by itself, with the text that it shared."""
    found: list[str] = []
    is_attribute = False
    for number, line in enumerate(lines):
        is_attribute = line.strip() == "Attributes:" or (is_attribute and bool(line.strip()))
        shared = SHARED.fullmatch(line) if is_attribute else None
        if shared is None:
            found.append(line)
            continue
        indent, names, text = shared.groups()
        below = f"{indent} "
        rest = [*takewhile(lambda other, below=below: other.startswith(below), lines[number + 1 :])]
        *others, last = names.split(", ")
        for name in others:
            found += [f"{indent}{name}: {text}", *rest]
        found.append(f"{indent}{last}: {text}")
    return found


def escaped(line: str) -> str:
    """A line of text whose bars and stars mean nothing, but for those in code."""
    parts = OUTSIDE_CODE.split(line)
    return "".join(
        part if part.startswith("`") else re.sub(r"([|*])", r"\\\1", part) for part in parts
    )
