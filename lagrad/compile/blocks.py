"""Compile the derivatives of one strategy to a part of a sparse matrix.

Every strategy ends as a block: fixed triplets, and values(x, weights, leaves) in their order. A matrix is the
sum of its blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.coloring import Coloring
from lagrad.compile.colored import Sweeps
from lagrad.compile.deferred import Deferred
from lagrad.compile.xla import Compiled, lower
from lagrad.elements.element_sums import ElementMatrix


@dataclass(frozen=True, eq=False)
class Block:
    """Part of a matrix.

    Args:
        strategy: its name, for reports.
        rows: row of each entry, shape (nnz,).
        columns: column of each entry, shape (nnz,).
        values: (x, weights, leaves) -> values, shape (nnz,).
        compiler: what made the code, for reports.
        coloring: of a part by sweeps.
        timed: seconds of the candidates that this one was chosen from, by their names.
    """

    strategy: str
    rows: np.ndarray
    columns: np.ndarray
    values: Callable[[np.ndarray, np.ndarray, Sequence[Any]], np.ndarray]
    compiler: str = "XLA"
    coloring: Coloring | None = None
    timed: dict[str, float] | None = None


@dataclass(frozen=True, eq=False)
class Sample:
    """Arguments of a call: what functions are traced for and candidates timed with.

    Args:
        x: point, shape (n,).
        weights: objective weight and multipliers, shape (m + 1,).
        leaves: leaves of the params.
    """

    x: np.ndarray
    weights: np.ndarray
    leaves: list


def vector(size: int) -> jax.ShapeDtypeStruct:
    """Shape of a flat float64 argument."""
    return jax.ShapeDtypeStruct((size,), jnp.float64)


def colored_block(sweeps: Sweeps, strategy: str, sample: Sample) -> Deferred[Block]:
    """Block of compressed sweeps."""

    def finish(compiled: Compiled) -> Block:
        def values(x, weights, leaves):
            (products,) = compiled(x, weights, *leaves)
            return sweeps.read(np.asarray(products))

        return Block(strategy, sweeps.rows, sweeps.columns, values, coloring=sweeps.plan.coloring)

    return lower(sweeps.function, [sample.x, sample.weights, *sample.leaves]).then(finish)


def constant_block(rows: np.ndarray, columns: np.ndarray, numbers: np.ndarray) -> Block:
    """Block of values that never change."""
    return Block("constant", rows, columns, lambda x, weights, leaves: numbers.copy(), "nothing to run")


def element_block(matrix: ElementMatrix, numbers: Callable, compiler: str) -> Block:
    """Block of a matrix that elements add up to.

    Args:
        matrix: where its entries are.
        numbers: (x, weights, leaves) -> their values.
        compiler: what made the code, for reports.
    """
    return Block("elements", matrix.rows, matrix.columns, numbers, compiler)
