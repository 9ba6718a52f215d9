"""An unknown equation in, a dense block out: every output on every operand, to second order."""

from __future__ import annotations

from warnings import warn

from jax.extend import core as jex

from lagrad.errors import LagradWarning
from lagrad.sparsity.rule_result import Outcome
from lagrad.sparsity.rules.blocks import dense
from lagrad.sparsity.value import Value


def fallback(equation: jex.JaxprEqn, *operands: Value, **params) -> Outcome:
    """Dense block, with a warning that names the primitive."""
    warn(
        f"structure: no rule for the primitive `{equation.primitive.name}`; each output is taken to depend "
        "on all of its inputs, nonlinearly. If its Jacobian is sparse, pass `rules=RULES | {name: rule}` to "
        "`lagrad.sparsity.detect`, or write the function with other operations.",
        LagradWarning,
        stacklevel=2,
    )
    return dense(equation, operands)
