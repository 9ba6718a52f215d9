"""Read an unknown equation through its program or its implementation, or take it as a dense block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
from jax.extend import core as jex

from lagrad.precision import float64
from lagrad.primitives.calls import closed
from lagrad.primitives.equations import is_inexact
from lagrad.source_location import line_of, warn_user
from lagrad.sparsity.rule_result import Context, Outcome, Request
from lagrad.sparsity.rules.blocks import dense
from lagrad.sparsity.rules.custom import custom_jvp, tangent_program
from lagrad.sparsity.rules.loops import Steps
from lagrad.sparsity.value import Value


def fallback(equation: jex.JaxprEqn, *operands: Value, **params) -> Steps:
    """What the equation's own program gives, and its own derivative; a dense block if it has no program."""
    program = carried_program(equation) or implementation(equation)
    if program is None:
        return dense_with_warning(equation, operands)
    context = yield Context()
    if context.depth or not differentiable(equation):
        return (yield Request(program, operands))
    return (yield from custom_jvp(equation, *operands, call_jaxpr=program))


def carried_program(equation: jex.JaxprEqn) -> jex.ClosedJaxpr | None:
    """The one program among the parameters, if it takes the operands and gives the outputs."""
    found = [closed(each) for each in jex.jaxprs_in_params(equation.params)]
    if len(found) != 1:
        return None
    fits = alike(found[0].jaxpr.invars, equation.invars) and alike(found[0].jaxpr.outvars, equation.outvars)
    return found[0] if fits else None


def alike(some: Any, others: Any) -> bool:
    """Whether variables have the same shapes and dtypes in the same order."""
    kinds = [
        [(v.aval.shape, v.aval.dtype) if hasattr(v.aval, "dtype") else v.aval for v in each]
        for each in (some, others)
    ]
    return kinds[0] == kinds[1]


def implementation(equation: jex.JaxprEqn) -> jex.ClosedJaxpr | None:
    """How the primitive is evaluated, if that is written in JAX."""
    primitive = equation.primitive
    with float64():
        try:
            bound = primitive.get_bind_params(equation.params)
            arguments = bound[1] if isinstance(bound, tuple) else bound
            program = jax.make_jaxpr(lambda *operands: primitive.impl(*operands, **arguments))(
                *(atom.aval for atom in equation.invars)
            )
        except Exception:  # user code of any kind may refuse tracers in any way
            return None
    is_itself = any(inner.primitive is primitive for inner in equations_in(program.jaxpr))
    return None if is_itself or not alike(program.jaxpr.outvars, equation.outvars) else program


def equations_in(jaxpr: Any) -> list[jex.JaxprEqn]:
    """Equations of a program and of those in it."""
    found = list(jaxpr.eqns)
    for equation in jaxpr.eqns:
        for inner in jex.jaxprs_in_params(equation.params):
            found += equations_in(getattr(inner, "jaxpr", inner))
    return found


def differentiable(equation: jex.JaxprEqn) -> bool:
    """Whether the primitive has a derivative in forward mode."""
    inexact = [i for i, atom in enumerate(equation.invars) if is_inexact(atom.aval)]
    try:
        tangent_program(equation, inexact)
    except Exception:  # the primitive's own rule may fail in any way
        return False
    return True


def dense_with_warning(equation: jex.JaxprEqn, operands: Sequence[Value]) -> Outcome:
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
