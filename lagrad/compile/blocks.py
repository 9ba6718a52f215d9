"""Blocks: traceable derivatives of one strategy in, a compiled part of a sparse matrix out.

Every strategy ends as a block: fixed triplets, and values(x, weights, leaves) in their order. A matrix is the
sum of its blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.coloring import Coloring
from lagrad.compile.colored import Sweeps
from lagrad.compile.xla import Compilable, Compiled, lower


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
    values: Callable[[np.ndarray, np.ndarray, list], np.ndarray]
    compiler: str = "XLA"
    coloring: Coloring | None = None
    timed: dict[str, float] | None = None


@dataclass(frozen=True, eq=False)
class Pending:
    """A block that waits for its compiled function.

    Args:
        uncompiled: what is to be compiled.
        finish: what that gives to the block.
    """

    uncompiled: Compilable
    finish: Callable[[Any], Block]


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


def colored_block(sweeps: Sweeps, strategy: str, sample: Sample) -> Pending:
    """Block of compressed sweeps."""

    def finish(compiled: Compiled) -> Block:
        def values(x, weights, leaves):
            (products,) = compiled(x, weights, *leaves)
            return sweeps.read(np.asarray(products))

        return Block(strategy, sweeps.rows, sweeps.columns, values, coloring=sweeps.plan.coloring)

    return Pending(lower(sweeps.function, [sample.x, sample.weights, *sample.leaves]), finish)


def constant_block(rows: np.ndarray, columns: np.ndarray, numbers: np.ndarray) -> Block:
    """Block of values that never change."""
    return Block("constant", rows, columns, lambda x, weights, leaves: numbers.copy(), "nothing to run")
