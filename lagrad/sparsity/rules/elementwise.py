"""Elementwise primitives: a name in, which first and second derivatives can be nonzero out.

A row reads `operands | pairs`. The operands come in order, a dot where the derivative with
respect to that operand is always zero; the pairs name the second derivatives that can be
nonzero. So `"mul": "x y | xy"` has no diagonal and `"div": "x y | xy yy"` no (x, x). A final
`~` says that the first derivative jumps: nothing to second order, and still not affine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Interaction:
    """Which derivatives of one elementwise primitive can be nonzero.

    Args:
        first: one Boolean an operand: can the first derivative be nonzero.
        second: pairs (i, j), i <= j, of operands whose second derivative can be nonzero.
        jumps: the first derivative is not continuous, so the output is not affine
            although `second` is empty.
    """

    first: tuple[bool, ...]
    second: frozenset[tuple[int, int]]
    jumps: bool = False

    @property
    def is_linear(self) -> bool:
        """Whether the output is linear in the operands it can be differentiated by."""
        return not self.second and not self.jumps


def parse(row: str) -> Interaction:
    """Read a row of the table.

    Args:
        row: "operands | pairs" or "operands | pairs ~", see the top of this file.

    Returns:
        The same as an Interaction.

    >>> sorted(parse("x y | xy yy").second)
    [(0, 1), (1, 1)]
    """
    operands, pairs = (part.split() for part in row.replace("~", "").split("|"))
    second = frozenset((operands.index(a), operands.index(b)) for a, b in pairs)
    return Interaction(tuple(name != "." for name in operands), second, "~" in row)


_ROWS = {
    # linear
    "add": "x y |",
    "add_any": "x y |",
    "sub": "x y |",
    "neg": "x |",
    "copy": "x |",
    "copy_p": "x |",
    "convert_element_type": "x |",
    "reduce_precision": "x |",
    "real": "x |",
    "imag": "x |",
    "conj": "x |",
    "complex": "x y |",
    "name": "x |",
    "sharding_constraint": "x |",
    "layout_constraint": "x |",
    "reshard": "x |",
    "pvary": "x |",
    "pin": "x |",
    "unpin": "x |",
    "tie": ". x |",
    # products and quotients
    "mul": "x y | xy",
    "div": "x y | xy yy",
    "square": "x | xx",
    "integer_pow": "x | xx",
    "pow": "x y | xx xy yy",
    "sqrt": "x | xx",
    "rsqrt": "x | xx",
    "cbrt": "x | xx",
    # piecewise linear
    "max": "x y | ~",
    "min": "x y | ~",
    "abs": "x | ~",
    "rem": "x y | ~",
    "clamp": "x y z | ~",
    "select_n": ". x y |",
    # exponentials and logarithms
    "exp": "x | xx",
    "exp2": "x | xx",
    "expm1": "x | xx",
    "log": "x | xx",
    "log1p": "x | xx",
    "logistic": "x | xx",
    # trigonometry
    "sin": "x | xx",
    "cos": "x | xx",
    "tan": "x | xx",
    "asin": "x | xx",
    "acos": "x | xx",
    "atan": "x | xx",
    "atan2": "x y | xx xy yy",
    "sinh": "x | xx",
    "cosh": "x | xx",
    "tanh": "x | xx",
    "asinh": "x | xx",
    "acosh": "x | xx",
    "atanh": "x | xx",
    # special functions
    "erf": "x | xx",
    "erfc": "x | xx",
    "erf_inv": "x | xx",
    "lgamma": "x | xx",
    "digamma": "x | xx",
    "polygamma": "x y | xx xy yy",
    "zeta": "x y | xx xy yy",
    "igamma": "x y | xx xy yy",
    "igammac": "x y | xx xy yy",
    "igamma_grad_a": "x y | xx xy yy",
    "random_gamma": ". x | xx",
    "random_gamma_grad": "x y | xx xy yy",
    "regularized_incomplete_beta": "x y z | xx xy xz yy yz zz",
    "bessel_i0e": "x | xx",
    "bessel_i1e": "x | xx",
    # piecewise constant
    "sign": ". |",
    "floor": ". |",
    "ceil": ". |",
    "round": ". |",
    "nextafter": ". . |",
    "is_finite": ". |",
    "stop_gradient": ". |",
    "eq": ". . |",
    "ne": ". . |",
    "lt": ". . |",
    "le": ". . |",
    "gt": ". . |",
    "ge": ". . |",
    "eq_to": ". . |",
    "lt_to": ". . |",
    "le_to": ". . |",
    "and": ". . |",
    "or": ". . |",
    "xor": ". . |",
    "not": ". |",
    "shift_left": ". . |",
    "shift_right_logical": ". . |",
    "shift_right_arithmetic": ". . |",
    "mulhi": ". . |",
    "population_count": ". |",
    "clz": ". |",
}

ELEMENTWISE: dict[str, Interaction] = {name: parse(row) for name, row in _ROWS.items()}

_POWERS = {0: ". |", 1: "x |"}


def interactions(name: str, params: Mapping[str, Any], arity: int = 3) -> Interaction | None:
    """Which derivatives of one elementwise equation can be nonzero.

    Args:
        name: the primitive's name.
        params: the equation's parameters; some rows depend on them.
        arity: number of operands, which only `select_n` needs.

    Returns:
        The row, or None if the primitive is not elementwise.

    >>> interactions("integer_pow", {"y": 1}).second
    frozenset()
    """
    if name == "integer_pow":
        return parse(_POWERS.get(params["y"], "x | xx"))
    if name == "select_n":
        return Interaction((False,) + (True,) * (arity - 1), frozenset())
    if name == "convert_element_type" and not np.issubdtype(np.dtype(params["new_dtype"]), np.inexact):
        return parse(". |")
    return ELEMENTWISE.get(name)
