"""Read what has no rule through its program or its implementation, or take it as a dense block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.extend import core as jex

from lagrad.precision import float64
from lagrad.primitives.calls import are_alike, carried, names_in
from lagrad.program.equation_derivatives import inexact_outputs, tangent_program
from lagrad.source_location import line_of, warn_user
from lagrad.sparsity.rule_result import Context, Request, RuleResult
from lagrad.sparsity.rules.blocks import dense
from lagrad.sparsity.rules.coupled import coupled, moving
from lagrad.sparsity.rules.custom import custom_jvp
from lagrad.sparsity.rules.loops import Steps
from lagrad.sparsity.value import Value


def fallback(equation: jex.JaxprEqn, *operands: Value, **params) -> Steps:
    """What the primitive's own program gives, or its implementation in JAX; else a dense block."""
    program = carried(equation)
    if program is not None:
        return (yield Request(program, operands))
    program = yield from remembered(implementation, equation)
    if program is None:
        return unknown(equation, operands)
    return (yield from implemented(equation, operands, program))


def remembered(find: Callable[..., Any], equation: jex.JaxprEqn, *arguments: Any) -> Steps:
    """What is found for an equation, once for all that are alike: a trace takes longer than to read it."""
    avals: list[Any] = [atom.aval for atom in equation.invars]
    shapes = tuple((aval.shape, aval.dtype) for aval in avals)
    key = (find, equation.primitive, shapes, tuple(sorted(equation.params.items())), arguments)
    context = yield Context()
    try:
        known = key in context.memory
    except TypeError:  # parameters of any kind
        return find(equation, *arguments)
    if not known:
        context.memory[key] = find(equation, *arguments)
    return context.memory[key]


def implemented(equation: jex.JaxprEqn, operands: Sequence[Value], program: jex.ClosedJaxpr) -> Steps:
    """A program that gives the values, and what the primitive's own derivative takes."""
    context = yield Context()
    if context.as_written:
        return (yield Request(program, operands))
    if not (yield from remembered(differentiable, equation, tuple(moving(equation, operands)))):
        return (yield Request(program, operands))
    if context.depth:
        return (yield from coupled(equation, operands, program, reverse=False))
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


def differentiable(equation: jex.JaxprEqn, active: Sequence[int]) -> bool:
    """Whether the primitive has a derivative by some operands in forward mode."""
    if not active or not inexact_outputs(equation):
        return False
    try:
        tangent_program(equation, active)
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
