"""Follow products that are summed over axes: dot_general and fft."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np
from jax.extend import core as jex

from lagrad.primitives.contractions import arranged, listed_products, products_left
from lagrad.primitives.equations import size_of
from lagrad.program.entries import possible
from lagrad.sparsity.deps import boolean_matrix
from lagrad.sparsity.links import Chain, Link, Sparse, Spread, Take, take
from lagrad.sparsity.rule_result import Bend, RuleResult, linked
from lagrad.sparsity.rules.blocks import blocks
from lagrad.sparsity.value import Value

# Products written one by one; beyond this, elements of a lane are taken together.
MOST_PRODUCTS = 2_000_000
# The same where known zeros leave fewer products than there are.
LARGEST_LIST = 40_000_000

# Flat numbers of the output element, the left and the right factor of each product.
Products = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class Contraction:
    """out[b, i, j] = sum over k of left[b, i, k] right[b, j, k], as flat numbers of the elements.

    Args:
        left: numbers of the left elements, shape (batch, i, k).
        right: numbers of the right elements, shape (batch, j, k).
    """

    left: np.ndarray
    right: np.ndarray

    @property
    def out(self) -> np.ndarray:
        """Numbers of the output elements, shape (batch, i, j)."""
        shape = (self.left.shape[0], self.left.shape[1], self.right.shape[1])
        return np.arange(prod(shape)).reshape(shape)

    @property
    def products(self) -> int:
        """Number of products."""
        return self.out.size * self.left.shape[2]

    @property
    def swapped(self) -> Contraction:
        """The same with left and right exchanged; the output's axes i and j are exchanged too."""
        return Contraction(self.right, self.left)


def dot_general(
    equation: jex.JaxprEqn, left: Value, right: Value, *, dimension_numbers, **params
) -> RuleResult:
    """Products of both operands, summed over the contracted axes."""
    (left_inner, right_inner), (left_batch, right_batch) = dimension_numbers
    form = Contraction(
        arranged(left.shape, left_batch, left_inner), arranged(right.shape, right_batch, right_inner)
    )
    products = remaining(form, left, right)
    if products is not None:
        return sparse_outcome(equation, left, right, products)
    links = {}
    if left.varies:
        links[0, 0] = factor_link(form, form.out)
    if right.varies:
        links[1, 0] = factor_link(form.swapped, form.out.transpose(0, 2, 1))
    bends = contraction_bends(form) if left.varies and right.varies else []
    return linked(equation, (left, right), links, bends)


def remaining(form: Contraction, left: Value, right: Value) -> Products | None:
    """The products that known zeros leave; None if there are no such zeros, or too many products."""
    if left.zeros is None and right.zeros is None:
        return None
    sides = possible(left.zeros, form.left), possible(right.zeros, form.right)
    if products_left(*sides) > LARGEST_LIST:
        return None
    out, lefts, rights = listed_products(*sides)
    return out, form.left.reshape(-1)[lefts], form.right.reshape(-1)[rights]


def sparse_outcome(equation: jex.JaxprEqn, left: Value, right: Value, products: Products) -> RuleResult:
    """RuleResult of products written one by one."""
    out, lefts, rights = products
    size = size_of(equation.outvars[0])
    links, sides = {}, ((left, lefts), (right, rights))
    for number, (value, places) in enumerate(sides):
        if value.varies:
            links[number, 0] = Sparse(boolean_matrix(out, places, (size, value.size)))
    bends = []
    if left.varies and right.varies:
        reach = (take(lefts, left.size), take(rights, right.size))
        bends = [Bend((0, 1), reach, Spread(out, size))]
    return linked(equation, (left, right), links, bends)


def factor_link(form: Contraction, out: np.ndarray) -> Link:
    """Link of the left factor to the output, `out` of shape (batch, left free, right free)."""
    batch, free, _ = form.left.shape
    lane = np.arange(batch * free).reshape(batch, free, 1)
    return Chain(Spread(scattered(form.left, lane), lane.size), Take(scattered(out, lane), lane.size))


def scattered(numbers: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Flat array that has `values` at the positions `numbers`."""
    found = np.empty(numbers.size, dtype=np.int64)
    found[numbers.reshape(-1)] = np.broadcast_to(values, numbers.shape).reshape(-1)
    return found


def contraction_bends(form: Contraction) -> list[Bend]:
    """Each left element meets each right one with the same batch and contracted index."""
    batch, _, inner = form.left.shape
    if form.products <= MOST_PRODUCTS or min(form.left.shape[1], form.right.shape[1]) == 1:
        shape = (batch, form.left.shape[1], form.right.shape[1], inner)
        left = np.broadcast_to(form.left[:, :, None, :], shape).reshape(-1)
        right = np.broadcast_to(form.right[:, None, :, :], shape).reshape(-1)
        onward = Spread(np.repeat(np.arange(form.out.size), inner), form.out.size)
        return [Bend((0, 1), (take(left, form.left.size), take(right, form.right.size)), onward)]
    site = np.arange(batch * inner).reshape(batch, 1, inner)
    reach = [Spread(scattered(factor, site), site.size) for factor in (form.left, form.right)]
    to_batch = np.repeat(np.arange(batch), inner)
    onward = Chain(Spread(to_batch, batch), Take(np.repeat(np.arange(batch), form.out[0].size), batch))
    return [Bend((0, 1), (reach[0], reach[1]), onward)]


def fft(equation: jex.JaxprEqn, operand: Value, *, fft_lengths, **params) -> RuleResult:
    """Linear and dense over the transformed axes."""
    return blocks(equation, (operand,), len(operand.shape) - len(fft_lengths), is_linear=True)


CONTRACTIONS: dict[str, Callable[..., RuleResult]] = {
    "dot_general": dot_general,
    "fft": fft,
}
