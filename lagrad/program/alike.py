"""Tell equations that compute alike, whatever new programs JAX made of the same functions for them.

A Python loop that calls `jax.nn.relu` or `jax.lax.cond` a hundred times has a hundred equations with a
program each; they are alike if these programs say the same. So are functions with a derivative rule of their
own, if what the rule does says the same, up to the second derivatives, the highest that solvers need.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import jax
import numpy as np
from jax.extend import core as jex

from lagrad.precision import float64
from lagrad.primitives.calls import CALLBACKS, PROGRAM, RULED, called, closed
from lagrad.primitives.equations import aval_of, bind, is_inexact, shape_of

# Parameters in which primitives of JAX's hold programs.
HOLDING = frozenset({"jaxpr", "branches", "cond_jaxpr", "body_jaxpr", "call_jaxpr"})
# Derivatives up to this order are those of equations that are alike.
ORDER = 2
Rules = tuple[Hashable, ...]


class Same:
    """Equal for the same object only, which it keeps: an address is given to another one when it is gone."""

    def __init__(self, value: Any):
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)


def told_by(equation: jex.JaxprEqn, rules: Rules = ()) -> tuple[Hashable, ...]:
    """Primitive and parameters of an equation, equal for what has equal values and derivatives.

    Args:
        equation: as it was traced.
        rules: what the functions compute within whose rules the equation stands.
    """
    name, params = equation.primitive.name, equation.params
    # Code of the user's is called as it is written: for one element at a time.
    if equation.effects or name in CALLBACKS:
        return name, Same(equation)
    own = called(equation, RULED)
    if own is None:
        return name, frozen(params, rules)
    said, kind = said_by(own, rules), bool(params.get("symbolic_zeros"))
    # Most rules call the function that they are the rule of, which says nothing new.
    if len(rules) == ORDER or said in rules:
        return name, kind, said
    rule = rule_of(equation)
    return (name, Same(params)) if rule is None else (name, kind, said, said_by(rule, (*rules, said)))


def rule_of(equation: jex.JaxprEqn) -> jex.ClosedJaxpr | None:
    """The program of what the rule of a function gives for operands and tangents, or cotangents, of its kind.

    Returns:
        The program; None where it cannot be had: the rule wants to know what does not vary, or fails, which
        is said where its derivative is taken.
    """
    if equation.params.get("symbolic_zeros"):
        return None
    if not all(is_inexact(atom.aval) for atom in (*equation.invars, *equation.outvars)):
        return None
    given, results = (
        [jax.ShapeDtypeStruct(shape_of(atom), aval_of(atom).dtype) for atom in atoms]
        for atoms in (equation.invars, equation.outvars)
    )

    def forward(operands, tangents):
        return jax.jvp(lambda *each: bind(equation, *each), operands, tangents)

    def backward(operands, cotangents):
        return jax.vjp(lambda *each: bind(equation, *each), *operands)[1](tuple(cotangents))

    is_forward = equation.primitive.name == "custom_jvp_call"
    rule, second = (forward, given) if is_forward else (backward, results)
    try:
        with float64():
            return jax.make_jaxpr(rule)(given, second)
    except Exception:
        return None


def number_key(name: Hashable, value: Any) -> Hashable:
    """Equal for constants of equal numbers; a random key, which has no numbers, is known by its name."""
    return (value.dtype, value.shape, value.tobytes()) if isinstance(value, np.ndarray) else name


def frozen(params: dict, rules: Rules = ()):
    """Parameters as a key; unequal to any other where they cannot be compared.

    What is None is left out, so that a sine of a derivative, which has no `accuracy`, is that of the user.
    """
    try:
        said = [item for item in params.items() if item[1] is not None]
        if not HOLDING.isdisjoint(params):
            said = [(name, comparable(value, rules)) for name, value in said]
        key = tuple(sorted(said, key=lambda item: item[0]))
        hash(key)
    except TypeError:
        return Same(params)
    return key


def comparable(value: Any, rules: Rules) -> Any:
    """A parameter; programs, of which JAX makes a new one whenever it traces, by what they say."""
    if isinstance(value, PROGRAM):
        return said_by(closed(value), rules)
    return tuple(comparable(each, rules) for each in value) if type(value) is tuple else value


def said_by(program: jex.ClosedJaxpr, rules: Rules = ()) -> tuple[Any, ...]:
    """Equal for programs of the same equations, with constants of the same numbers."""
    inside = program.jaxpr
    numbers = {variable: number for number, variable in enumerate([*inside.constvars, *inside.invars])}

    def name(atom: Any) -> Any:
        if isinstance(atom, jex.Literal):
            value = atom.val
            return value.dtype if hasattr(value, "dtype") else type(value), np.asarray(value).tobytes()
        return numbers[atom]

    equations = []
    for equation in inside.eqns:
        operands = tuple(map(name, equation.invars))
        for variable in equation.outvars:
            numbers[variable] = len(numbers)
        results = tuple(str(variable.aval) for variable in equation.outvars)
        equations.append((told_by(equation, rules), operands, results))
    constants = tuple(number_key(Same(each), each) for each in program.consts)
    types = tuple(str(variable.aval) for variable in inside.invars)
    return tuple(equations), constants, types, tuple(map(name, inside.outvars))
