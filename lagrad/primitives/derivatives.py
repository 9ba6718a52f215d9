"""Differentiate elementwise primitives: partial derivatives as formulas of primitives.

A row has one formula an operand for the first derivatives, and one a pair of operands for the second ones; a
pair that is missing is zero everywhere. Formulas take the operands, then the result, then the equation's
parameters by keyword. What has no row here is left to JAX.

At a kink a formula gives what JAX gives: half of each slope at a tie of `max` and `min`, the slope of the
right at `abs(0)`, nothing at the ends of `clamp`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import log as log_of
from math import pi, sqrt
from typing import Any

import numpy as np

from lagrad.primitives.expression import Expression, Term, function

Formula = Callable[..., Term]

absolute, ceil, cos, cosh, digamma, exp, floor, log, logistic, polygamma, power, rsqrt, sign, sin, sinh = map(
    function,
    (
        *("abs", "ceil", "cos", "cosh", "digamma", "exp", "floor", "log", "logistic", "polygamma", "pow"),
        *("rsqrt", "sign", "sin", "sinh"),
    ),
)


@dataclass(frozen=True)
class Row:
    """Partial derivatives of one primitive.

    Args:
        first: one formula an operand; None for zero.
        second: (i, j), i <= j -> formula of the second derivative by operands i and j.
    """

    first: tuple[Formula | None, ...]
    second: Mapping[tuple[int, int], Formula] = field(default_factory=dict)


def of_one(first: Formula, second: Formula) -> Row:
    """A row of a function of one number."""
    return Row((first,), {(0, 0): second})


def constant(value: float) -> Formula:
    """A derivative that is the same everywhere."""
    return lambda *operands, **params: value


def flat(arity: int) -> Row:
    """A row of a function that is constant but for jumps."""
    return Row((None,) * arity)


def squared(x: Expression) -> Expression:
    """x^2."""
    return x.of("square")


def without_zero(x: Expression) -> Expression:
    """x, one in place of zero."""
    return x.equals(0.0).where(1.0, x)


def scaled_power(factor: Expression, x: Expression, exponent: Expression) -> Expression:
    """factor x^exponent, zero where the factor is, even where the power is infinite."""
    return factor.equals(0.0).where(0.0, factor * power(x, exponent))


def mixed_power(power: Expression, x: Expression, y: Expression) -> Expression:
    """x^(y - 1) (1 + y log x), zero where the power is, and at (0, 1), as in JAX."""
    one = x.equals(0.0).where(0.0, 1.0)
    return power.equals(0.0).where(0.0, power * (one + y * log(without_zero(x))))


def integer_power(x: Expression, exponent: int) -> Term:
    """x^exponent."""
    return 1.0 if exponent == 0 else x if exponent == 1 else x**exponent


def share(x: Expression, y: Expression, larger: Expression) -> Expression:
    """One where x is chosen, half where both are, else zero."""
    return larger.where(1.0, x.equals(y).where(0.5, 0.0))


def whole_part(x: Expression) -> Expression:
    """x without its fraction, towards zero."""
    return sign(x) * floor(absolute(x))


def between(low: Expression, x: Expression, high: Expression) -> Expression:
    """One where x lies between its bounds, else zero."""
    return (x > low).where((x < high).where(1.0, 0.0), 0.0)


ROOT_OF_PI = sqrt(pi)
LOG_2 = log_of(2.0)

ROWS: dict[str, Row] = {
    # linear
    **dict.fromkeys(("add", "add_any"), Row((constant(1.0), constant(1.0)))),
    "sub": Row((constant(1.0), constant(-1.0))),
    "neg": Row((constant(-1.0),)),
    **dict.fromkeys(("copy", "copy_p"), Row((constant(1.0),))),
    # products, quotients and powers
    "mul": Row((lambda x, y, z: y, lambda x, y, z: x), {(0, 1): constant(1.0)}),
    "div": Row(
        (lambda x, y, z: 1.0 / y, lambda x, y, z: -(z / y)),
        {(0, 1): lambda x, y, z: -squared(1.0 / y), (1, 1): lambda x, y, z: 2.0 * (z / y) * (1.0 / y)},
    ),
    "square": of_one(lambda x, z: 2.0 * x, constant(2.0)),
    "integer_pow": of_one(
        lambda x, z, y: 0.0 if y == 0 else integer_power(x, y - 1) * float(y),
        lambda x, z, y: 0.0 if y in (0, 1) else integer_power(x, y - 2) * float(y * (y - 1)),
    ),
    "pow": Row(
        (
            lambda x, y, z: scaled_power(y, x, y - 1.0),
            lambda x, y, z: log(without_zero(x)) * z,
        ),
        {
            (0, 0): lambda x, y, z: scaled_power(y * (y - 1.0), x, y - 2.0),
            (0, 1): lambda x, y, z: mixed_power(power(x, y - 1.0), x, y),
            (1, 1): lambda x, y, z: squared(log(without_zero(x))) * z,
        },
    ),
    "sqrt": of_one(lambda x, z: 0.5 / z, lambda x, z: -0.5 * (0.5 / z) / x),
    "rsqrt": of_one(lambda x, z: -0.5 * (z / x), lambda x, z: 0.75 * (z / x) / x),
    "cbrt": of_one(lambda x, z: (1 / 3) / squared(z), lambda x, z: (-2 / 3) * ((1 / 3) / squared(z)) / x),
    # exponentials and logarithms
    "exp": of_one(lambda x, z: z, lambda x, z: z),
    "exp2": of_one(lambda x, z: LOG_2 * z, lambda x, z: LOG_2**2 * z),
    # expm1(x) + 1 has no digits left far below zero.
    "expm1": of_one(lambda x, z: exp(x), lambda x, z: exp(x)),
    "log": of_one(lambda x, z: 1.0 / x, lambda x, z: -squared(1.0 / x)),
    "log1p": of_one(lambda x, z: 1.0 / (1.0 + x), lambda x, z: -squared(1.0 / (1.0 + x))),
    # 1 - logistic(x) has no digits left far above zero.
    "logistic": of_one(lambda x, z: z * logistic(-x), lambda x, z: (z * logistic(-x)) * (logistic(-x) - z)),
    # trigonometry
    "sin": of_one(lambda x, z: cos(x), lambda x, z: -z),
    "cos": of_one(lambda x, z: -sin(x), lambda x, z: -z),
    "tan": of_one(lambda x, z: 1.0 + squared(z), lambda x, z: 2.0 * z * (1.0 + squared(z))),
    "asin": of_one(lambda x, z: inverse_leg(x), lambda x, z: x * inverse_leg(x) ** 3),
    "acos": of_one(lambda x, z: -inverse_leg(x), lambda x, z: -(x * inverse_leg(x) ** 3)),
    "atan": of_one(
        lambda x, z: 1.0 / (1.0 + squared(x)), lambda x, z: -2.0 * x * squared(1.0 / (1.0 + squared(x)))
    ),
    "atan2": Row(
        (lambda x, y, z: across(y, x), lambda x, y, z: -across(x, y)),
        {
            (0, 0): lambda x, y, z: -2.0 * (across(x, y) * across(y, x)),
            (0, 1): lambda x, y, z: (across(x, y) - across(y, x)) * (across(x, y) + across(y, x)),
            (1, 1): lambda x, y, z: 2.0 * (across(x, y) * across(y, x)),
        },
    ),
    "sinh": of_one(lambda x, z: cosh(x), lambda x, z: z),
    "cosh": of_one(lambda x, z: sinh(x), lambda x, z: z),
    "tanh": of_one(lambda x, z: (1.0 - z) * (1.0 + z), lambda x, z: -2.0 * z * ((1.0 - z) * (1.0 + z))),
    "asinh": of_one(lambda x, z: rsqrt(1.0 + squared(x)), lambda x, z: -(x * rsqrt(1.0 + squared(x)) ** 3)),
    "acosh": of_one(
        lambda x, z: rsqrt((x - 1.0) * (x + 1.0)), lambda x, z: -(x * rsqrt((x - 1.0) * (x + 1.0)) ** 3)
    ),
    "atanh": of_one(
        lambda x, z: 1.0 / ((1.0 - x) * (1.0 + x)),
        lambda x, z: 2.0 * x * squared(1.0 / ((1.0 - x) * (1.0 + x))),
    ),
    # special functions
    "erf": of_one(
        lambda x, z: (2 / ROOT_OF_PI) * exp(-squared(x)),
        lambda x, z: (-4 / ROOT_OF_PI) * x * exp(-squared(x)),
    ),
    "erfc": of_one(
        lambda x, z: (-2 / ROOT_OF_PI) * exp(-squared(x)),
        lambda x, z: (4 / ROOT_OF_PI) * x * exp(-squared(x)),
    ),
    "erf_inv": of_one(
        lambda x, z: (ROOT_OF_PI / 2) * exp(squared(z)),
        lambda x, z: 2.0 * z * squared((ROOT_OF_PI / 2) * exp(squared(z))),
    ),
    "lgamma": of_one(lambda x, z: digamma(x), lambda x, z: polygamma(x.constant(1.0), x)),
    "digamma": of_one(lambda x, z: polygamma(x.constant(1.0), x), lambda x, z: polygamma(x.constant(2.0), x)),
    # kinks
    "max": Row((lambda x, y, z: share(x, y, x > y), lambda x, y, z: share(y, x, y > x))),
    "min": Row((lambda x, y, z: share(x, y, x < y), lambda x, y, z: share(y, x, y < x))),
    "abs": Row((lambda x, z: (x >= 0.0).where(1.0, -1.0),)),
    "rem": Row((constant(1.0), lambda x, y, z: -whole_part(x / y))),
    "clamp": Row(
        (
            lambda low, x, high, z: (x < low).where((low < high).where(1.0, 0.0), 0.0),
            lambda low, x, high, z: between(low, x, high),
            lambda low, x, high, z: (x > high).where(1.0, 0.0),
        )
    ),
    "select_n": Row(
        (
            None,
            lambda which, no, yes, z: which.where(0.0, 1.0),
            lambda which, no, yes, z: which.where(1.0, 0.0),
        )
    ),
    # flat but for jumps
    **dict.fromkeys(("sign", "floor", "ceil", "round", "is_finite", "not", "stop_gradient"), flat(1)),
    **dict.fromkeys(("eq", "ne", "lt", "le", "gt", "ge", "and", "or", "xor", "nextafter"), flat(2)),
}


def inverse_leg(x: Expression) -> Expression:
    """1 / sqrt(1 - x^2), exact near its poles."""
    return rsqrt((1.0 - x) * (1.0 + x))


def across(x: Expression, y: Expression) -> Expression:
    """x / (x^2 + y^2)."""
    return x / (squared(x) + squared(y))


def row_of(name: str, params: Mapping[str, Any]) -> Row | None:
    """Partial derivatives of one equation.

    Args:
        name: of its primitive.
        params: its parameters.

    Returns:
        Row; None if JAX has to differentiate it.
    """
    if name == "convert_element_type":
        return Row((constant(1.0),)) if np.dtype(params["new_dtype"]) == np.float64 else flat(1)
    return ROWS.get(name)
