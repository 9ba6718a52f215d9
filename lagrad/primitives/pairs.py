"""Write primitives of complex numbers as primitives of their real and imaginary parts.

    (a + bi) (c + di)      ->      (ac - bd) + (ad + bc) i
    exp(a + bi)            ->      e^a cos b + e^a sin b i

A part that is zero for sure is left out, so that what is real, or purely imaginary, takes nothing else:
`v * jnp.exp(1j * a)` is `v cos a` and `v sin a`. Where an absolute value is zero it has no slope, as in JAX.

When it fails: absolute values, logarithms and divisors are by squares, which overflow from 1e154 on, and are
zero below 1e-162.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend import core as jex

from lagrad.primitives.equations import aval_of, bind, is_complex, is_floating, shape_of
from lagrad.primitives.movers import MOVERS
from lagrad.primitives.sparse_products import LAYOUTS


class Pair(NamedTuple):
    """Complex numbers by their parts; None is zero everywhere."""

    real: Any
    imag: Any


# (equation, operands: pairs where they are complex) -> results, likewise; None where there is no such form.
Rule = Callable[..., "list | None"]


def pair_of(value: Any) -> Pair:
    """Both parts of complex numbers, without those that are known to be zero."""
    if isinstance(value, (np.ndarray, np.generic)):
        return Pair(*(None if is_zero(part) else part for part in (np.real(value), np.imag(value))))
    return Pair(lax.real(value), lax.imag(value))


def filled(pair: Pair, shape: Sequence[int]) -> Pair:
    """A pair with both parts written out."""
    return Pair(*(jnp.zeros(shape) if part is None else part for part in pair))


def plus(x: Any, y: Any) -> Any:
    """x + y."""
    if x is None or y is None:
        return y if x is None else x
    return lax.add(x, y)


def minus(x: Any, y: Any) -> Any:
    """x - y."""
    if x is None or y is None:
        return x if y is None else lax.neg(y)
    return lax.sub(x, y)


def times(x: Any, y: Any, by: Callable[[Any, Any], Any] = lax.mul) -> Any:
    """x y, or another product."""
    return None if x is None or y is None else by(x, y)


def over(x: Any, y: Any) -> Any:
    """x / y."""
    return None if x is None else lax.div(x, y)


def product(x: Pair, y: Pair, by: Callable[[Any, Any], Any] = lax.mul) -> Pair:
    """x y, or another product."""
    return Pair(
        minus(times(x.real, y.real, by), times(x.imag, y.imag, by)),
        plus(times(x.real, y.imag, by), times(x.imag, y.real, by)),
    )


def quotient(x: Pair, y: Pair) -> Pair:
    """x / y."""
    if y.real is None and y.imag is None:
        return Pair(*(lax.div(0.0 if each is None else each, 0.0) for each in x))
    if y.imag is None:
        return Pair(over(x.real, y.real), over(x.imag, y.real))
    if y.real is None:
        return Pair(over(x.imag, y.imag), over(x.real, lax.neg(y.imag)))
    squared, above = squares(y), product(x, Pair(y.real, lax.neg(y.imag)))
    return Pair(over(above.real, squared), over(above.imag, squared))


def squares(x: Pair) -> Any:
    """|x|^2; None if x is zero."""
    return plus(times(x.real, x.real), times(x.imag, x.imag))


def made(real: Pair, imag: Pair) -> Pair:
    """Real and imaginary parts put together."""
    return Pair(*(None if is_zero(part) else part for part in (real.real, imag.real)))


def is_zero(value: Any) -> bool:
    """Whether a value is known to be zero everywhere."""
    return isinstance(value, (np.ndarray, np.generic)) and not value.any()


def converted(equation: jex.JaxprEqn, x: Any) -> list | None:
    """Numbers made complex, or complex ones copied."""
    if not is_complex(equation.outvars[0].aval):
        return None
    if isinstance(x, Pair):
        return [x]
    is_same = aval_of(equation.invars[0]).dtype == np.float64
    return [Pair(x if is_same else lax.convert_element_type(x, np.float64), None)]


def part_of(number: int) -> Rule:
    """`real` or `imag`."""

    def rule(equation: jex.JaxprEqn, x: Any) -> list:
        found = parts_of(x)[number]
        return [jnp.zeros(shape_of(equation.invars[0])) if found is None else found]

    return rule


def parts_of(value: Any) -> Pair:
    """An operand as a pair, whether its numbers are complex or real."""
    return value if isinstance(value, Pair) else Pair(value, None)


def opposite(equation: jex.JaxprEqn, x: Pair) -> list:
    """`neg`."""
    return [Pair(*(negative(each, equation) for each in x))]


def conjugate(equation: jex.JaxprEqn, x: Any) -> list:
    """`conj`."""
    x = parts_of(x)
    return [Pair(x.real, negative(x.imag, equation))]


def negative(value: Any, equation: jex.JaxprEqn) -> Any:
    """-x; of zero minus zero, which says on which side of a branch cut a number lies."""
    return jnp.full(shape_of(equation.invars[0]), -0.0) if value is None else lax.neg(value)


def each_part(equation: jex.JaxprEqn, *operands: Any, apply: Callable = bind) -> list | None:
    """What moves numbers, or adds them up, does so with both parts."""
    if equation.params.get("fill_value") is not None:
        return None
    # Indices and masks are the same for both.
    pairs = [
        parts_of(each) if is_complex(atom.aval) or is_floating(atom) else Pair(each, each)
        for atom, each in zip(equation.invars, operands, strict=True)
    ]
    numbers = [pair for pair, each in zip(pairs, operands, strict=True) if isinstance(each, Pair)]
    results = []
    for real_or_imag in range(2):
        if all(pair[real_or_imag] is None for pair in numbers):
            results.append([None] * len(equation.outvars))
            continue
        shapes = map(shape_of, equation.invars)
        written = [filled(pair, shape)[real_or_imag] for pair, shape in zip(pairs, shapes, strict=True)]
        results.append(apply(equation, *written))
    return [Pair(*parts) for parts in zip(*results, strict=True)]


def scattered(equation: jex.JaxprEqn, *operands: Any) -> tuple:
    """`scatter-add` of real numbers."""
    kept = ("dimension_numbers", "indices_are_sorted", "unique_indices", "mode")
    return (lax.scatter_add(*operands, **{name: equation.params[name] for name in kept}),)


def bilinear(equation: jex.JaxprEqn, *operands: Any) -> list:
    """Products of which each is linear in the first operand, and in the last one."""
    params = equation.params
    if params.get("preferred_element_type") is not None:
        params = params | {"preferred_element_type": np.dtype(np.float64)}
    first, *between, last = operands

    def by(x: Any, y: Any) -> Any:
        return equation.primitive.bind(x, *between, y, **params)

    return [product(parts_of(first), parts_of(last), by)]


def absolute(equation: jex.JaxprEqn, x: Pair) -> list:
    """|x|."""
    if x.real is None or x.imag is None:
        part = filled(x, shape_of(equation.invars[0]))[x.real is None]
        return [lax.mul(lax.sign(part), part)]
    squared = squares(x)
    is_zero, one = lax.eq(squared, 0.0), jnp.ones_like(squared)
    root = lax.sqrt(jnp.where(is_zero, one, squared))
    return [jnp.where(is_zero, 0.0, root)]


def exponential(equation: jex.JaxprEqn, x: Pair) -> list:
    """e^x."""
    if x.imag is None:
        return [Pair(lax.exp(filled(x, shape_of(equation.invars[0])).real), None)]
    turned = Pair(lax.cos(x.imag), lax.sin(x.imag))
    return [turned if x.real is None else product(Pair(lax.exp(x.real), None), turned)]


def logarithm(equation: jex.JaxprEqn, x: Pair) -> list:
    """log |x| and the angle of x."""
    written = filled(x, shape_of(equation.invars[0]))
    return [Pair(lax.mul(0.5, lax.log(squares(written))), lax.atan2(written.imag, written.real))]


def power(equation: jex.JaxprEqn, x: Pair) -> list:
    """x to a whole power, by squares."""
    exponent = equation.params["y"] if equation.primitive.name == "integer_pow" else 2
    one = Pair(jnp.ones(shape_of(equation.invars[0])), None)
    result = x if exponent else one
    for bit in f"{abs(exponent):b}"[1:]:
        result = product(result, result)
        if bit == "1":
            result = product(result, x)
    return [quotient(one, result) if exponent < 0 else result]


def elementwise(function: Callable[..., Pair]) -> Rule:
    """A function of pairs; a number may meet an array."""

    def rule(equation: jex.JaxprEqn, *operands: Any) -> list:
        parts, shape = function(*map(parts_of, operands)), shape_of(equation.outvars[0])
        return [Pair(*(part if part is None else jnp.broadcast_to(part, shape) for part in parts))]

    return rule


def by_parts(function: Callable[[Any, Any], Any]) -> Rule:
    """A function of two real numbers that both parts take."""
    return elementwise(lambda x, y: Pair(*map(function, x, y)))


PAIRS: dict[str, Rule] = {
    **dict.fromkeys([name for name in MOVERS if name != "sort"], each_part),
    **dict.fromkeys(("reduce_sum", "cumsum"), each_part),
    **dict.fromkeys(("dot_general", "conv_general_dilated", *LAYOUTS), bilinear),
    "scatter-add": partial(each_part, apply=scattered),
    "complex": elementwise(made),
    "convert_element_type": converted,
    "real": part_of(0),
    "imag": part_of(1),
    "conj": conjugate,
    "neg": opposite,
    "add": by_parts(plus),
    "add_any": by_parts(plus),
    "sub": by_parts(minus),
    "mul": elementwise(product),
    "div": elementwise(quotient),
    "abs": absolute,
    "exp": exponential,
    "log": logarithm,
    "square": power,
    "integer_pow": power,
}
