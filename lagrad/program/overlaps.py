"""Stretches of an array that are computed from other stretches of it, kept from where XLA still reads.

    x.at[1:].set(2 * x[:-1])       XLA on a CPU may write into the memory of x, and so reads what it has just
                                   written (openxla/xla issue 49176, open in November 2026): values are wrong

Here what is written gets memory of its own first. Only where it depends on what it is written into: arrays
that are put together piece by piece stay as they are, and so do loops, in which XLA copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend import core as jex

from lagrad.primitives.calls import TRANSPARENT, called
from lagrad.primitives.equations import bind, is_inexact, size_of

# Primitive -> number of the operand that is written.
WRITING = {"dynamic_update_slice": 1, "scatter": 2}
# What gives the same memory under another shape.
SAME_MEMORY = frozenset({"reshape", "squeeze", "expand_dims"})


def overlapping(program: jex.ClosedJaxpr, inside: bool = False) -> set[int]:
    """Identities of the equations that write into an array what is computed from the array itself.

    Args:
        program: calls in it are looked into, loops are not.
        inside: whether inputs of the program may have been computed from one another.

    >>> program = jax.make_jaxpr(lambda x: x.at[1:].set(2 * x[:-1]))(jnp.ones(3))
    >>> len(overlapping(program)), len(overlapping(jax.make_jaxpr(lambda x: x.at[1:].set(2.0))(jnp.ones(3))))
    (1, 0)
    """
    equations, found = program.jaxpr.eqns, set[int]()
    made = {variable: number for number, each in enumerate(equations) for variable in each.outvars}
    for equation in equations:
        inner, number = called(equation, TRANSPARENT), WRITING.get(equation.primitive.name)
        if inner is not None:
            found |= overlapping(inner, inside=True)
        elif (
            number is not None
            and size_of(equation.invars[number]) > 1
            and is_inexact(equation.outvars[0].aval)
        ):
            base = memory(equation.invars[0], made, equations)
            if depends(equation.invars[number], base, made, equations, inside):
                found.add(id(equation))
    return found


def memory(variable: Any, made: dict, equations: Sequence[jex.JaxprEqn]) -> Any:
    """The variable whose memory this one shows."""
    while variable in made and equations[made[variable]].primitive.name in SAME_MEMORY:
        variable = equations[made[variable]].invars[0]
    return variable


def depends(atom: Any, base: Any, made: dict, equations: Sequence[jex.JaxprEqn], inside: bool) -> bool:
    """Whether something is computed from a variable."""
    oldest, waiting, seen = made.get(base, -1), [atom], set()
    while waiting:
        each = waiting.pop()
        if each is base:
            return True
        if isinstance(each, jex.Literal) or each in seen:
            continue
        seen.add(each)
        number = made.get(each, -1)
        if number > oldest:
            waiting += equations[number].invars
        elif number < 0 and oldest < 0 and inside:
            return True
    return False


def written_apart(equation: jex.JaxprEqn, operands: list) -> list:
    """What such an equation gives."""
    number = WRITING[equation.primitive.name]
    block = in_own_memory(jnp.asarray(operands[number]))
    return list(bind(equation, *operands[:number], block, *operands[number + 1 :]))


def in_own_memory(array: jax.Array) -> jax.Array:
    """The same numbers, which XLA does not compute where it uses them.

    It fuses no conditional with what comes after, and keeps one whose condition is not known beforehand and
    whose branches are not the same. Less zero is the same, to the sign of zero.
    """
    is_positive = lax.stop_gradient(jnp.real(array)).reshape(-1)[0] > 0
    return lax.cond(is_positive, lambda array: array, lambda array: array - 0.0, array)
