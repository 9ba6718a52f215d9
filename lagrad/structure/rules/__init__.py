"""The rule table: one rule for each primitive, keyed by its name."""

from collections.abc import Callable, Mapping
from typing import Any

from lagrad.structure.rules.arithmetic import ARITHMETIC
from lagrad.structure.rules.contractions import CONTRACTIONS
from lagrad.structure.rules.control import CONTROL
from lagrad.structure.rules.custom import CUSTOM
from lagrad.structure.rules.indexing import MOVERS
from lagrad.structure.rules.linalg import LINALG
from lagrad.structure.rules.moving import SCATTERS, move
from lagrad.structure.rules.nested import NESTED
from lagrad.structure.rules.random import RANDOM
from lagrad.structure.rules.reductions import REDUCTIONS
from lagrad.structure.rules.references import REFERENCES
from lagrad.structure.rules.sparse import SPARSE
from lagrad.structure.rules.windows import WINDOWS

__all__ = ["RULES", "merged"]


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
