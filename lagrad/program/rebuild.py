"""Evaluate a program with some of its equations replaced, however deep they stand.

Calls, branches and loops in which one of them stands are built anew around it, everything else is applied as
it is. Functions with rules of their own are not entered: what their authors wrote stays.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from functools import partial
from typing import Any

import jax
from jax import lax
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, jaxprs_in_params

from lagrad.primitives.calls import closed, names_in
from lagrad.primitives.equations import bind
from lagrad.program.walk import run

# (equation, operands) -> values; None where the equation stays as it is.
Instead = Callable[[JaxprEqn, list], "list | None"]
# Name of a primitive -> what is done instead of it.
Replaced = Mapping[str, Instead]
# (program within an equation, its operands) -> its outputs.
Again = Callable[[ClosedJaxpr | Jaxpr, Sequence], list]


def rebuilt(replaced: Replaced, program: ClosedJaxpr | Jaxpr, operands: Sequence[Any]) -> list:
    """Outputs of a program some of whose equations are replaced; traceable by JAX."""
    return run(closed(program), operands, partial(rebuilt_equation, replaced))


def rebuilt_program(replaced: Replaced, program: ClosedJaxpr) -> ClosedJaxpr:
    """The program with some of its equations replaced; itself if there are none of them."""
    if not holds(program, replaced):
        return program
    shapes = [jax.ShapeDtypeStruct(aval.shape, aval.dtype) for aval in program.in_avals]
    return jax.make_jaxpr(lambda *operands: rebuilt(replaced, program, operands))(*shapes)


def rewritten(fun: Callable, evaluate: Callable[[ClosedJaxpr, list], Any]) -> Callable:
    """A function whose program is evaluated in another way.

    Args:
        fun: function of arrays or pytrees, traceable by JAX.
        evaluate: (program, flat operands) -> results.

    Returns:
        A function of the same arguments.
    """

    def function(*arguments):
        program, shape = jax.make_jaxpr(fun, return_shape=True)(*arguments)
        values = jax.tree.leaves(evaluate(program, jax.tree.leaves(arguments)))
        return jax.tree.unflatten(jax.tree.structure(shape), values)

    return function


def rebuilt_equation(replaced: Replaced, equation: JaxprEqn, operands: list) -> list:
    """Results of one equation, which may be one that is replaced, or hold some."""
    name = equation.primitive.name
    values = replaced[name](equation, operands) if name in replaced else None
    if values is not None:
        return values
    if name in REBUILD and any(holds(inner, replaced) for inner in jaxprs_in_params(equation.params)):
        return list(REBUILD[name](partial(rebuilt, replaced), *operands, **equation.params))
    return list(bind(equation, *operands))


def holds(program: ClosedJaxpr | Jaxpr, names: Container[str]) -> bool:
    """Whether a program applies one of some primitives, at any depth."""
    return any(name in names for name in names_in(program))


def call(again: Again, *operands, jaxpr, name, **_) -> list:
    """A `jit`."""

    def inner(*operands):
        return again(jaxpr, operands)

    inner.__name__ = name
    return jax.jit(inner)(*operands)


def checkpoint(again: Again, *operands, jaxpr, prevent_cse, policy, **_) -> list:
    """A `jax.checkpoint`."""
    return jax.checkpoint(lambda *a: again(jaxpr, a), prevent_cse=prevent_cse, policy=policy)(*operands)


def scan(again: Again, *operands, jaxpr, num_consts, num_carry, length, reverse, unroll, **_) -> list:
    """A `lax.scan`."""
    consts, carry, xs = parts(operands, num_consts, num_carry)

    def body(carry, x):
        carry, y = parts(again(jaxpr, [*consts, *carry, *x]), num_carry)
        return carry, y

    last, ys = lax.scan(body, carry, xs, length=length, reverse=reverse, unroll=unroll)
    return last + ys


def while_loop(again: Again, *operands, cond_jaxpr, cond_nconsts, body_jaxpr, body_nconsts) -> list:
    """A `lax.while_loop`."""
    cond_consts, body_consts, carry = parts(operands, cond_nconsts, body_nconsts)
    return lax.while_loop(
        lambda carry: again(cond_jaxpr, [*cond_consts, *carry])[0],
        lambda carry: again(body_jaxpr, [*body_consts, *carry]),
        carry,
    )


def switch(again: Again, index, *operands, branches, **_) -> list:
    """A `lax.cond` or `lax.switch`."""
    return lax.switch(index, [lambda *a, branch=branch: again(branch, a) for branch in branches], *operands)


def parts(operands: Sequence, *counts: int) -> list[list]:
    """The first so many operands, the next, ..., the rest."""
    found, start = [], 0
    for count in counts:
        found.append(list(operands[start : start + count]))
        start += count
    return [*found, list(operands[start:])]


def solver_of(equation: JaxprEqn, operands: Sequence) -> tuple[ClosedJaxpr, list]:
    """The program that a `lax.custom_linear_solve` runs for its values, and the operands of that."""
    _, _, of_solve, _, right = parts(operands, *equation.params["const_lengths"])
    return equation.params["jaxprs"].solve, [*of_solve, *right]


REBUILD: dict[str, Callable[..., list]] = {
    "jit": call,
    "pjit": call,
    "remat2": checkpoint,
    "checkpoint": checkpoint,
    "scan": scan,
    "while": while_loop,
    "cond": switch,
}
