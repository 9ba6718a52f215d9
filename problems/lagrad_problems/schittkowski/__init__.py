"""Collect the problems with constraints of Schittkowski's second collection by number."""

from __future__ import annotations

from lagrad_problems.entry import Entry
from lagrad_problems.formula import Collection, Formula, entry
from lagrad_problems.schittkowski.larger import LARGER
from lagrad_problems.schittkowski.plane import PLANE
from lagrad_problems.schittkowski.space import SPACE

COLLECTION = Collection(
    prefix="s",
    kind="Schittkowski",
    source="K. Schittkowski, More Test Examples for Nonlinear Programming Codes (1987), problem {}",
)
FORMULAS: dict[int | str, Formula] = {formula.number: formula for formula in PLANE + SPACE + LARGER}


def schittkowski(number: int | str) -> Entry:
    """One problem of the collection.

    Args:
        number: the book's number, 215 to 395; see `FORMULAS` for those that are here.

    Returns:
        Entry named "s" and the number.

    Raises:
        KeyError: the number is not in the table.

    >>> schittkowski(225).m
    5
    """
    return entry(FORMULAS[number], COLLECTION)
