"""Evaluate a list of operations, most of them on single numbers, by Python's and NumPy's arithmetic.

What was rolled up of a list is held against this. Python's floats are as exact as NumPy's, and ten times
faster; where they raise an error, NumPy gives infinity or nan.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from lagrad.derivatives.verification.numpy_rows import FLOAT64, NoRow
from lagrad.derivatives.verification.numpy_values import Left, apply, refused, scalar
from lagrad.program.equation import Equation
from lagrad.program.program import Origin
from lagrad.tracing import Operation

# Primitive -> a function of Python's floats.
NUMBERS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "neg": operator.neg,
    "abs": abs,
    "pow": math.pow,
    **{name: getattr(math, name) for name in ("sqrt", "exp", "log", "expm1", "log1p")},
    **{name: getattr(math, name) for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    "asin": math.asin,
    "acos": math.acos,
    "atan": math.atan,
    "atan2": math.atan2,
}
# (values so far, operands as the list has them) -> value.
Rule = Callable[[list[Any], Any], Any]


def listed_values(
    origin: Origin, x: np.ndarray, leaves: Sequence[Any], left: Left = refused
) -> np.ndarray | None:
    """F = [f, c] at x, shape (m + 1,); None where an operation has no row, and `left` refuses it.

    Args:
        origin: what was listed.
        x: shape (n,).
        leaves: of the params.
        left: (equation, operands) -> results of equations that have no row; see `one_at_a_time`.
    """
    arguments = origin.arguments(x, *leaves)
    try:
        with np.errstate(all="ignore"):
            try:
                return evaluated(origin, arguments, partial(of_numbers, left=left))
            except (ArithmeticError, ValueError):
                return evaluated(origin, arguments, partial(of_arrays, left=left))
    except NoRow:
        return None


def evaluated(origin: Origin, arguments: Sequence[Any], rule_of: Callable[[Operation], Rule]) -> np.ndarray:
    """F with a rule for each operation."""
    listing, rules, values = origin.listing, dict[Operation, Rule](), list[Any]()
    # Others, random keys for example, are no arrays of NumPy's.
    given = {n: np.asarray(leaf) for n, leaf in zip(listing.inputs, arguments, strict=True) if n is not None}
    for operation, operands in zip(listing.operations, listing.operands, strict=True):
        if operation.name == "input":
            leaf = given[len(values)]
            values.append(Entries(leaf) if leaf.ndim else float(leaf))
            continue
        if (rule := rules.get(operation)) is None:
            rule = rules[operation] = rule_of(operation)
        values.append(rule(values, operands))
    return np.concatenate([np.reshape(plain(values[each]), -1) for each in listing.outputs]).astype(float)


class Entries:
    """An input, its entries as Python's numbers.

    Args:
        array: the whole.
    """

    def __init__(self, array: np.ndarray) -> None:
        self.array, self.flat = array, array.reshape(-1).tolist()


def plain(value: Any) -> Any:
    """The array that an input is, and anything else as it is."""
    return value.array if type(value) is Entries else value


def of_arrays(operation: Operation, left: Left) -> Rule:
    """The rule of an operation on NumPy's numbers and arrays."""
    if operation.name == "constant":
        return lambda values, array: scalar(array)
    if operation.name == "entries":
        shape, size = operation.aval.shape, operation.aval.size

        def entries(values: list[Any], place: Any) -> Any:
            number, first, _ = place
            return scalar(values[number].array.reshape(-1)[first : first + size].reshape(shape))

        return entries
    function = applied(operation, left)
    return lambda values, operands: function([plain(values[each]) for each in operands])


def of_numbers(operation: Operation, left: Left) -> Rule:
    """The rule of an operation on Python's numbers where it is one of these, on arrays otherwise."""
    if operation.name == "constant" and operation.aval.shape == () and operation.aval.dtype == FLOAT64:
        return lambda values, array: float(array)
    if operation.name == "entries" and operation.aval.shape == ():
        return lambda values, place: values[place[0]].flat[place[1]]
    avals = operation.aval, *operation.avals
    if operation.primitive is None or not all(each.shape == () and each.dtype == FLOAT64 for each in avals):
        return of_arrays(operation, left)
    if operation.name == "integer_pow":
        power = operation.params["y"]
        return lambda values, operands: values[operands[0]] ** power
    function = NUMBERS.get(operation.name)
    if function is None:
        general = applied(operation, left)
        return lambda values, operands: general([values[each] for each in operands])
    if len(operation.avals) == 1:
        return lambda values, operands: function(values[operands[0]])
    return lambda values, operands: function(values[operands[0]], values[operands[1]])


def applied(operation: Operation, left: Left) -> Callable[[list[Any]], Any]:
    """Operands of an operation, NumPy's numbers and arrays, to its result."""
    equation = Equation(operation.equation, operation.name, (), ())

    def result(operands: list[Any]) -> Any:
        operands = [np.float64(each) if type(each) is float else each for each in operands]
        try:
            return apply(equation, operands)[0]
        except NoRow:
            return left(equation, operands)[0]

    return result
