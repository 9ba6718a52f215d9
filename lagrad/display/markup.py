"""Write tables, text and folded parts as HTML for notebooks: in the page's own colors, light or dark.

Numbers and text output keep their columns and their left edge whatever the notebook's stylesheet says of
`pre`.
"""

from __future__ import annotations

import html
from collections.abc import Collection, Mapping, Sequence

from lagrad.display.text import figure

MONOSPACE = "font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"
CELL = "padding: 0.1em 0.7em; border: 0; text-align"
LINE = "border-bottom: 1px solid rgba(128, 128, 128, 0.5)"


def preformatted(text: str) -> str:
    """Text as HTML that keeps its lines, spaces and columns.

    >>> preformatted("a < b").endswith('">a &lt; b</pre>')
    True
    """
    style = f"margin: 0.3em 0; padding: 0; line-height: 1.15; font-size: 90%; {MONOSPACE}"
    return f'<pre style="{style}">{html.escape(text)}</pre>'


def html_table(rows: Sequence[Mapping[str, object]], numbers: Collection[str] = ()) -> str:
    """Rows with the same keys as a table: text to the left, numbers to the right.

    Args:
        rows: one mapping a line; the first one's keys are the columns.
        numbers: titles of further columns that go to the right, though their cells are text.

    >>> html_table([])
    ''
    """
    if not rows:
        return ""
    right = {
        title for title in rows[0] if title in numbers or not any(isinstance(row[title], str) for row in rows)
    }
    head = "".join(cell("th", title, title in right, LINE) for title in rows[0])
    body = "".join(
        "<tr>" + "".join(cell("td", figure(value), title in right) for title, value in row.items()) + "</tr>"
        for row in rows
    )
    style = f"border-collapse: collapse; font-size: 85%; margin: 0.3em 0; {MONOSPACE}"
    return f'<table style="{style}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def cell(tag: str, text: str, is_right: bool, style: str = "") -> str:
    """One cell of a table."""
    align = "right" if is_right else "left"
    return f'<{tag} style="{CELL}: {align}; {style}">{html.escape(text)}</{tag}>'


def facts(pairs: Mapping[str, str | Sequence[str]]) -> str:
    """Labels in bold beside one or several sentences each."""
    lines = []
    for label, texts in pairs.items():
        sentences = [texts] if isinstance(texts, str) else texts
        body = "<br>".join(map(html.escape, sentences))
        head = f'<th style="{CELL}: left; vertical-align: top">{html.escape(label)}</th>'
        lines.append(f'<tr>{head}<td style="{CELL}: left">{body}</td></tr>')
    return f'<table style="border-collapse: collapse; font-size: 90%">{"".join(lines)}</table>'


def titled(title: str, *parts: str) -> str:
    """Parts below a title, as one block."""
    return f"<div><strong>{html.escape(title)}</strong>{''.join(parts)}</div>"


def folded(title: str, *parts: str) -> str:
    """Parts that are shown when their title is clicked."""
    return f"<details><summary>{html.escape(title)}</summary>{''.join(parts)}</details>"


def side_by_side(*parts: str) -> str:
    """Parts beside one another as far as there is room."""
    style = "display: inline-block; vertical-align: top; margin-right: 1.5em"
    return "".join(f'<div style="{style}">{part}</div>' for part in parts)
