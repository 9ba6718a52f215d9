"""Turn a program and its derivative rule into one opaque call.

What `jax.custom_jvp` is for, with one difference: the rule is never lost. JAX replaces a `custom_jvp` call by
its code when it splits a scan for reverse mode, and differentiates that code the next time; reverse over
reverse through a scan then meets a `while_loop` without reverse derivative. A primitive stays what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Primitive, jaxpr_as_fun
from jax.interpreters import ad, batching, mlir

ruled_call_p = Primitive("ruled_call")
ruled_call_p.multiple_results = True


def ruled_call(program: ClosedJaxpr, rule: Callable, operands: Sequence) -> list:
    """Values of the program, differentiated by the rule alone.

    Args:
        program: what gives the values; never differentiated.
        rule: `rule(values, operands, tangents) -> tangents of the values`, linear in the tangents and made of
            JAX operations. A tangent is None where an operand does not move, and for integers.
        operands: inputs of the program.

    Returns:
        List of arrays.

    >>> half = jax.make_jaxpr(lambda x: x / 2)(1.0)
    >>> jax.grad(lambda x: ruled_call(half, lambda y, x, t: [7 * t[0]], [x])[0])(1.0).tolist()
    7.0
    """
    return ruled_call_p.bind(*operands, jaxpr=program, rule=rule, mapped=((),) * len(operands))


def _run(*operands, jaxpr, rule, mapped):
    return jaxpr_as_fun(jaxpr)(*operands)


def _abstract(*avals, jaxpr, rule, mapped):
    return jaxpr.out_avals


def _differentiate(primals, tangents, *, jaxpr, rule, mapped):
    values = ruled_call_p.bind(*primals, jaxpr=jaxpr, rule=rule, mapped=mapped)
    moved = [
        None if type(t) is ad.Zero or not _is_real(x) else t for x, t in zip(primals, tangents, strict=True)
    ]
    if all(t is None for t in moved):
        return values, [_no_tangent(value) for value in values]
    slopes = rule(values, primals, moved)
    return values, [
        slope if _is_real(value) else _no_tangent(value) for value, slope in zip(values, slopes, strict=True)
    ]


def _batch(operands, dims, *, jaxpr, rule, mapped):
    size = next(x.shape[d] for x, d in zip(operands, dims, strict=True) if d is not None)
    fronted = [x if d is None else jnp.moveaxis(x, d, 0) for x, d in zip(operands, dims, strict=True)]
    axes = [None if d is None else 0 for d in dims]
    program = jax.make_jaxpr(jax.vmap(jaxpr_as_fun(jaxpr), in_axes=axes, axis_size=size))(
        *[jax.ShapeDtypeStruct(jnp.shape(x), jnp.result_type(x)) for x in fronted]
    )

    def batched_rule(values, operands, tangents):
        moved = [axis if tangent is not None else None for axis, tangent in zip(axes, tangents, strict=True)]
        return jax.vmap(rule, in_axes=(0, axes, moved), axis_size=size)(values, list(operands), tangents)

    # For readers of programs: which operands have each leading batch axis of the values, the outermost first.
    layers = tuple((d is not None, *inner) for d, inner in zip(dims, mapped, strict=True))
    values = ruled_call_p.bind(*fronted, jaxpr=program, rule=batched_rule, mapped=layers)
    return values, [0] * len(values)


def _is_real(x) -> bool:
    return jnp.issubdtype(jnp.result_type(x), jnp.inexact)


def _no_tangent(value):
    return ad.Zero(jax.typeof(value).to_tangent_aval())


ruled_call_p.def_impl(_run)
ruled_call_p.def_abstract_eval(_abstract)
ad.primitive_jvps[ruled_call_p] = _differentiate
batching.primitive_batchers[ruled_call_p] = _batch
mlir.register_lowering(ruled_call_p, mlir.lower_fun(_run, multiple_results=True))
