"""Follow reductions, running reductions and sorting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
import scipy.sparse as sp
from jax.extend import core as jex

from lagrad.primitives.equations import output_shapes
from lagrad.sparsity.deps import Deps, boolean_matrix, check_entries
from lagrad.sparsity.links import Sparse, Spread, Take
from lagrad.sparsity.rule_result import Bend, RuleResult, linked
from lagrad.sparsity.rules.moving import lanes_across, through_lanes
from lagrad.sparsity.value import GENERAL, Value

# A product over lanes up to this length is written as its pairs, which have no diagonal.
LONGEST_PRODUCT = 32


def reduce_sum(equation: jex.JaxprEqn, operand: Value, *, axes, **params) -> RuleResult:
    """Sum over axes."""
    return linked(equation, (operand,), {(0, 0): summing(operand.shape, axes)})


def summing(shape: tuple[int, ...], axes: Sequence[int]) -> Spread:
    """Link from elements to what is left after a reduction over axes."""
    lane = lanes_across(shape, set(axes))
    return Spread(lane, prod(size for axis, size in enumerate(shape) if axis not in axes))


def reduce_extreme(equation: jex.JaxprEqn, operand: Value, *, axes, **params) -> RuleResult:
    """Largest or smallest over axes: any element, never two at once."""
    return linked(equation, (operand,), {(0, 0): summing(operand.shape, axes)}, least=GENERAL)


def reduce_prod(equation: jex.JaxprEqn, operand: Value, *, axes, **params) -> RuleResult:
    """Product over axes: every two different elements of a lane."""
    link = summing(operand.shape, axes)
    return linked(equation, (operand,), {(0, 0): link}, product_bends(operand.size, link))


def product_bends(size: int, link: Spread) -> list[Bend]:
    """Second derivatives of products over lanes of equal length."""
    length = size // max(link.size, 1)
    if length < 2:
        return []
    if length > LONGEST_PRODUCT:
        return [Bend((0, 0), (link, link))]
    members = np.argsort(link.targets, kind="stable").reshape(-1, length)
    first, second = np.triu_indices(length, 1)
    reach = (Take(members[:, first].reshape(-1), size), Take(members[:, second].reshape(-1), size))
    onward = Spread(np.repeat(np.arange(link.size), first.size), link.size)
    return [Bend((0, 0), reach, onward, is_product=length == 2, power=0)]


def steps(equation: jex.JaxprEqn, *operands: Value, **params) -> Sequence[Value]:
    """Outputs that change in steps only: no derivative, yet no constant."""
    avals: list[Any] = [variable.aval for variable in equation.outvars]
    n = operands[0].deps.n
    return [Value(aval.shape, Deps(prod(aval.shape), n), GENERAL) for aval in avals]


def cumulative(curved: bool, least: int) -> Callable[..., RuleResult]:
    """A running reduction along an axis: [a, b, c] -> [{a}, {a, b}, {a, b, c}], from the end if `reverse`."""

    def rule(equation: jex.JaxprEqn, operand: Value, *, axis, reverse, **params) -> RuleResult:
        link = Sparse(triangle(operand.shape, axis, reverse))
        bends = [Bend((0, 0), (link, link))] if curved else []
        return linked(equation, (operand,), {(0, 0): link}, bends, least=least)

    return rule


def triangle(shape: tuple[int, ...], axis: int, reverse: bool) -> sp.csr_array:
    """Boolean matrix of a running reduction."""
    size, length = prod(shape), shape[axis]
    check_entries(size * (length + 1) // 2, "a running reduction")
    counts = np.arange(1, length + 1, dtype=np.int32)
    later = np.repeat(counts - 1, counts)
    earlier = np.arange(later.size, dtype=np.int32) - np.repeat(np.cumsum(counts) - counts, counts)
    if reverse:
        later, earlier = length - 1 - later, length - 1 - earlier
    lanes = np.moveaxis(np.arange(size, dtype=np.int32).reshape(shape), axis, -1).reshape(-1, length)
    return boolean_matrix(lanes[:, later].reshape(-1), lanes[:, earlier].reshape(-1), (size, size))


def top_k(equation: jex.JaxprEqn, operand: Value, **params) -> RuleResult:
    """Largest along an axis, and their places."""
    axis = params.get("axis", params.get("reduction_dimension", -1)) % len(operand.shape)
    shape = output_shapes(equation)[0]
    link = through_lanes(lanes_across(operand.shape, {axis}), lanes_across(shape, {axis}))
    return linked(equation, (operand,), {(0, 0): link}, least=GENERAL)


REDUCTIONS: dict[str, Callable[..., Any]] = {
    "reduce_sum": reduce_sum,
    "reduce_max": reduce_extreme,
    "reduce_min": reduce_extreme,
    "reduce_prod": reduce_prod,
    "cumsum": cumulative(False, 0),
    "cummax": cumulative(False, GENERAL),
    "cummin": cumulative(False, GENERAL),
    "cumprod": cumulative(True, 0),
    "cumlogsumexp": cumulative(True, 0),
    "top_k": top_k,
    "approx_top_k": top_k,
} | dict.fromkeys(
    ["argmax", "argmin", "reduce_and", "reduce_or", "reduce_xor", "bitcast_convert_type"],
    steps,
)
