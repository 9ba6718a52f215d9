"""Show a Solution and a Certificate as HTML, for notebooks."""

from __future__ import annotations

from typing import Any

from lagrad.display.markup import facts, folded, html_table, titled
from lagrad.solution import tables
from lagrad.solution.summary import (
    HISTORY_NUMBERS,
    RESIDUALS,
    UNKNOWN,
    curvature_words,
    history_rows,
    rank_words,
    summary_parts,
    title,
)

# Rows of an array, and of the history, that are shown.
MOST, ITERATIONS = 8, 20


def solution(found: Any) -> str:
    """The summary; below it, folded, the tables of variables, constraints and iterations."""
    details = [
        folded(name, html_table(rows, tables.NUMBERS))
        for name, rows in tables.sections(found, None, MOST).items()
    ]
    if len(found.history):
        rows = history_rows(found.history, ITERATIONS)
        details.append(folded(f"iterations: {len(found.history)}", html_table(rows, HISTORY_NUMBERS)))
    return titled(title(found), facts(summary_parts(found)), *details)


def certificate(check: Any) -> str:
    """The verdict, a row a residual with its place, and what is known of rank and curvature."""
    verdict = "satisfied" if check.is_satisfied else "NOT satisfied"
    rows = [
        {"residual": kind, "value": f"{getattr(check, kind):.1e}", "at": check.worst.get(kind, "")}
        for kind in RESIDUALS
    ]
    known = {
        "relative error": f"{check.error:.1e} (allowed {check.tolerance:.0e})",
        "constraints": rank_words(check) or UNKNOWN,
        "second order": curvature_words(check) or UNKNOWN,
        **({"doubts": check.doubts} if check.doubts else {}),
    }
    return titled(f"optimality conditions {verdict}", html_table(rows, ("value",)), facts(known))
