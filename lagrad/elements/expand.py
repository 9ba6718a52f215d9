"""Programs written out: a program in, the same one with short loops and wrappers as plain equations out.

    scan without a carry      its body on all steps at once         lax.map, scan over rows
    short scan                its body again and again              a few steps of an integrator
    checkpoint                its program                           one element stores little anyway
    nested.grad               its program                           differentiated like any other
    2 x 2 and 3 x 3 systems   formulas                              see `formulas`

The lift can look into plain equations only. It takes the longer program if less of that is left to coloring.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend import core as jex

from lagrad.elements.formulas import FORMULAS
from lagrad.precision import float64
from lagrad.primitives.calls import PLAIN, WRAPPERS, called
from lagrad.primitives.equations import bind, size_of
from lagrad.program.program import Program, numbered
from lagrad.program.walk import run
from lagrad.sparsity.rules.control import cost

# Equations that a loop may become: beyond this, compile time outweighs what elements save.
MOST_EQUATIONS = 400
# Numbers that the body of a loop without carry may hold for all steps at once.
MOST_NUMBERS = 20_000_000
# On all steps at once both branches would run, and what one of them must not see would spoil the other.
BRANCHING = frozenset({"cond", "while"})

Written = Callable[..., Sequence[Any]]


def expanded(program: Program) -> Program | None:
    """Write out the loops and wrappers of a program.

    Args:
        program: numbered equations.

    Returns:
        Program of the same inputs and outputs; None if there is nothing to write out.
    """
    if not any(written_out(equation.source) for equation in program.equations):
        return None
    with float64():
        wider = jax.make_jaxpr(lambda *arguments: run(program.closed, arguments, write_out))(
            *program.closed.in_avals
        )
    return numbered(wider)


def write_out(equation: jex.JaxprEqn, operands: Sequence[Any]) -> Sequence[Any]:
    """Results of an equation, what it calls written out where it can be."""
    inner = called(equation, PLAIN)
    if inner is not None:
        return run(inner, operands, write_out)
    function = written_out(equation)
    return bind(equation, *operands) if function is None else function(*operands)


def written_out(equation: jex.JaxprEqn) -> Written | None:
    """The function of an equation that is written out, None for any other equation."""
    rule = RULES.get(equation.primitive.name)
    return None if rule is None or equation.effects else rule(equation, **equation.params)


def wrapper(equation: jex.JaxprEqn, **params) -> Written:
    """A program that is run once on all operands."""
    program = called(equation)
    assert program is not None
    return lambda *operands: run(program, operands, write_out)


def loop(equation: jex.JaxprEqn, *, jaxpr, length, num_consts, num_carry, **params) -> Written | None:
    """A scan: all steps at once if none needs another, else one after the other if they are few."""
    carried = range(num_consts, num_consts + num_carry)
    inputs, outputs = jaxpr.jaxpr.invars, jaxpr.jaxpr.outvars
    passed_on = all(inputs[i] is output for i, output in zip(carried, outputs[:num_carry], strict=True))
    if passed_on and length * numbers(jaxpr.jaxpr) <= MOST_NUMBERS and not branches(jaxpr.jaxpr):
        return mapped(jaxpr, num_consts + num_carry, num_carry, length)
    if length * cost(jaxpr.jaxpr) > MOST_EQUATIONS:
        return None
    order = range(length)[::-1] if params["reverse"] else range(length)
    return stepped(jaxpr, num_consts, num_carry, order)


def numbers(jaxpr: jex.Jaxpr) -> int:
    """Numbers that the equations of a body give."""
    return sum(size_of(variable) for equation in jaxpr.eqns for variable in equation.outvars)


def branches(jaxpr: jex.Jaxpr) -> bool:
    """Whether a body, or a program in it, branches."""
    return any(
        equation.primitive.name in BRANCHING
        or any(branches(getattr(each, "jaxpr", each)) for each in jex.jaxprs_in_params(equation.params))
        for equation in jaxpr.eqns
    )


def mapped(body: jex.ClosedJaxpr, num_fixed: int, num_carry: int, length: int) -> Written:
    """A scan whose steps do not need one another."""

    def function(*operands):
        fixed = operands[:num_fixed]
        step = lambda rows: run(body, (*fixed, *rows), write_out)[num_carry:]  # noqa: E731
        rows = jax.vmap(step, axis_size=length)(operands[num_fixed:])
        return [*operands[num_fixed - num_carry : num_fixed], *rows]

    return function


def stepped(body: jex.ClosedJaxpr, num_consts: int, num_carry: int, order: Sequence[int]) -> Written:
    """A scan one step after the other."""

    def function(*operands):
        consts, carry = operands[:num_consts], operands[num_consts : num_consts + num_carry]
        rows = operands[num_consts + num_carry :]
        found: dict[int, Sequence[Any]] = {}
        for step in order:
            taken = [lax.index_in_dim(row, step, keepdims=False) for row in rows]
            results = run(body, (*consts, *carry, *taken), write_out)
            carry, found[step] = results[:num_carry], results[num_carry:]
        stacked = zip(*(found[step] for step in sorted(found)), strict=True)
        return [*carry, *(jnp.stack(each) for each in stacked)]

    return function


RULES: dict[str, Callable[..., Written | None]] = {
    "scan": loop,
    **dict.fromkeys(WRAPPERS, wrapper),
    **FORMULAS,
}
