"""Read what has no rule through its program or its implementation, or take it as a dense block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
from jax.extend import core as jex

from lagrad.precision import float64
from lagrad.primitives.calls import are_alike, carried, names_in
from lagrad.primitives.equations import is_inexact
from lagrad.program.equation_derivatives import tangent_program
from lagrad.source_location import line_of, warn_user
from lagrad.sparsity.rule_result import Context, Request, RuleResult
from lagrad.sparsity.rules.blocks import dense
from lagrad.sparsity.rules.custom import custom_jvp
from lagrad.sparsity.rules.loops import Steps
from lagrad.sparsity.value import Value


def fallback(equation: jex.JaxprEqn, *operands: Value, **params) -> Any:
    """What the primitive's own program gives, or its implementation in JAX; else a dense block."""
    program = carried(equation)
    if program is not None:
        return entered(program, operands)
    program = implementation(equation)
    return unknown(equation, operands) if program is None else implemented(equation, operands, program)


def entered(program: jex.ClosedJaxpr, operands: Sequence[Value]) -> Steps:
    """A program run once on all operands."""
    return (yield Request(program, operands))


def implemented(equation: jex.JaxprEqn, operands: Sequence[Value], program: jex.ClosedJaxpr) -> Steps:
    """A program that gives the values, and what the primitive's own derivative takes."""
    context = yield Context()
    if context.depth or not differentiable(equation):
        return (yield Request(program, operands))
    return (yield from custom_jvp(equation, *operands, call_jaxpr=program))


def implementation(equation: jex.JaxprEqn) -> jex.ClosedJaxpr | None:
    """How the primitive is evaluated, if that is written in JAX."""
    primitive = equation.primitive
    bound = primitive.get_bind_params(equation.params)
    params = bound[1] if isinstance(bound, tuple) else bound
    with float64():
        try:
            function = lambda *operands: primitive.impl(*operands, **params)  # noqa: E731
            program = jax.make_jaxpr(function)(*(atom.aval for atom in equation.invars))
        except Exception:  # user code of any kind may refuse tracers in any way
            return None
    outputs = program.jaxpr.outvars
    fits = len(outputs) == len(equation.outvars) and all(map(are_alike, outputs, equation.outvars))
    return program if fits and primitive.name not in names_in(program) else None


def differentiable(equation: jex.JaxprEqn) -> bool:
    """Whether the primitive has a derivative in forward mode."""
    inexact = [i for i, atom in enumerate(equation.invars) if is_inexact(atom.aval)]
    try:
        tangent_program(equation, inexact)
    except Exception:  # the primitive's own rule may fail in any way
        return False
    return True


def unknown(equation: jex.JaxprEqn, operands: Sequence[Value]) -> RuleResult:
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
