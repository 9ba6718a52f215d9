"""Refuse arrays that are written in place, and say what to write instead.

What such an equation changes is none of its outputs, so no rule could say what becomes of it.
"""

from __future__ import annotations

from collections.abc import Callable

from jax.extend import core as jex

from lagrad.errors import DerivativeError
from lagrad.primitives.calls import IN_PLACE
from lagrad.sparsity.value import Value


def written(equation: jex.JaxprEqn, *operands: Value, **params):
    """Refused.

    Raises:
        DerivativeError: always.
    """
    raise DerivativeError(
        f"structure: found `{equation.primitive.name}`, an array written in place by jax.new_ref, whose "
        "dependencies cannot be followed. Make a new array, as x.at[i].set(value) does."
    )


REFERENCES: dict[str, Callable] = dict.fromkeys(IN_PLACE, written)
