"""The rules of elementwise equations: what the table of primitives says of them becomes links and bends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from math import prod
from typing import Any

import numpy as np
from jax.extend import core as jex

from lagrad.primitives.elementwise import ELEMENTWISE, degree_of, interaction_of
from lagrad.primitives.interaction import Interaction, parse
from lagrad.sparsity.links import SAME, Degree, Link, Same, Take
from lagrad.sparsity.rule_result import Bend, RuleResult, linked
from lagrad.sparsity.value import GENERAL, Value, simplest


def tabled(equation: jex.JaxprEqn, *operands: Value, **params) -> RuleResult:
    """The rule of a primitive with a row in the table."""
    row = interaction_of(equation)
    assert row is not None
    return by_element(equation, operands, row)


def elementwise(derivatives: str) -> Callable[..., RuleResult]:
    """The rule of a primitive of your own that acts on each element.

    Args:
        derivatives: its operands in order, a dot for one that it has no derivative by, and behind a bar the
            pairs whose second derivative can be nonzero: "x y | xy" for a product, "x | xx" for a sine, "x |"
            for what is linear. A final "~" says that the first derivative jumps.

    Returns:
        Rule, for the argument `rules`.

    >>> import lagrad
    >>> rules = {"softsine": elementwise("x | xx")}
    >>> lagrad.jacobian_sparsity(jnp.sin, np.ones(2), rules=rules).nnz
    2
    """
    row = parse(derivatives)
    return lambda equation, *operands, **params: by_element(equation, operands, row)


def by_element(equation: jex.JaxprEqn, operands: Sequence[Value], row: Interaction) -> RuleResult:
    """Output element e from element e of each operand; axes of length one repeat as in NumPy."""
    aval: Any = equation.outvars[0].aval
    name = equation.primitive.name
    links = {
        (i, 0): reach(value, aval.shape, kept(name, i, operands, aval.shape))
        for i, value in enumerate(operands)
        if row.first[i]
    }
    bent = curved_at(name, operands)
    reaches = links if bent is None else {(i, 0): reach(operands[i], aval.shape, bent) for i, _ in links}
    bends = [bend(equation, pair, reaches) for pair in sorted(row.second)]
    return linked(equation, operands, links, bends, least=least_degree(row, operands))


def kept(name: str, operand: int, operands: Sequence[Value], shape: tuple[int, ...]) -> np.ndarray | None:
    """Elements at which a selection can take an operand; None for all."""
    chosen = operands[0].entries
    if name != "select_n" or chosen is None:
        return None
    keep = ~chosen.known | (chosen.values == operand - 1)
    return np.broadcast_to(keep.reshape(operands[0].shape), shape).reshape(-1)


def curved_at(name: str, operands: Sequence[Value]) -> np.ndarray | None:
    """Elements at which a power is no constant and not the operand itself; None for all."""
    exponent = operands[1].known if name == "pow" else None
    if exponent is None or operands[0].shape != operands[1].shape:
        return None
    return ((exponent != 0) & (exponent != 1)).reshape(-1)


def reach(value: Value, shape: tuple[int, ...], keep: np.ndarray | None) -> Link:
    """Link of an operand to an output of the given shape."""
    if value.size == prod(shape):
        return SAME if keep is None else Same(keep)
    where = np.broadcast_to(np.arange(value.size).reshape(value.shape), shape).reshape(-1)
    return Take(where if keep is None else np.where(keep, where, -1), value.size)


def bend(equation: jex.JaxprEqn, pair: tuple[int, int], links: dict) -> Bend:
    """Second derivative of the output with respect to two operands."""
    i, j = pair
    return Bend(pair, (links[i, 0], links[j, 0]), power=degree_of(equation))


def least_degree(row: Interaction, operands: Sequence[Value]) -> Degree:
    """Degree of an output whose first derivative jumps, or that follows an operand in steps."""
    steps = [value for first, value in zip(row.first, operands, strict=True) if row.jumps or not first]
    if not any(value.varies for value in steps):
        return 0
    if len({value.size for value in operands}) > 1:
        return GENERAL
    varying = reduce(np.logical_or, [np.asarray(value.degree) > 0 for value in steps])
    return simplest(np.where(varying, np.int8(GENERAL), np.int8(0))) if varying.ndim else GENERAL


ARITHMETIC = dict.fromkeys([name for name in ELEMENTWISE if name != "select_n"], tabled)
