"""Read what has no rule through the program that it carries, or take it as a dense block, to second order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jax.extend import core as jex

from lagrad.primitives.calls import carried
from lagrad.source_location import line_of, warn_user
from lagrad.sparsity.rule_result import Outcome, Request
from lagrad.sparsity.rules.blocks import dense
from lagrad.sparsity.rules.loops import Steps
from lagrad.sparsity.value import Value


def fallback(equation: jex.JaxprEqn, *operands: Value, **params) -> Any:
    """The program that the primitive carries, if there is one; else a dense block, with a warning."""
    program = carried(equation)
    return unknown(equation, operands) if program is None else entered(program, operands)


def entered(program: jex.ClosedJaxpr, operands: Sequence[Value]) -> Steps:
    """A program run once on all operands."""
    return (yield Request(program, operands))


def unknown(equation: jex.JaxprEqn, operands: Sequence[Value]) -> Outcome:
    """Dense block, with a warning that names the primitive, its line, and how to give it a rule."""
    name, names = equation.primitive.name, letters(len(operands))
    row = f"{' '.join(names)} | {' '.join(a + b for i, a in enumerate(names) for b in names[i:])}"
    warn_user(
        f"structure: no rule for the primitive `{name}`, found at {line_of(equation, 'an unknown line')}; "
        "each output is taken to depend on all of its inputs, nonlinearly. If it acts on each element alone, "
        f'pass rules={{"{name}": lagrad.sparsity.elementwise("{row}")}} to `differentiate`, `solve`, '
        "`sparse_jacobian`, `jacobian_sparsity` or their like; for another structure see lagrad/sparsity's "
        "README, or write the function with other operations."
    )
    return dense(equation, operands)


def letters(count: int) -> list[str]:
    """Names of operands: x, y, z, w, then the alphabet."""
    return list("xyzwabcdefghijklmnopqrstuv")[:count]
