"""Evaluate traced equations in 80 bits, NumPy's longdouble: what float64 is off by is the difference.

Where NumPy's longdouble is float64, as on some machines, or an equation has no row of NumPy's, float64 is all
there is, and the difference shows less.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import lagrad
from lagrad.derivatives.verification.numpy_values import ROWS, NoRow, one_at_a_time
from lagrad.precision import float64
from lagrad.primitives.calls import CALLS
from lagrad.program.program import numbered
from lagrad.program.walk import walk

# These take float64 alone in the table of rows.
OWN: dict[str, Any] = {
    "div": lambda x, y, **params: x / y,
    "pow": lambda x, y, **params: x**y,
    "integer_pow": lambda x, *, y, **params: x**y,
    "convert_element_type": lambda x, *, new_dtype, **params: converted(x, new_dtype),
}


def extended_values(derivatives: lagrad.Derivatives, x: np.ndarray) -> np.ndarray:
    """F = [f, c] at x, shape (m + 1,)."""
    program = numbered(derivatives.reference.closed, CALLS)
    rest = one_at_a_time(1000, 100_000)

    def visit(equation: Any, operands: list[Any]) -> tuple[Any, ...]:
        rows, avals = ROWS | OWN, [each.aval for each in equation.source.outvars]
        try:
            with np.errstate(all="ignore"):
                results = rows[equation.name](*operands, **equation.params)
        except (KeyError, NoRow, TypeError):
            results = rest(equation, list(map(single, operands)))
        results = results if isinstance(results, list | tuple) else [results]
        return tuple(
            np.broadcast_to(wide(each), aval.shape) for each, aval in zip(results, avals, strict=True)
        )

    inputs = dict(zip(program.inputs, map(wide, (x, *derivatives.leaves)), strict=True))
    with float64():
        values = walk(program.equations, {k: wide(v) for k, v in program.constants.items()} | inputs, visit)
    return np.concatenate([np.reshape(values[each], -1) for each in program.outputs])


def wide(value: Any) -> Any:
    """float64 as longdouble; all else, keys too, as it is."""
    return np.asarray(value, np.longdouble) if getattr(value, "dtype", None) == np.float64 else value


def single(value: np.ndarray) -> np.ndarray:
    """longdouble as float64."""
    return value.astype(np.float64) if value.dtype == np.longdouble else value


def converted(x: np.ndarray, dtype: Any) -> np.ndarray:
    """Another type; float64 stays longdouble."""
    return x.astype(np.longdouble if dtype == np.float64 else dtype)
