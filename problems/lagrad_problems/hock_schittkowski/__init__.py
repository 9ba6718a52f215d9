"""Collect the Hock-Schittkowski problems by number."""

from __future__ import annotations

from typing import Any

from lagrad_problems.entry import Entry
from lagrad_problems.formula import Collection, Formula, entry
from lagrad_problems.hock_schittkowski.equality import SMALL
from lagrad_problems.hock_schittkowski.equality_applied import APPLIED
from lagrad_problems.hock_schittkowski.inequality import TINY
from lagrad_problems.hock_schittkowski.inequality_large import LARGE
from lagrad_problems.hock_schittkowski.inequality_medium import MEDIUM

COLLECTION = Collection(
    prefix="hs",
    kind="Hock-Schittkowski",
    source="W. Hock, K. Schittkowski, Test Examples for Nonlinear Programming Codes (1981), problem {}",
)
FORMULAS: dict[Any, Formula] = {
    formula.number: formula
    for formula in sorted(SMALL + APPLIED + TINY + MEDIUM + LARGE, key=lambda formula: formula.number)
}


def hock_schittkowski(number: int) -> Entry:
    """One problem of the collection.

    Args:
        number: the book's number, 1 to 119; see `FORMULAS` for those that are here.

    Returns:
        Entry named "hs" and the number.

    Raises:
        KeyError: the number is not in the table.

    >>> hock_schittkowski(71).m
    2
    """
    return entry(FORMULAS[number], COLLECTION)
