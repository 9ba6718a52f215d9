"""Write the instructions of whole numbers, which are held as float64: places in tables, and what makes them.

They are exact up to 2^53; those of 32 bits wrap as they do in XLA. Products other than by small known factors
are left to XLA, for they grow beyond that. Zero is +0 always.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lagrad.compile.native.code import Code, Value
from lagrad.elements.tape import FLOAT

# Whole numbers beyond this are not all float64.
MOST_EXACT = 2**53
# (code, type of the result, parameters, operands) -> value.
WholeRule = Callable[..., Value]

# Factors of products.
LARGEST_FACTOR = 2**20
TYPES = tuple(map(np.dtype, ("int32", "uint32", "int64")))


def is_whole(dtype: np.dtype) -> bool:
    """Whether a type is one of those here; nearly all are float64, and one object."""
    return dtype is not FLOAT and dtype in TYPES


def wrapped(code: Code, dtype: np.dtype, value: Value) -> Value:
    """A whole number within its type."""
    if dtype.itemsize > 4:
        return value
    period, least = code.number(2.0**32), code.number(float(np.iinfo(dtype).min))
    shifted = code.binary("fsub", value, least)
    turns = code.intrinsic("floor", code.binary("fmul", shifted, code.number(2.0**-32)))
    return code.binary("fsub", value, code.binary("fmul", turns, period))


def arithmetic(instruction: str) -> WholeRule:
    """A sum or difference."""

    def rule(code: Code, dtype: np.dtype, params: dict, left: Value, right: Value) -> Value:
        return wrapped(code, dtype, code.binary(instruction, left, right))

    return rule


def product(code: Code, dtype: np.dtype, params: dict, left: Value, right: Value) -> Value:
    """x y."""
    return wrapped(code, dtype, positive(code, code.binary("fmul", left, right)))


def absolute(code: Code, dtype: np.dtype, params: dict, value: Value) -> Value:
    """|x|."""
    return wrapped(code, dtype, code.intrinsic("fabs", value))


def sign(code: Code, dtype: np.dtype, params: dict, value: Value) -> Value:
    """1, 0 or -1."""
    within = code.intrinsic("maximum", value, code.number(-1.0))
    return code.intrinsic("minimum", within, code.number(1.0))


def negative(code: Code, dtype: np.dtype, params: dict, value: Value) -> Value:
    """-x."""
    return wrapped(code, dtype, code.binary("fsub", code.number(0.0), value))


def quotient(code: Code, dtype: np.dtype, params: dict, left: Value, right: Value) -> Value:
    """Quotient rounded toward zero; -1 for a divisor of zero, as in XLA."""
    zero = code.number(0.0)
    found = positive(code, code.intrinsic("trunc", code.binary("fdiv", left, right)))
    ones = -1.0 if np.issubdtype(dtype, np.signedinteger) else float(np.iinfo(dtype).max)
    return code.select(code.binary("fcmp oeq", right, zero, "i1"), code.number(ones), found)


def remainder(code: Code, dtype: np.dtype, params: dict, left: Value, right: Value) -> Value:
    """Remainder with the sign of x; x itself for a divisor of zero, as in XLA."""
    found = positive(code, code.binary("frem", left, right))
    return code.select(code.binary("fcmp oeq", right, code.number(0.0), "i1"), left, found)


def converted(code: Code, dtype: np.dtype, params: dict, value: Value) -> Value:
    """A number without its fraction, within the type; nan is zero, as in XLA."""
    if value.kind == "i1":
        return code.select(value, code.number(1.0), code.number(0.0))
    limits = np.iinfo(dtype)
    number = code.select(code.binary("fcmp ord", value, value, "i1"), value, code.number(0.0))
    within = code.intrinsic("maximum", number, code.number(float(limits.min)))
    within = code.intrinsic("minimum", within, code.number(float(limits.max)))
    return positive(code, code.intrinsic("trunc", within))


def positive(code: Code, value: Value) -> Value:
    """The same with the sign of zero taken away."""
    return code.binary("fadd", value, code.number(0.0))


# What is done with whole numbers as with others.
ALIKE = frozenset(
    (
        *("max", "min", "clamp", "select_n", "copy", "copy_p", "stop_gradient"),
        *("broadcast_in_dim", "reshape", "squeeze", "expand_dims"),
    )
)
WHOLE: dict[str, WholeRule] = {
    "add": arithmetic("fadd"),
    "sub": arithmetic("fsub"),
    "mul": product,
    "neg": negative,
    "abs": absolute,
    "sign": sign,
    "div": quotient,
    "rem": remainder,
    "convert_element_type": converted,
}
