"""Choose which problems to run.

A word is a pattern of names ("hs*"), or a condition: "kind=optimal control", "difficulty=normal", "n<=100",
"m>0", "optimum=known". Patterns widen the selection, conditions narrow it. Names that begin with "cutest:"
are of CUTEst.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from lagrad_problems import cutest
from lagrad_problems.entry import Entry
from lagrad_problems.registry import get, names

CUTEST = "cutest:"
COMPARISONS: dict[str, Callable] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}
NUMBERS, TEXTS = ("n", "m"), ("kind", "difficulty", "outcome")
KNOWN = {"known": True, "unknown": False}
CONDITION = re.compile(r"(\w+)\s*(<=|>=|<|>|=)\s*(.+)")


def select(words: Sequence[str] = ()) -> list[str]:
    """Names of the problems that the words choose; all of the suite without a pattern.

    Args:
        words: patterns and conditions; "cutest:*" adds CUTEst.

    Returns:
        Names in the registry's order, each one once.

    Raises:
        ValueError: a word chooses nothing, or a condition is not understood.

    >>> select(["hs7?", "m=1"])[:2]
    ['hs70']
    """
    conditions = [parts.groups() for word in words if (parts := CONDITION.fullmatch(word))]
    patterns = [word for word in words if not CONDITION.fullmatch(word)] or ["*"]
    chosen: dict[str, None] = {}
    for pattern in patterns:
        found = matching(pattern)
        if not found:
            raise ValueError(f"{pattern!r}: no problem has such a name. `lagrad list` shows all.")
        chosen |= dict.fromkeys(found)
    tests = [test(*condition) for condition in conditions]
    return [name for name in chosen if not tests or satisfies(entry(name), tests)]


def satisfies(one: Entry, tests: Sequence[Callable[[Entry], bool]]) -> bool:
    """Whether an entry passes all tests."""
    return all(holds(one) for holds in tests)


def matching(pattern: str) -> list[str]:
    """Names that match one pattern, case ignored for CUTEst."""
    if pattern.startswith(CUTEST):
        wanted = pattern.removeprefix(CUTEST).upper()
        return [CUTEST + name for name in cutest.names() if fnmatchcase(name.upper(), wanted)]
    return [name for name in names() if fnmatchcase(name, pattern)]


def test(quantity: str, comparison: str, value: str) -> Callable[[Entry], bool]:
    """A condition as a function of an entry."""
    compare = COMPARISONS[comparison]
    if quantity in NUMBERS:
        try:
            limit = float(value)
        except ValueError:
            raise ValueError(f"{quantity}{comparison}{value}: {value!r} is no number.") from None
        return lambda entry: compare(getattr(entry, quantity), limit)
    if quantity in TEXTS and comparison == "=":
        return lambda entry: fnmatchcase(str(getattr(entry, quantity)), value)
    if (quantity, comparison) == ("optimum", "=") and value in KNOWN:
        return lambda entry: (entry.optimum is not None) == KNOWN[value]
    known = ", ".join((*NUMBERS, *TEXTS, "optimum (known or unknown)"))
    raise ValueError(
        f"{quantity}{comparison}{value}: expected a condition on one of {known}, such as n<=100."
    )


def entry(name: str) -> Entry:
    """The problem of a name, CUTEst's with its prefix."""
    return cutest.get(name.removeprefix(CUTEST)) if name.startswith(CUTEST) else get(name)
