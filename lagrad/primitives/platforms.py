"""Know the branch that a choice by the platform takes: `jnp.diagonal` is written for each apart."""

from __future__ import annotations

import jax
from jax.extend import core as jex

from lagrad.primitives.calls import closed, names_in
from lagrad.primitives.elementwise import ELEMENTWISE
from lagrad.primitives.movers import MOVERS

# What is the same whatever runs it. Factorizations are left to who chose for them.
PLAIN_NAMES = frozenset(
    {*ELEMENTWISE, *MOVERS, "iota", "gather", "concatenate", "reduce_sum", "dot_general", "broadcast_in_dim"}
)
# What platforms are called where a function is written for each, if that is another name.
NAMES = {"gpu": {"gpu", "cuda", "rocm"}}


def branch_here(equation: jex.JaxprEqn) -> jex.ClosedJaxpr | None:
    """The branch that is taken on the platform at hand, if it only moves numbers and computes with each.

    Args:
        equation: any.

    Returns:
        A program of all operands but the first; None if the equation is no choice by the platform.
    """
    platforms = equation.params.get("branches_platforms")
    if equation.primitive.name != "cond" or platforms is None:
        return None
    here = jax.default_backend()
    names = NAMES.get(here, {here})
    for each, branch in zip(platforms, equation.params["branches"], strict=True):
        if each is None or not names.isdisjoint(each):
            return closed(branch) if PLAIN_NAMES.issuperset(names_in(branch)) else None
    return None
