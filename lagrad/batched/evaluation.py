"""Evaluate a problem and its derivatives at many points: by elements, or by the code of one point, vmapped.

Points are (n, B), values (B,), rows (m, B), entries (nnz, B); params have the batch as their first axis.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from lagrad.batched.element_values import ElementValues
from lagrad.compile.materialize import with_barriers
from lagrad.derivatives.traceable import Traceable
from lagrad.elements import element_derivatives as elements
from lagrad.elements.element_sums import ElementMatrix
from lagrad.elements.split import partially_separable
from lagrad.elements.tape import TooLong


class Evaluation(Protocol):
    """Values and derivatives of many points."""

    def values(self, params: Any, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """f and c."""
        ...

    def first(self, params: Any, x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
        """f, c, the gradient of f and the entries of J."""
        ...

    def second(self, params: Any, x: jax.Array, multipliers: jax.Array, weight: jax.Array) -> jax.Array:
        """Entries of the lower triangle of the Hessian of weight f + multipliers c."""
        ...


def evaluation_of(derivatives: Traceable) -> Evaluation:
    """The fastest evaluation of a problem."""
    try:
        return ByElements.of(derivatives) or OneByOne(derivatives)
    except TooLong:
        return OneByOne(derivatives)


@dataclass(frozen=True, eq=False)
class OneByOne:
    """Functions of one point under `jax.vmap`."""

    derivatives: Traceable

    def values(self, params: Any, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """f and c."""
        return jax.vmap(self.derivatives.values, (-1, 0), -1)(x, params)

    def first(self, params: Any, x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
        """f, c, the gradient of f and the entries of J."""
        gradient = jax.vmap(self.derivatives.gradient, (-1, 0), -1)(x, params)
        return (
            *self.values(params, x),
            gradient,
            jax.vmap(self.derivatives.jacobian_values, (-1, 0), -1)(x, params),
        )

    def second(self, params: Any, x: jax.Array, multipliers: jax.Array, weight: jax.Array) -> jax.Array:
        """Entries of the lower triangle of the Hessian of weight f + multipliers c."""
        values: Callable = jax.vmap(self.derivatives.hessian_values, (-1, -1, -1, 0), -1)
        return values(x, multipliers, weight, params)


@dataclass(frozen=True, eq=False)
class ByElements:
    """Elements evaluated side by side.

    Args:
        derivatives: of one point, for shapes.
        outputs: f and c.
        gradient: of f.
        jacobian: entries of J, in the order of `derivatives`.
        hessian: entries of H, likewise.
    """

    derivatives: Traceable
    outputs: ElementValues
    gradient: ElementValues
    jacobian: ElementValues
    hessian: ElementValues

    @classmethod
    def of(cls, derivatives: Traceable) -> ByElements | None:
        """From a problem; None where a part of it is no element.

        Raises:
            TooLong: an element takes more operations than XLA compiles in some seconds.
        """
        split = partially_separable(derivatives.program)
        outputs, gradient = elements.outputs(split), elements.gradient(split)
        if split.rest or outputs is None or gradient is None:
            return None
        found = [ElementValues.of(outputs), ElementValues.of(gradient)]
        for matrix, structure in (
            (elements.jacobian(split), derivatives.jacobian_structure),
            (elements.hessian(split), derivatives.hessian_structure),
        ):
            order = merging(matrix, structure, derivatives.n)
            found.append(None if order is None else ElementValues.of(matrix.sums, order))
        known = [each for each in found if each is not None]
        return cls(derivatives, *known) if len(known) == len(found) else None

    def values(self, params: Any, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """f and c."""
        (numbers,) = evaluated([self.outputs], x, None, jax.tree.leaves(params))
        return numbers[0], numbers[1:]

    def first(self, params: Any, x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
        """f, c, the gradient of f and the entries of J."""
        parts = [self.outputs, self.gradient, self.jacobian]
        numbers, gradient, entries = evaluated(parts, x, None, jax.tree.leaves(params))
        return numbers[0], numbers[1:], gradient, entries

    def second(self, params: Any, x: jax.Array, multipliers: jax.Array, weight: jax.Array) -> jax.Array:
        """Entries of the lower triangle of the Hessian of weight f + multipliers c."""
        weights = jnp.concatenate([weight[None], multipliers])
        return evaluated([self.hessian], x, weights, jax.tree.leaves(params))[0]


def merging(matrix: ElementMatrix, structure: tuple[np.ndarray, np.ndarray], n: int) -> sp.csr_array | None:
    """The matrix of ones that adds up entries of the same place, in the order of a structure.

    None where that structure lacks one of them.
    """
    wanted, own = (
        np.asarray(rows, np.int64) * n + columns
        for rows, columns in (structure, (matrix.rows, matrix.columns))
    )
    order = np.argsort(wanted)
    place = np.searchsorted(wanted[order], own)
    if not np.isin(own, wanted).all():
        return None
    ones = np.ones(own.size)
    return sp.csr_array((ones, (order[place], np.arange(own.size))), shape=(wanted.size, own.size))


def evaluated(
    parts: Sequence[ElementValues], x: jax.Array, weights: Any, leaves: Sequence
) -> list[jax.Array]:
    """Numbers of several parts; results of elements that they share are computed once."""

    def compute(x, weights, *leaves):
        return [part.results(x, weights, leaves) for part in parts]

    results = written(compute, x, jnp.zeros((0, x.shape[1])) if weights is None else weights, *leaves)
    return [part.numbers(found, x, leaves) for part, found in zip(parts, results, strict=True)]


def written(compute: Callable[..., Any], x: jax.Array, *others: jax.Array) -> Any:
    """What a function makes of arrays, written to memory, and before it every transcendental.

    XLA on a CPU evaluates what lies before a gather once for each place that is gathered, and a sine once for
    each result that it is part of; what stands behind a condition that it cannot know is computed once.
    """
    always = jnp.abs(x[0, 0]) != -1.0
    closed, shapes = jax.make_jaxpr(compute, return_shape=True)(x, *others)
    run, captured = with_barriers(closed)
    found = jax.lax.cond(
        always,
        lambda: run(always, [jnp.asarray(one) for one in captured], x, *others),
        lambda: [jnp.zeros(one.shape, one.dtype) for one in closed.out_avals],
    )
    return jax.tree.unflatten(jax.tree.structure(shapes), found)
