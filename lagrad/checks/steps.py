"""A function of flat x in; its operations in order, each with the line of the user's that wrote it, out.

Nested calls are written out in place. An operation inside one of JAX's own functions has no line of the
user's; it gets the line of the call around it. Toy version:

    def f(x): return jnp.linalg.norm(x)    # line 7      ->      mul, reduce_sum, sqrt, all of line 7
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core as jex

from lagrad.precision import float64
from lagrad.problem.problem import Problem
from lagrad.problem.user_functions import function
from lagrad.program.program import bind
from lagrad.source_location import is_users

OBJECTIVE = "objective"
CALLS = {"jit": "jaxpr", "pjit": "jaxpr", "closed_call": "call_jaxpr", "core_call": "call_jaxpr"}
# Calls with a derivative of their own: written out to look at values, kept whole to look at derivatives.
RULED = {
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "custom_vjp_call_jaxpr": "fun_jaxpr",
}
UNKNOWN = "a line outside of your files"
LONGEST_QUOTE = 90


@dataclass(frozen=True, eq=False)
class Step:
    """One operation: variables are numbered, as in `lagrad.program`.

    Args:
        source: the traced equation.
        place: the user's file and line.
        inputs: number of each operand.
        outputs: number of each result.
    """

    source: jex.JaxprEqn
    place: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def name(self) -> str:
        """Name of the primitive."""
        return self.source.primitive.name


@dataclass(eq=False)
class Walk:
    """The operations of one function.

    Args:
        inputs: variables of x and of the leaves of params.
        outputs: variables of the result.
        steps: in order of evaluation.
        constants: variable -> value, for literals and captured arrays.
        count: number of variables.
    """

    inputs: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()
    steps: list[Step] = field(default_factory=list)
    constants: dict[int, Any] = field(default_factory=dict)
    count: int = 0

    def variable(self) -> int:
        """Number a new variable."""
        self.count += 1
        return self.count - 1

    def constant(self, value) -> int:
        """Number a new variable of known value."""
        number = self.variable()
        self.constants[number] = value
        return number

    def values(self, arguments: Sequence) -> dict[int, Any]:
        """Value of every variable, traceable by JAX.

        Args:
            arguments: x and the leaves of params.
        """
        found = self.constants | dict(zip(self.inputs, arguments, strict=True))
        for step in self.steps:
            results = bind(step.source, *(found[number] for number in step.inputs))
            found |= dict(zip(step.outputs, results, strict=True))
        return found


def functions(problem: Problem) -> dict[str, Callable]:
    """The problem's functions apart: name -> function of (flat x, *leaves of params), rows raveled.

    Returns:
        dict with "objective" first, then each constraint by name as `constraints['name']` has it.
    """
    structure = jax.tree.structure(problem.params)

    def row_function(name: str) -> Callable:
        # Not a slice of all rows: in reverse, a zero adjoint times infinity elsewhere would be nan.
        apply = function(problem.constraints[name].fun, problem.has_params)

        def rows(x, *leaves):
            value = apply(problem.variables.unflatten(x), jax.tree.unflatten(structure, leaves))
            return problem.row_layouts[name].ravel(value)

        return rows

    def objective(x, *leaves):
        return problem.flat_objective(x, jax.tree.unflatten(structure, leaves)).reshape(1)

    return {OBJECTIVE: objective} | {name: row_function(name) for name in problem.constraints}


def arguments(problem: Problem, x: np.ndarray, params=None) -> list:
    """x and the leaves of params, as the functions of `functions` take them."""
    return [x, *jax.tree.leaves(problem.read_params(params))]


def walk(traced: Callable, inputs: Sequence, rules_whole: bool = False) -> Walk:
    """Trace a function and write its operations one after the other.

    Args:
        traced: function of `inputs`.
        inputs: arrays; only shapes and dtypes count.
        rules_whole: whether calls with a derivative rule of their own stay one operation.

    Returns:
        Walk.
    """
    with float64():
        closed = jax.make_jaxpr(traced)(*inputs)
    return walk_of(closed, rules_whole)


def walk_of(closed: jex.ClosedJaxpr, rules_whole: bool = False, place: str = UNKNOWN) -> Walk:
    """The operations of a closed jaxpr; `place` is for those without a line of their own."""
    found = Walk()
    found.inputs = tuple(found.variable() for _ in closed.jaxpr.invars)
    calls = CALLS if rules_whole else CALLS | RULED
    found.outputs = append(found, closed, found.inputs, calls, place)
    needed = reached(found)
    found.steps = [step for step in found.steps if needed & set(step.outputs)]
    return found


def append(found: Walk, closed, inputs: Sequence[int], calls: dict, place: str) -> tuple[int, ...]:
    """Append a program applied to numbered inputs; returns the numbers of its outputs."""
    jaxpr, consts = getattr(closed, "jaxpr", closed), getattr(closed, "consts", ())
    names = dict(zip(jaxpr.invars, inputs, strict=True))
    names |= {var: found.constant(value) for var, value in zip(jaxpr.constvars, consts, strict=True)}

    def number(atom) -> int:
        return found.constant(atom.val) if isinstance(atom, jex.Literal) else names[atom]

    for equation in jaxpr.eqns:
        operands, here = tuple(number(atom) for atom in equation.invars), line_of(equation, place)
        inner = equation.params.get(calls.get(equation.primitive.name, ""))
        if inner is None:
            results = tuple(found.variable() for _ in equation.outvars)
            found.steps.append(Step(equation, here, operands, results))
        else:
            results = append(found, inner, operands, calls, here)
        names |= dict(zip(equation.outvars, results, strict=True))
    return tuple(number(atom) for atom in jaxpr.outvars)


def reached(found: Walk) -> set[int]:
    """Variables that the outputs depend on."""
    needed = set(found.outputs)
    for step in reversed(found.steps):
        if needed & set(step.outputs):
            needed |= set(step.inputs)
    return needed


def line_of(equation: jex.JaxprEqn, default: str) -> str:
    """The innermost line of the user's at which an equation was traced."""
    frames = getattr(getattr(equation.source_info, "traceback", None), "frames", ())
    own = next((frame for frame in frames if is_users(frame.file_name)), None)
    if own is None:
        return default
    code = linecache.getline(own.file_name, own.line_num).strip()
    quote = code if len(code) <= LONGEST_QUOTE else f"{code[:LONGEST_QUOTE]}..."
    return f"{own.file_name}, line {own.line_num}" + (f": `{quote}`" if quote else "")


def is_float(value) -> bool:
    """Whether a value has a derivative."""
    return jnp.issubdtype(jnp.result_type(value), np.inexact)
