"""Find the program that an equation calls.

    plain      its program, compiled apart: the same as writing the program out             jit
    wrapper    its program, with a word on how it is to be differentiated or mapped         checkpoint
    ruled      its program, with derivatives of its author's                                custom_jvp_call

For values all three are their program; for derivatives only the first two are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jax.extend import core as jex

# Primitive of a call -> name of the parameter that holds its program.
PLAIN = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "call": "call_jaxpr",
}
WRAPPERS = {"checkpoint": "jaxpr", "remat2": "jaxpr", "gradient_derivative": "jaxpr"}
MAPPABLE = {"custom_vmap_call": "call", "composite": "jaxpr"}
# Code of the user's that is called while the program runs: it cannot be looked into, nor differentiated.
CALLBACKS = frozenset({"pure_callback", "io_callback", "debug_callback", "ffi_call", "custom_call"})
# What JAX writes for arrays that are written in place.
IN_PLACE = frozenset({"new_ref", "empty_ref", "get", "swap", "addupdate", "freeze"})
RULED = {"custom_jvp_call": "call_jaxpr", "custom_vjp_call": "call_jaxpr"}
# Equal to their program in value, and in every derivative.
TRANSPARENT = PLAIN | WRAPPERS | MAPPABLE
# Equal to their program in value.
CALLS = TRANSPARENT | RULED

PROGRAM = (jex.Jaxpr, jex.ClosedJaxpr)


def carried(equation: jex.JaxprEqn) -> jex.ClosedJaxpr | None:
    """The program that an unknown primitive carries, if it is the only one and fits operands and results.

    Such a primitive is taken for a call: `shard_map` on one device is one, and so are the wrappers that other
    libraries make.
    """
    programs = list(jex.jaxprs_in_params(equation.params))
    # A program that names constants gets them in a way that only its equation knows.
    if len(programs) != 1 or getattr(programs[0], "jaxpr", programs[0]).constvars:
        return None
    program = closed(programs[0])
    inside = [*program.jaxpr.invars, *program.jaxpr.outvars]
    outside = [*equation.invars, *equation.outvars]
    fits = len(inside) == len(outside) and all(map(are_alike, inside, outside))
    return program if fits else None


def are_alike(one: Any, other: Any) -> bool:
    """Whether two variables are arrays of the same shape and type."""
    names = ("shape", "dtype")
    return all(getattr(one.aval, name, None) == getattr(other.aval, name, ()) for name in names)


def programs_in(program: Any) -> Iterator[Any]:
    """A program, open or closed, and all programs in the parameters of its equations, at any depth."""
    yield program
    for equation in program.eqns:
        for value in equation.params.values():
            if isinstance(value, PROGRAM):
                yield from programs_in(value)
            elif isinstance(value, (tuple, list)):
                for each in value:
                    if isinstance(each, PROGRAM):
                        yield from programs_in(each)


def names_in(program: Any) -> Iterator[str]:
    """Names of all primitives of a program, those of nested programs included."""
    return (equation.primitive.name for each in programs_in(program) for equation in each.eqns)


def constants_in(program: Any) -> list[Any]:
    """Every array that a program, or one in it, has captured, each once."""
    closed = [each for each in programs_in(program) if isinstance(each, jex.ClosedJaxpr)]
    arrays = {id(array): array for each in closed for array in each.consts if hasattr(array, "dtype")}
    return list(arrays.values())


def length_of(program: Any) -> int:
    """Number of equations and of programs, nested ones included.

    >>> import jax
    >>> length_of(jax.make_jaxpr(jax.jit(lambda x: 2 * x + 1))(1.0))
    5
    """
    return sum(1 + len(each.eqns) for each in programs_in(program))


def closed(program: Any) -> jex.ClosedJaxpr:
    """A program with its constants, whether or not it came with them."""
    return program if isinstance(program, jex.ClosedJaxpr) else jex.ClosedJaxpr(program, ())


def called(equation: jex.JaxprEqn, calls: dict[str, str] = CALLS) -> jex.ClosedJaxpr | None:
    """The program that an equation runs once on all its operands.

    Args:
        equation: any.
        calls: which primitives count, one of the tables above.

    Returns:
        The program; None if the equation is not such a call.

    >>> import jax
    >>> call = jax.make_jaxpr(jax.jit(lambda x: x + 1))(1.0).eqns[0]
    >>> [inner.primitive.name for inner in called(call).eqns]
    ['add']
    """
    inner = equation.params.get(calls.get(equation.primitive.name, ""))
    return None if inner is None else closed(inner)
