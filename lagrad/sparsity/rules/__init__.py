"""The rule table: one rule for each primitive, keyed by its name."""

from collections.abc import Callable, Mapping
from typing import Any

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
