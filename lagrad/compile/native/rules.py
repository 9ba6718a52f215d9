"""Write the instructions of elementwise primitives.

Primitives that have no row here leave their program to XLA.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jax import lax

from lagrad.compile.native.code import Code, Value
from lagrad.compile.native.whole import TYPES
from lagrad.elements.partials import CUSTOM, INDEPENDENT
from lagrad.primitives.elementwise import ELEMENTWISE

Rule = Callable[..., Value]


def instruction(text: str) -> Rule:
    """An instruction on two numbers."""
    return lambda code, params, left, right: code.binary(text, left, right)


def comparison(condition: str) -> Rule:
    """A comparison of two float64 numbers, or of two truths; false with nan, but for "not equal"."""

    def rule(code: Code, params: dict, left: Value, right: Value) -> Value:
        if left.kind == "double":
            return code.binary(f"fcmp {condition}", left, right, "i1")
        signed = {"oeq": "eq", "une": "ne", "olt": "ult", "ole": "ule", "ogt": "ugt", "oge": "uge"}
        return code.binary(f"icmp {signed[condition]}", left, right, "i1")

    return rule


def intrinsic(name: str) -> Rule:
    """An LLVM intrinsic."""
    return lambda code, params, *operands: code.intrinsic(name, *operands)


def math(name: str) -> Rule:
    """A function of libm."""
    return lambda code, params, *operands: code.math(name, *operands)


def negative(code: Code, params: dict, value: Value) -> Value:
    """-x."""
    return code.negative(value)


def sign(code: Code, params: dict, value: Value) -> Value:
    """1, -1, or x itself where that is zero or nan."""
    zero = code.number(0.0)
    below = code.select(code.binary("fcmp olt", value, zero, "i1"), code.number(-1.0), value)
    return code.select(code.binary("fcmp ogt", value, zero, "i1"), code.number(1.0), below)


def integer_power(code: Code, params: dict, value: Value) -> Value:
    """x**y by repeated squares."""
    exponent, result, square = abs(params["y"]), None, value
    while exponent:
        if exponent & 1:
            result = square if result is None else code.binary("fmul contract", result, square)
        exponent >>= 1
        if exponent:
            square = code.binary("fmul contract", square, square)
    if result is None:
        return code.number(1.0)
    return result if params["y"] > 0 else code.binary("fdiv", code.number(1.0), result)


def square(code: Code, params: dict, value: Value) -> Value:
    """x * x."""
    return code.binary("fmul contract", value, value)


def inverse_root(code: Code, params: dict, value: Value) -> Value:
    """1 / sqrt(x)."""
    return code.binary("fdiv", code.number(1.0), code.intrinsic("sqrt", value))


def logistic(code: Code, params: dict, value: Value) -> Value:
    """1 / (1 + exp(-x))."""
    grown = code.math("exp", negative(code, params, value))
    return code.binary("fdiv", code.number(1.0), code.binary("fadd", code.number(1.0), grown))


def select(code: Code, params: dict, which: Value, *cases: Value) -> Value:
    """The second case where `which` holds, else the first."""
    return code.select(which, cases[1], cases[0])


def clamp(code: Code, params: dict, least: Value, value: Value, most: Value) -> Value:
    """x between two bounds."""
    return code.intrinsic("minimum", code.intrinsic("maximum", value, least), most)


def finite(code: Code, params: dict, value: Value) -> Value:
    """Whether x is a number less than infinity."""
    return code.binary("fcmp olt", code.intrinsic("fabs", value), code.number(np.inf), "i1")


def rounded(code: Code, params: dict, value: Value) -> Value:
    """The nearest whole number; of two the even one, or the one away from zero."""
    to_even = params["rounding_method"] == lax.RoundingMethod.TO_NEAREST_EVEN
    return code.intrinsic("roundeven" if to_even else "round", value)


def negation(code: Code, params: dict, value: Value) -> Value:
    """Not x."""
    return code.binary("xor", value, code.truth(True))


def conversion(code: Code, params: dict, value: Value) -> Value:
    """A truth as a number, a number as whether it is not zero, or the same again."""
    target = KINDS[np.dtype(params["new_dtype"])]
    if value.kind == target:
        return value
    if target == "i1":
        return code.truth_of(value)
    return code.value("double", f"uitofp {code.wide('i1')} {value.text} to {code.wide('double')}")


def same(code: Code, params: dict, value: Value, *shape) -> Value:
    """The operand: arrays of one number an element have one order only."""
    return value


def ordered(condition: str) -> Rule:
    """A comparison of float64 numbers by sign and size: -0 below +0, nan beyond infinity."""

    def rule(code: Code, params: dict, left: Value, right: Value) -> Value:
        return code.binary(f"icmp {condition}", rank(code, left), rank(code, right), "i1")

    return rule


def rank(code: Code, value: Value) -> Value:
    """A whole number that grows as float64 numbers do: their bits, those of negative ones turned over."""
    bits = code.value("i64", f"bitcast {code.wide('double')} {value.text} to {code.wide('i64')}")
    signs = code.binary("ashr", bits, code.everywhere("63", "i64"))
    return code.binary("xor", bits, code.binary("lshr", signs, code.everywhere("1", "i64")))


KINDS = {np.dtype(float): "double", np.dtype(bool): "i1", **dict.fromkeys(TYPES, "double")}

# What kind of instruction a row of the table of primitives names.
KINDS_OF_INSTRUCTION: dict[str, Callable[[str], Rule]] = {
    "instruction": instruction,
    "compare": comparison,
    "intrinsic": intrinsic,
    "function": math,
}


def named(machine: str) -> Rule:
    """The rule of a primitive that is one instruction, from its name in the table."""
    kind, name = machine.split(" ", 1)
    return KINDS_OF_INSTRUCTION[kind](name)


RULES: dict[str, Rule] = {
    **{name: named(facts.machine) for name, facts in ELEMENTWISE.items() if facts.machine},
    # Several instructions each.
    "neg": negative,
    "sign": sign,
    "integer_pow": integer_power,
    "square": square,
    "rsqrt": inverse_root,
    "logistic": logistic,
    "select_n": select,
    "clamp": clamp,
    "is_finite": finite,
    "not": negation,
    "round": rounded,
    "eq_to": ordered("eq"),
    "lt_to": ordered("slt"),
    "le_to": ordered("sle"),
    "convert_element_type": conversion,
    "broadcast_in_dim": same,
    "reshape": same,
    "squeeze": same,
    "expand_dims": same,
    "stop_gradient": same,
    CUSTOM: same,
    INDEPENDENT: same,
    "copy": same,
    "copy_p": same,
}
