"""Collect the rules: one for each primitive, keyed by its name."""

from collections.abc import Callable, Mapping
from typing import Any

from lagrad.errors import ProblemError
from lagrad.primitives.movers import MOVERS
from lagrad.sparsity.rules.arithmetic import ARITHMETIC
from lagrad.sparsity.rules.contractions import CONTRACTIONS
from lagrad.sparsity.rules.control import CONTROL
from lagrad.sparsity.rules.custom import CUSTOM
from lagrad.sparsity.rules.linalg import LINALG
from lagrad.sparsity.rules.moving import SCATTERS, move
from lagrad.sparsity.rules.nested import NESTED
from lagrad.sparsity.rules.random import RANDOM
from lagrad.sparsity.rules.reductions import REDUCTIONS
from lagrad.sparsity.rules.references import REFERENCES
from lagrad.sparsity.rules.sparse import SPARSE
from lagrad.sparsity.rules.windows import WINDOWS

__all__ = ["RULES", "merged", "with_users"]


def merged(*tables: Mapping[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """Several tables as one; a primitive in two of them is a mistake.

    Args:
        tables: primitive name -> rule.

    Returns:
        All of them.

    Raises:
        ValueError: two tables have a rule for the same primitive.
    """
    table: dict[str, Callable[..., Any]] = {}
    for part in tables:
        twice = table.keys() & part.keys()
        if twice:
            raise ValueError(f"rules: {sorted(twice)} have two rules. Keep one.")
        table |= part
    return table


def with_users(rules: Mapping[str, Callable[..., Any]] | None) -> dict[str, Callable[..., Any]]:
    """The rule table with the rules of the user's own primitives; theirs stand in for ours.

    Args:
        rules: primitive name -> rule, or None.

    Raises:
        ProblemError: no mapping from names to functions.
    """
    found = dict(rules) if isinstance(rules, Mapping) else rules
    if found is not None and not (isinstance(found, dict) and all(map(callable, found.values()))):
        raise ProblemError(
            f"`rules`: {rules!r}, expected a dict of primitive names and rules, such as "
            '{"softsine": lagrad.sparsity.elementwise("x | xx")}.'
        )
    return RULES | (found or {})


RULES = merged(
    {name: rule for name, rule in ARITHMETIC.items() if name not in MOVERS},
    dict.fromkeys(MOVERS, move),
    SCATTERS,
    REDUCTIONS,
    CONTRACTIONS,
    LINALG,
    RANDOM,
    CONTROL,
    CUSTOM,
    NESTED,
    REFERENCES,
    SPARSE,
    WINDOWS,
)
