"""Follow windows that slide over an array: window reductions and convolutions."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np
from jax.extend import core as jex

from lagrad.primitives.equations import output_shapes
from lagrad.primitives.windows import seen, taps
from lagrad.sparsity.deps import boolean_matrix
from lagrad.sparsity.links import Sparse, Spread, take
from lagrad.sparsity.rule_result import Bend, RuleResult, linked
from lagrad.sparsity.rules.blocks import Lanes, blocks, dense
from lagrad.sparsity.rules.moving import lanes_across
from lagrad.sparsity.value import GENERAL, Value

# Products of a convolution written one by one; beyond this, it is taken to be dense.
MOST_PRODUCTS = 40_000_000


def convolution(equation: jex.JaxprEqn, left: Value, right: Value, **params) -> RuleResult:
    """Products of image and kernel elements, summed over taps and channels."""
    out_shape = output_shapes(equation)[0]
    if prod(out_shape) * right.size > MOST_PRODUCTS:
        return blocks(equation, (left, right), 0)
    out, image, kernel = taps(left.shape, right.shape, out_shape, **params)
    links = {}
    for number, (value, place, other, other_place) in enumerate(
        [(left, image, right, kernel), (right, kernel, left, image)]
    ):
        keep = slice(None) if other.zeros is None else ~other.zeros[other_place]
        links[number, 0] = Sparse(boolean_matrix(out[keep], place[keep], (prod(out_shape), value.size)))
    reach = (take(image, left.size), take(kernel, right.size))
    return linked(equation, (left, right), links, [Bend((0, 1), reach, Spread(out, prod(out_shape)))])


def window(curved: bool, least: int) -> Callable[..., RuleResult]:
    """A reduction over a sliding window."""

    def rule(equation: jex.JaxprEqn, operand: Value, *start: Value, **params) -> RuleResult:
        out_shape = output_shapes(equation)[0]
        rows, columns = seen(operand.shape, out_shape, params)
        link = Sparse(boolean_matrix(rows, columns, (prod(out_shape), operand.size)))
        bends = [Bend((0, 0), (link, link))] if curved else []
        return linked(equation, (operand, *start), {(0, 0): link}, bends, least=least)

    return rule


def reduction(equation: jex.JaxprEqn, *operands: Value, dimensions, **params) -> RuleResult:
    """A reduction by any function: dense in each lane."""
    count = len(operands) // 2
    lane = lanes_across(operands[0].shape, set(dimensions))
    lanes = 1 + int(lane.max(initial=-1))
    owners = tuple(np.arange(lanes) for _ in equation.outvars)
    members = (lane,) * count + (None,) * (len(operands) - count)
    return Lanes(operands, members, owners, lanes, False).outcome(equation, GENERAL)


def opaque(equation: jex.JaxprEqn, *operands: Value, **params) -> RuleResult:
    """Dense: these only appear in derivatives of window reductions."""
    return dense(equation, operands)


WINDOWS: dict[str, Callable[..., RuleResult]] = {
    "conv_general_dilated": convolution,
    "reduce_window_sum": window(False, 0),
    "reduce_window_max": window(False, GENERAL),
    "reduce_window_min": window(False, GENERAL),
    "reduce_window": window(True, 0),
    "reduce": reduction,
    "select_and_scatter": opaque,
    "select_and_scatter_add": opaque,
    "select_and_gather_add": opaque,
}
