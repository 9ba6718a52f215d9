"""Follow products with matrices of `jax.experimental.sparse` by their known entries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from jax.extend import core as jex

from lagrad.primitives.equations import output_shapes
from lagrad.primitives.sparse_products import LAYOUTS, flat_index, products
from lagrad.sparsity.deps import boolean_matrix
from lagrad.sparsity.links import SAME, Sparse, Spread, take
from lagrad.sparsity.rule_result import Bend, RuleResult, linked
from lagrad.sparsity.rules.blocks import dense
from lagrad.sparsity.value import Value, known_value


def product(equation: jex.JaxprEqn, *operands: Value, **params) -> RuleResult:
    """Stored entries, the first operand, times a dense factor, the last one."""
    last = len(operands) - 1
    found = products(equation, [None, *(value.known for value in operands[1:-1]), None])
    if found is None:
        return dense(equation, operands)
    (out, s, factor), size = found, prod(output_shapes(equation)[0])
    stored, right = operands[0], operands[last]
    nonzero = slice(None) if stored.zeros is None else ~stored.zeros[s]
    links = {
        (0, 0): Sparse(boolean_matrix(out, s, (size, stored.size))),
        (last, 0): Sparse(boolean_matrix(out[nonzero], factor[nonzero], (size, right.size))),
    }
    reach = (take(s, stored.size), take(factor, right.size))
    return linked(equation, operands, links, [Bend((0, last), reach, Spread(out, size))])


def bcoo_todense(equation: jex.JaxprEqn, stored: Value, indices: Value, *, spinfo, **params) -> RuleResult:
    """Stored entries put, and added, in their places."""
    if indices.known is None or len(stored.shape) != 1:
        return dense(equation, (stored, indices), is_linear=True)
    places, shape = np.asarray(indices.known).astype(np.int64), spinfo.shape
    inside = (places < np.asarray(shape)).all(axis=1)
    targets = np.where(inside, flat_index(places, shape, range(len(shape))), -1)
    return linked(equation, (stored, indices), {(0, 0): Spread(targets, prod(shape))})


def bcoo_transpose(equation: jex.JaxprEqn, stored: Value, indices: Value, *, permutation, **params) -> Any:
    """Stored entries as they are, their coordinates exchanged."""
    if indices.known is None or len(stored.shape) != 1:
        return dense(equation, (stored, indices), is_linear=True)
    outcome = linked(equation, (stored, indices), {(0, 0): SAME})
    swapped = known_value(np.asarray(indices.known)[:, list(permutation)], stored.deps.n)
    kept = replace(outcome.outputs[0], constant=stored.constant)
    return RuleResult(outcome.operands, (kept, swapped), outcome.backward, outcome.pairs)


def bcoo_extract(equation: jex.JaxprEqn, indices: Value, array: Value, **params) -> RuleResult:
    """Elements of a dense array at the coordinates of stored entries."""
    if indices.known is None or len(indices.shape) != 2:
        return dense(equation, (indices, array), is_linear=True)
    places = np.asarray(indices.known).astype(np.int64)
    inside = (places < np.asarray(array.shape)).all(axis=1)
    where = np.where(inside, flat_index(places, array.shape, range(len(array.shape))), -1)
    return linked(equation, (indices, array), {(1, 0): take(where, array.size)})


SPARSE: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(LAYOUTS, product),
    "bcoo_todense": bcoo_todense,
    "bcoo_extract": bcoo_extract,
    "bcoo_transpose": bcoo_transpose,
}
