"""Write a run as `report.md`, `report.html` and `profiles.png`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path

from lagrad_problems.bench import profiles
from lagrad_problems.bench.runner import missing, read_rows, read_settings

EXPLANATION = (
    "**solved**: the known optimum was found, or the expected status reported; **unconfirmed**: the solver "
    "calls its point a solution and no optimum is known; **elsewhere**: it does, at another objective than "
    "the known ones. Failures are rows with their reason. Seconds are set-up and solve, in a fresh process "
    "each."
)
HEADER = (
    "problem",
    "n",
    "m",
    "solver",
    "verdict",
    "objective",
    "optimum",
    "iterations",
    "set-up s",
    "solve s",
)
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:72em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse;margin:1em 0}td,th{padding:.15em .7em;border-bottom:1px solid #ddd;"
    "text-align:left}td{font-variant-numeric:tabular-nums}.bad{background:#fde8e8}img{max-width:100%}"
)
Table = tuple[Sequence[str], list]


def write_report(folder: Path, pictures: bool = True) -> Path:
    """Both reports of the run in a folder.

    Args:
        folder: of `run`.
        pictures: whether to draw the profiles; they need matplotlib.

    Returns:
        Path of the Markdown report.
    """
    rows, settings = read_rows(folder), read_settings(folder)
    image = None
    if pictures and rows:
        image = folder / "profiles.png"
        profiles.draw([profiles.performance(rows), profiles.data(rows)], image)
    left = missing(settings, rows)
    about = (
        f"{len(settings.problems)} problems, solvers {', '.join(settings.solvers)}, tol {settings.tol:g}, "
        f"at most {settings.seconds:g} s and {settings.megabytes:g} MB each."
        + (f" {left} runs are missing: the run was interrupted." if left else "")
    )
    tables = [("Rates", rates(rows)), ("Not solved", failures(rows)), ("All", everything(rows))]
    path = folder / "report.md"
    path.write_text(markdown(about, tables, image))
    (folder / "report.html").write_text(page(about, tables, image))
    return path


def rates(rows: Sequence[dict]) -> Table:
    """A line a solver and difficulty: verdicts counted, with the denominator."""
    verdicts = list(dict.fromkeys([*profiles.SUCCESSES, "elsewhere", *(row["verdict"] for row in rows)]))
    body = []
    for solver in dict.fromkeys(row["solver"] for row in rows):
        for difficulty in ("normal", "difficult"):
            own = [
                row
                for row in rows
                if row["solver"] == solver and row.get("difficulty", "normal") == difficulty
            ]
            if own:
                count = Counter(row["verdict"] for row in own)
                good = sum(count[verdict] for verdict in profiles.SUCCESSES)
                share = f"{good} of {len(own)} ({good / len(own):.1%})"
                body.append([solver, difficulty, share, *(str(count[verdict]) for verdict in verdicts)])
    return ["solver", "difficulty", "solved or unconfirmed", *verdicts], body


def failures(rows: Sequence[dict]) -> Table:
    """A line for each row that is no success, with its reason."""
    body = [
        [row["problem"], row["solver"], row.get("difficulty", ""), row["verdict"], reason(row)]
        for row in rows
        if row["verdict"] not in profiles.SUCCESSES
    ]
    return ["problem", "solver", "difficulty", "verdict", "reason"], body


def reason(row: dict) -> str:
    """Why a row is no success."""
    if "reason" in row:
        return row["reason"]
    found, known = number(row.get("objective")), number(row.get("optimum"))
    return f"objective {found}, known {known}, error {number(row.get('error'))}"


def everything(rows: Sequence[dict]) -> Table:
    """A line a row."""
    keys, clocks = ("objective", "optimum", "iterations"), ("setup_seconds", "solve_seconds")
    body = [
        [
            row["problem"],
            number(row.get("n")),
            number(row.get("m")),
            row["solver"],
            row["verdict"],
            *(number(row.get(key)) for key in keys),
            *(number(row.get(key), 3) for key in clocks),
        ]
        for row in rows
    ]
    return HEADER, body


def number(value: object, digits: int = 8) -> str:
    """A number for a table; a dash where there is none.

    >>> number(None), number(12), number(0.123456789012), number(0.123456789012, 3)
    ('-', '12', '0.12345679', '0.123')
    """
    if value is None:
        return "-"
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)


def markdown(about: str, tables: Sequence[tuple[str, Table]], image: Path | None) -> str:
    """The report as Markdown."""
    parts = ["# lagrad bench", about, EXPLANATION]
    if image is not None:
        parts.append(f"![performance and data profiles]({image.name})")
    for title, (header, body) in tables:
        lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
        lines += ["| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in body]
        parts += [f"## {title}", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def page(about: str, tables: Sequence[tuple[str, Table]], image: Path | None) -> str:
    """The report as one HTML page, without scripts."""
    parts = [f"<h1>lagrad bench</h1><p>{escape(about)}</p><p>{escape(EXPLANATION.replace('**', ''))}</p>"]
    if image is not None:
        parts.append(f'<img src="{image.name}" alt="performance and data profiles">')
    for title, (header, body) in tables:
        head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
        lines = [html_row(row) for row in body]
        parts.append(f"<h2>{escape(title)}</h2><table><tr>{head}</tr>{''.join(lines)}</table>")
    head = f'<meta charset="utf-8"><title>lagrad bench</title><style>{STYLE}</style>'
    return f"<!doctype html><html lang=en><head>{head}</head><body>{''.join(parts)}</body></html>\n"


def html_row(row: Sequence[str]) -> str:
    """A table row; those of failures are tinted."""
    verdicts = {"solved", "unconfirmed"} & set(row)
    tint = (
        ""
        if verdicts or not any(cell in ("elsewhere", "crashed", "time limit") for cell in row)
        else ' class="bad"'
    )
    return f"<tr{tint}>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>"
