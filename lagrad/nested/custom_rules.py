"""Make functions with `jax.custom_vjp` rules fit for forward mode, too.

JAX refuses the forward derivative of a `custom_vjp` function, and so every forward-over-reverse product
through one whose forward rule calls the function. But the derivative is there: the reverse rule is w -> J'w,
linear in w, and the transpose of that linear map is the forward derivative t -> J t. So every call of such a
function in the program is replaced by one with that rule.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, jaxprs_in_params

from lagrad.errors import DerivativeError
from lagrad.nested.ruled import ruled_call
from lagrad.nested.symmetric import replaced
from lagrad.primitives.calls import names_in
from lagrad.primitives.equations import bind
from lagrad.program.rebuild import Instead, Replaced, rebuilt, rebuilt_program, rewritten

CUSTOM_VJP = "custom_vjp_call"


def both_modes(fun: Callable) -> Callable:
    """The same function, in which every `jax.custom_vjp` also has its forward derivative.

    Calls inside of jit, checkpoint, scan, while_loop, cond and switch are found as well. A rule that is not
    linear in its cotangent (gradient clipping) is the derivative of nothing and cannot be turned round.

    Args:
        fun: function of arrays or pytrees, traceable by JAX.

    Returns:
        A function of the same arguments with the same values; it is `fun` again where nothing is to be done.

    Raises:
        DerivativeError: when differentiated forward, if a backward rule is not linear in its cotangent.

    >>> square = jax.custom_vjp(lambda x: x * x)
    >>> square.defvjp(lambda x: (square(x), x), lambda x, w: (2 * x * w,))
    >>> float(jax.jvp(both_modes(square), (3.0,), (1.0,))[1])
    6.0
    """

    return _with(fun, _with_both_rules)


def forward_anyway(fun: Callable) -> Callable:
    """The same function, fit to be differentiated forward once, whatever rules it calls.

    Every `jax.custom_vjp` also has its forward derivative, as in `both_modes`. Where there is none, because
    the backward rule cannot be turned round, it is that of the function as it is written.

    Args:
        fun: function of arrays or pytrees, traceable by JAX.

    Returns:
        A function of the same arguments with the same values.

    >>> cube = jax.custom_vjp(lambda x: x**3)
    >>> cube.defvjp(lambda x: (cube(x), x), lambda x, w: (3 * x**2 * jnp.maximum(w, 0),))
    >>> float(jax.jacfwd(forward_anyway(cube))(2.0))
    12.0
    """
    return _with(fun, _turned_or_written)


def loops(program: ClosedJaxpr | Jaxpr) -> bool:
    """Whether a while_loop runs in the program, those of functions with a reverse rule left aside.

    >>> loops(jax.make_jaxpr(lambda x: jax.lax.while_loop(lambda y: y < 3, lambda y: 2 * y, x))(1.0))
    True
    """
    names = {equation.primitive.name for equation in program.eqns}
    parts = (equation.params for equation in program.eqns if equation.primitive.name != CUSTOM_VJP)
    return "while" in names or any(loops(inner) for each in parts for inner in jaxprs_in_params(each))


def _with(fun: Callable, custom: Instead) -> Callable:
    """The same function, in which calls of `jax.custom_vjp` functions are evaluated in another way."""

    def wrapped(*args, **kwargs):
        leaves, tree = jax.tree.flatten((args, kwargs))
        moved = [i for i, leaf in enumerate(leaves) if isinstance(leaf, (jax.Array, np.ndarray, float))]

        def flat(*arrays):
            full = list(leaves)
            for i, array in zip(moved, arrays, strict=True):
                full[i] = array
            args, kwargs = jax.tree.unflatten(tree, full)
            return fun(*args, **kwargs)

        def evaluate(program, arrays):
            # Called again, an unchanged function keeps the lines of its author's.
            return (
                rebuilt({CUSTOM_VJP: custom}, program, arrays) if has_custom_vjp(program) else flat(*arrays)
            )

        return rewritten(flat, evaluate)(*(leaves[i] for i in moved))

    return wrapped


def with_both_rules(program: ClosedJaxpr) -> ClosedJaxpr:
    """The program with every `custom_vjp` in it made fit for forward mode; itself if there is none.

    >>> with_both_rules(jax.make_jaxpr(jnp.sin)(1.0)).jaxpr.eqns[0].primitive.name
    'sin'
    """
    return rebuilt_program(BOTH_RULES, program)


def has_custom_vjp(program: ClosedJaxpr | Jaxpr) -> bool:
    """Whether a `custom_vjp` function is called anywhere in the program.

    >>> has_custom_vjp(jax.make_jaxpr(jnp.sin)(1.0))
    False
    """
    return CUSTOM_VJP in names_in(program)


def _with_both_rules(equation: JaxprEqn, operands: list) -> list:
    def rule(values, primals, tangents):
        moved = [i for i, tangent in enumerate(tangents) if tangent is not None]
        return _transposed(equation, moved, values, primals, [tangents[i] for i in moved])

    shapes = [jax.ShapeDtypeStruct(jnp.shape(x), jnp.result_type(x)) for x in operands]
    inner = equation.params["call_jaxpr"]
    program = jax.make_jaxpr(lambda *operands: rebuilt(BOTH_RULES, inner, operands))(*shapes)
    return ruled_call(program, rule, operands)


def _transposed(equation, moved, values, primals, tangents) -> list:
    real = [k for k, value in enumerate(values) if jnp.issubdtype(value.dtype, jnp.inexact)]

    def pulled_back(w):
        program = jax.make_jaxpr(partial(_reverse_rule, equation, moved, real))(list(primals), w)
        return rebuilt(BOTH_RULES, program, [*primals, *w])

    try:
        slopes = jax.linear_transpose(pulled_back, [values[k] for k in real])(tangents)[0]
    except (NotImplementedError, AssertionError, TypeError) as cause:
        raise DerivativeError(
            f"custom_vjp function {_origin(equation)}: its forward derivative is the transpose of its "
            "backward rule, but that rule is not linear in the cotangent. Write it as a linear map, or give "
            "the function a rule by jax.custom_jvp."
        ) from cause
    return replaced([None] * len(values), real, slopes)


def _reverse_rule(equation, moved, real, primals, w):
    def call(*parts):
        values = bind(equation, *replaced(primals, moved, parts))
        return [values[k] for k in real]

    return list(jax.vjp(call, *[primals[i] for i in moved])[1](w))


def _turned_or_written(equation: JaxprEqn, operands: list) -> list:
    if _can_be_turned(equation):
        return _with_both_rules(equation, operands)
    return rebuilt({CUSTOM_VJP: _turned_or_written}, equation.params["call_jaxpr"], operands)


def _can_be_turned(equation: JaxprEqn) -> bool:
    avals: list[Any] = [atom.aval for atom in equation.invars]
    shapes = [jax.ShapeDtypeStruct(aval.shape, aval.dtype) for aval in avals]
    real = [i for i, shape in enumerate(shapes) if jnp.issubdtype(shape.dtype, jnp.inexact)]

    def slope(operands, tangents):
        call = lambda *parts: _with_both_rules(equation, replaced(operands, real, parts))  # noqa: E731
        return jax.jvp(call, tuple(operands[i] for i in real), tangents)[1]

    try:
        jax.eval_shape(slope, shapes, tuple(shapes[i] for i in real))
    except Exception:  # a rule of somebody's own may refuse in any way
        return False
    return True


def _origin(equation) -> str:
    return equation.params["call_jaxpr"].jaxpr.debug_info.func_src_info


BOTH_RULES: Replaced = {CUSTOM_VJP: _with_both_rules}
