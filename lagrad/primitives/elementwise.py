"""Look up what is true of an elementwise primitive: one row each, and nowhere else.

To add a primitive, add a row. What a row may say, beside its derivatives (see `interaction`):

    numpy       the NumPy function that gives the same numbers, for operands that are known
    machine     its instruction: "instruction fadd", "compare olt", "intrinsic fabs" of LLVM, "function sin"
                of the C library; a few need several, which `compile.native.rules` has by name
    expensive   evaluating it takes much longer than loading its result from memory
    signs       it is the sum of its operands with these signs
    parity      f(-x) is this times f(x), 1 or -1, to the last bit of machine code
    degree      it is a polynomial of this degree in its operand
    zeros       operand -> the other one that decides the result, and ends the derivative, where it is zero
    of_complex  derivatives for complex operands, where they differ
    kink        where derivatives fail: at "zero", a "tie" of two operands, "limits", "whole" or "half" ones
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jax.extend import core as jex

from lagrad.primitives.equations import is_complex, is_inexact
from lagrad.primitives.interaction import Interaction, parse


@dataclass(frozen=True)
class Elementwise:
    """One row of the table; see the top of this file."""

    interaction: Interaction
    numpy: Callable[..., Any] | None = None
    machine: str = ""
    expensive: bool = False
    signs: tuple[float, ...] = ()
    parity: int = 0
    degree: int = 0
    zeros: Mapping[int, int] = field(default_factory=dict)
    of_complex: Interaction | None = None
    kink: str = ""


def row(derivatives: str, numpy: Callable[..., Any] | None = None, machine: str = "", **facts) -> Elementwise:
    """A row from the text of its derivatives.

    >>> row("x y | xy").interaction.second
    frozenset({(0, 1)})
    """
    return Elementwise(parse(derivatives), numpy, machine, **facts)


def function(
    derivatives: str, numpy: Callable[..., Any] | None = None, name: str = "", parity: int = 0
) -> Elementwise:
    """The row of a transcendental function, called `name` in the C library if it is there."""
    return row(derivatives, numpy, f"function {name}" if name else "", expensive=True, parity=parity)


def comparison(numpy: Callable[..., Any], condition: str, kink: str = "") -> Elementwise:
    """The row of a comparison, by LLVM's name of the condition."""
    return row(". . |", numpy, f"compare {condition}", kink=kink)


def by_rank(compare: Callable[..., Any]) -> Callable[..., Any]:
    """A comparison of floats by sign and size: -0 below +0, nan beyond infinity."""
    return lambda x, y: compare(rank(np.asarray(x)), rank(np.asarray(y)))


def rank(x: np.ndarray) -> np.ndarray:
    """Whole numbers in the order of floats: their bits, those of negative ones turned over."""
    if x.dtype.kind != "f":
        return x
    bits = x.view(f"i{x.dtype.itemsize}")
    return np.where(bits < 0, bits ^ np.iinfo(bits.dtype).max, bits)


NAN_MAXIMUM, NAN_MINIMUM = "intrinsic maximum", "intrinsic minimum"

ELEMENTWISE: dict[str, Elementwise] = {
    # linear; products and sums may be fused into one instruction, as XLA does, nothing else is rearranged
    "add": row("x y |", np.add, "instruction fadd contract", signs=(1.0, 1.0)),
    "add_any": row("x y |", np.add, "instruction fadd contract", signs=(1.0, 1.0)),
    "sub": row("x y |", np.subtract, "instruction fsub contract", signs=(1.0, -1.0)),
    "neg": row("x |", np.negative, signs=(-1.0,)),
    "copy": row("x |", signs=(1.0,)),
    "copy_p": row("x |", signs=(1.0,)),
    "convert_element_type": row("x |"),
    "reduce_precision": row("x |"),
    "real": row("x |", np.real),
    "imag": row("x |", np.imag),
    "conj": row("x |", np.conj),
    "complex": row("x y |"),
    "name": row("x |"),
    "sharding_constraint": row("x |"),
    "layout_constraint": row("x |"),
    "reshard": row("x |"),
    "pvary": row("x |"),
    "pin": row("x |"),
    "unpin": row("x |"),
    "tie": row(". x |"),
    # products and quotients
    "mul": row("x y | xy", np.multiply, "instruction fmul contract", zeros={0: 1, 1: 0}),
    "div": row("x y | xy yy", None, "instruction fdiv", zeros={1: 0}),
    "square": row("x | xx", np.square, degree=2),
    "integer_pow": row("x | xx"),
    "pow": row("x y | xx xy yy", None, "function pow", expensive=True, zeros={0: 1}),
    "sqrt": row("x | xx", np.sqrt, "intrinsic sqrt", expensive=True, kink="zero"),
    "rsqrt": function("x | xx"),
    "cbrt": row("x | xx", np.cbrt, "function cbrt", expensive=True, kink="zero"),
    # piecewise linear; of anything and nan, the larger and the smaller are nan
    "max": row("x y | ~", np.maximum, NAN_MAXIMUM, kink="tie"),
    "min": row("x y | ~", np.minimum, NAN_MINIMUM, kink="tie"),
    "abs": row("x | ~", np.abs, "intrinsic fabs", kink="zero", of_complex=parse("x | xx")),
    "rem": row("x y | ~", None, "instruction frem"),
    "clamp": row("x y z | ~", kink="limits"),
    "select_n": row(". x y |"),
    # exponentials and logarithms
    "exp": function("x | xx", np.exp, "exp"),
    "exp2": function("x | xx", np.exp2, "exp2"),
    "expm1": function("x | xx", np.expm1, "expm1"),
    "log": function("x | xx", np.log, "log"),
    "log1p": function("x | xx", np.log1p, "log1p"),
    "logistic": function("x | xx"),
    # trigonometry
    "sin": function("x | xx", np.sin, "sin", parity=-1),
    "cos": function("x | xx", np.cos, "cos", parity=1),
    "tan": function("x | xx", np.tan, "tan", parity=-1),
    "asin": function("x | xx", np.arcsin, "asin"),
    "acos": function("x | xx", np.arccos, "acos"),
    "atan": function("x | xx", np.arctan, "atan", parity=-1),
    "atan2": function("x y | xx xy yy", np.arctan2, "atan2"),
    "sinh": function("x | xx", np.sinh, "sinh"),
    "cosh": function("x | xx", np.cosh, "cosh", parity=1),
    "tanh": function("x | xx", np.tanh, "tanh", parity=-1),
    "asinh": function("x | xx", np.arcsinh, "asinh"),
    "acosh": function("x | xx", np.arccosh, "acosh"),
    "atanh": function("x | xx", np.arctanh, "atanh"),
    # special functions
    "erf": function("x | xx", None, "erf"),
    "erfc": function("x | xx", None, "erfc"),
    "erf_inv": function("x | xx"),
    "lgamma": function("x | xx", None, "lgamma"),
    "digamma": function("x | xx"),
    "polygamma": function("x y | xx xy yy"),
    "zeta": function("x y | xx xy yy"),
    "igamma": function("x y | xx xy yy"),
    "igammac": function("x y | xx xy yy"),
    "igamma_grad_a": function("x y | xx xy yy"),
    "random_gamma": function(". x | xx"),
    "random_gamma_grad": function("x y | xx xy yy"),
    "regularized_incomplete_beta": function("x y z | xx xy xz yy yz zz"),
    "bessel_i0e": function("x | xx"),
    "bessel_i1e": function("x | xx"),
    # piecewise constant
    "sign": row(". |", np.sign, kink="zero", of_complex=parse("x | xx")),
    "floor": row(". |", np.floor, "intrinsic floor", kink="whole"),
    "ceil": row(". |", np.ceil, "intrinsic ceil", kink="whole"),
    "round": row(". |", kink="half"),
    "nextafter": row(". . |"),
    "is_finite": row(". |", np.isfinite),
    "stop_gradient": row(". |", np.asarray),
    "eq": comparison(np.equal, "oeq"),
    "ne": comparison(np.not_equal, "une"),
    "lt": comparison(np.less, "olt", "tie"),
    "le": comparison(np.less_equal, "ole", "tie"),
    "gt": comparison(np.greater, "ogt", "tie"),
    "ge": comparison(np.greater_equal, "oge", "tie"),
    "eq_to": row(". . |", by_rank(np.equal)),
    "lt_to": row(". . |", by_rank(np.less)),
    "le_to": row(". . |", by_rank(np.less_equal)),
    "and": row(". . |", np.bitwise_and, "instruction and"),
    "or": row(". . |", np.bitwise_or, "instruction or"),
    "xor": row(". . |", np.bitwise_xor, "instruction xor"),
    "not": row(". |", np.invert),
    "shift_left": row(". . |"),
    "shift_right_logical": row(". . |"),
    "shift_right_arithmetic": row(". . |"),
    "mulhi": row(". . |"),
    "population_count": row(". |"),
    "clz": row(". |"),
}

_POWERS = {0: parse(". |"), 1: parse("x |")}


def interaction_of(equation: jex.JaxprEqn) -> Interaction | None:
    """Which derivatives of an equation can be nonzero.

    Args:
        equation: one traced equation; some rows depend on its parameters.

    Returns:
        The row, or None if the primitive is not elementwise.

    >>> interaction_of(jax.make_jaxpr(lambda x: jax.lax.integer_pow(x, 1))(2.0).eqns[0]).second
    frozenset()
    """
    name, params = equation.primitive.name, equation.params
    found = ELEMENTWISE.get(name)
    if found is None:
        return None
    if name == "integer_pow" and params["y"] in _POWERS:
        return _POWERS[params["y"]]
    if name == "select_n":
        return Interaction((False,) + (True,) * (len(equation.invars) - 1), frozenset())
    if name == "convert_element_type" and not is_inexact(equation.outvars[0].aval):
        return parse(". |")
    if found.of_complex is not None and is_complex(equation.invars[0].aval):
        return found.of_complex
    return found.interaction


def degree_of(equation: jex.JaxprEqn) -> int:
    """Degree of an elementwise equation as a polynomial in its operand; 0 if it is none.

    >>> degree_of(jax.make_jaxpr(lambda x: x**3)(2.0).eqns[0])
    3
    """
    if equation.primitive.name == "integer_pow":
        return max(equation.params["y"], 0)
    found = ELEMENTWISE.get(equation.primitive.name)
    return 0 if found is None else found.degree
