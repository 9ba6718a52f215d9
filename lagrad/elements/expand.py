"""Write short loops and wrappers out as plain equations.

    scan without recurrence   its body on all steps at once         lax.map, a carry that is the row before
    short scan                its body again and again              a few steps of an integrator
    tables                    read by one place in a vector         rows of coefficients; see `lookups`
    checkpoint                its program                           one element stores little anyway
    nested.grad               its program                           differentiated like any other
    small systems             one primitive, or formulas            see `formulas`

The split can look into plain equations only. It takes the longer program if less of that is left to coloring.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend import core as jex

from lagrad.elements.formulas import FORMULAS, products
from lagrad.elements.lookups import GATHER, written_as_lookups
from lagrad.elements.searches import searches
from lagrad.precision import float64
from lagrad.primitives.calls import PLAIN, WRAPPERS, called, length_of, names_in
from lagrad.primitives.equations import as_numpy, bind, size_of
from lagrad.primitives.movers import Known
from lagrad.program.equation import Equation
from lagrad.program.folding import fold
from lagrad.program.loops import without_carry
from lagrad.program.program import Program, numbered
from lagrad.program.walk import run, walk

# Equations that a loop may become: beyond this, compile time outweighs what elements save.
MOST_EQUATIONS = 400
# Numbers that the body of a loop without carry may hold for all steps at once.
MOST_NUMBERS = 20_000_000
# Products of formulas in all, each written by JAX in a tenth of a millisecond.
MOST_PRODUCTS = 12_000
# On all steps at once both branches would run, and what one of them must not see would spoil the other.
BRANCHING = frozenset({"cond", "while"})

Written = Callable[..., Sequence[Any]]


def expanded(program: Program, known: Mapping[int, np.ndarray]) -> Program | None:
    """Write out the loops and wrappers of a program.

    Args:
        program: numbered equations.
        known: variable -> its numbers, for those that are known.

    Returns:
        Program of the same inputs and outputs; None if there is nothing to write out, or too much.
    """
    if sum(products(equation.source) for equation in program.equations) > MOST_PRODUCTS:
        return None
    if not any(written_out(each.source, [known.get(i) for i in each.inputs]) for each in program.equations):
        return None

    def visit(equation: Equation, operands: Sequence[Any]) -> Sequence[Any]:
        return write_out(equation.source, operands, [known.get(i) for i in equation.inputs])

    def function(*arguments):
        values = program.constants | dict(zip(program.inputs, arguments, strict=True))
        walk(program.equations, values, visit)
        return [values[output] for output in program.outputs]

    with float64():
        wider = jax.make_jaxpr(function)(*program.closed.in_avals)
    return numbered(wider)


def write_out(equation: jex.JaxprEqn, operands: Sequence[Any], known: Known | None = None) -> Sequence[Any]:
    """Results of an equation, what it calls written out where it can be."""
    inner = called(equation, PLAIN)
    if inner is not None:
        return run(inner, operands, write_out, as_numpy)
    if known is None:
        known = [each if isinstance(each, np.ndarray) else None for each in operands]
        if all(each is not None for each in known) and not equation.effects:
            return fold(equation, operands)
    function = written_out(equation, known)
    return bind(equation, *operands) if function is None else function(*operands)


def written_out(equation: jex.JaxprEqn, known: Known) -> Written | None:
    """The function of an equation that is written out, None for any other equation."""
    if equation.effects:
        return None
    if equation.primitive.name == "scan":
        return loop(equation, known, **equation.params)
    if equation.primitive.name == GATHER:
        return None if known[1] is not None else written_as_lookups(equation, known[0])
    rule = RULES.get(equation.primitive.name)
    return None if rule is None else rule(equation, **equation.params)


def wrapper(equation: jex.JaxprEqn, **params) -> Written:
    """A program that is run once on all operands."""
    program = called(equation)
    assert program is not None
    return lambda *operands: run(program, operands, write_out, as_numpy)


def loop(equation: jex.JaxprEqn, known: Known, *, jaxpr, length, num_consts, num_carry, **params):
    """A scan: all steps at once if none needs another, else one after the other if they are few."""
    function = without_carry(equation, [integer(each) for each in known])
    if function is not None:
        body = [each.source for each in function.equations]
        if length * numbers(body) <= MOST_NUMBERS and not branches(body):
            return partial(function, apply=write_out)
    if length * length_of(jaxpr) > MOST_EQUATIONS or any(searches(equation, known)):
        return None
    order = range(length)[::-1] if params["reverse"] else range(length)
    return stepped(jaxpr, num_consts, num_carry, order)


def integer(value: Any) -> np.ndarray | None:
    """A known counter or index, None for anything else."""
    return value if isinstance(value, np.ndarray) and value.dtype.kind in "iu" else None


def numbers(body: Sequence[jex.JaxprEqn]) -> int:
    """Numbers that the equations of a body give."""
    return sum(size_of(variable) for equation in body for variable in equation.outvars)


def branches(body: Sequence[jex.JaxprEqn]) -> bool:
    """Whether a body, or a program in it, branches."""
    inner = [each for equation in body for each in jex.jaxprs_in_params(equation.params)]
    names = {equation.primitive.name for equation in body}.union(*map(names_in, inner))
    return not BRANCHING.isdisjoint(names)


def stepped(body: jex.ClosedJaxpr, num_consts: int, num_carry: int, order: Sequence[int]) -> Written:
    """A scan one step after the other."""

    def function(*operands):
        consts, carry = operands[:num_consts], operands[num_consts : num_consts + num_carry]
        rows = operands[num_consts + num_carry :]
        found: dict[int, Sequence[Any]] = {}
        for step in order:
            taken = [lax.index_in_dim(row, step, keepdims=False) for row in rows]
            results = run(body, (*consts, *carry, *taken), write_out, as_numpy)
            carry, found[step] = results[:num_carry], results[num_carry:]
        if not found:
            return [*carry, *(jnp.zeros((0, *each.shape), each.dtype) for each in body.out_avals[num_carry:])]
        stacked = zip(*(found[step] for step in sorted(found)), strict=True)
        return [*carry, *(jnp.stack(each) for each in stacked)]

    return function


RULES: dict[str, Callable[..., Written | None]] = {
    **dict.fromkeys(WRAPPERS, wrapper),
    **FORMULAS,
}
