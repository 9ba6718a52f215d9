"""Multiply with, and factor, block-tridiagonal matrices along stages.

The verbs are those of `dense`; cost and memory grow with the number of stages, not with its cube. With D the
diagonal blocks of H + J' W J and S the blocks below them, the factor is

    L_k L_k' = D_k - C_k C_k',     C_(k+1) = S_(k+1) L_k^-T

which is the Riccati recursion where the problem is one of optimal control.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.batched.dense import placed
from lagrad.batched.small import cholesky, solve_lower, solve_lower_transposed
from lagrad.batched.stages import Stages


@dataclass(frozen=True, eq=False)
class Staged:
    """Matrices as blocks: T stages of at most b variables and r rows, padded.

    Args:
        variables: variable at each place of a stage, n for none, (T, b).
        rows: row at each place of a stage and the next one, m for none, (T, r).
        hessian_places: entries of H within a stage, and between the stage and the one before, (2, T, b, b).
        jacobian_places: entries of J: rows of stage k by variables of stages k and k + 1, (T, r, 2 b).
        n, m: sizes.
    """

    variables: np.ndarray
    rows: np.ndarray
    hessian_places: np.ndarray
    jacobian_places: np.ndarray
    n: int
    m: int

    @classmethod
    def of(cls, stages: Stages, jacobian: tuple, hessian: tuple, shape: tuple[int, int], moves) -> Staged:
        """Blocks of the triplets of J, (m, n), and of the lower triangle of H.

        Entries of fixed variables are left out: they are zero.
        """
        m, n = shape
        where, variables = ranked(stages.level, stages.count, n)
        row_level, columns = np.full(m, stages.count, np.int64), np.asarray(jacobian[1])
        kept = np.flatnonzero(moves[columns])
        np.minimum.at(row_level, jacobian[0][kept], stages.level[columns[kept]])
        row_level[row_level == stages.count] = 0
        row_where, rows = ranked(row_level, stages.count, m)
        width = stages.width
        jacobian_places = np.full((stages.count, rows.shape[1], 2 * width), columns.size, np.int32)
        own, column = jacobian[0][kept], columns[kept]
        beside = stages.level[column] - row_level[own]
        jacobian_places[row_level[own], row_where[own], beside * width + where[column]] = kept
        low, high = (np.asarray(each) for each in hessian)
        hessian_places = np.full((2, stages.count, width, width), low.size, np.int32)
        kept = np.flatnonzero(moves[low] & moves[high])
        for first, second in ((low[kept], high[kept]), (high[kept], low[kept])):
            back = stages.level[first] - stages.level[second]
            chosen = back >= 0
            place = back[chosen], stages.level[first[chosen]], where[first[chosen]], where[second[chosen]]
            hessian_places[place] = kept[chosen]
        return cls(variables, rows, hessian_places, jacobian_places, n, m)

    @cached_property
    def variable_places(self) -> np.ndarray:
        """Place of each variable in a flattened (T, b) array, (n,)."""
        return inverse(self.variables, self.n)

    @cached_property
    def row_places(self) -> np.ndarray:
        """Place of each row in a flattened (T, r) array, (m,)."""
        return inverse(self.rows, self.m)

    def hessian(self, values: jax.Array) -> jax.Array:
        """H of its entries."""
        return placed(values, self.hessian_places)

    def jacobian(self, values: jax.Array) -> jax.Array:
        """J of its entries."""
        return placed(values, self.jacobian_places)

    def times_hessian(self, hessian, x):
        """H x."""
        own, below = hessian
        blocks = placed(x, self.variables)
        found = (own * blocks[:, None, :]).sum(-1)
        found += (below * shifted_down(blocks)[:, None, :]).sum(-1)
        found += shifted_up((below * blocks[:, :, None]).sum(-2))
        return found.reshape(-1)[self.variable_places]

    def times(self, jacobian, x):
        """J x."""
        blocks = placed(x, self.variables)
        both = jnp.concatenate([blocks, shifted_up(blocks)], axis=1)
        return (jacobian * both[:, None, :]).sum(-1).reshape(-1)[self.row_places]

    def times_transposed(self, jacobian, w):
        """J' w."""
        both = (jacobian * placed(w, self.rows)[:, :, None]).sum(-2)
        own, following = jnp.split(both, 2, axis=1)
        return (own + shifted_down(following)).reshape(-1)[self.variable_places]

    def factor(self, hessian, diagonal, jacobian, weights) -> tuple[jax.Array, jax.Array]:
        """L and C of H + diag(diagonal) + J' diag(weights) J; nan if that is not positive definite."""
        own, below = hessian
        weighted = jacobian * placed(weights, self.rows)[:, :, None]
        products = jnp.sum(weighted[:, :, :, None] * jacobian[:, :, None, :], axis=1)
        b = self.variables.shape[1]
        padded = jnp.append(diagonal, 1.0)[self.variables]
        blocks = own + products[:, :b, :b] + shifted_down(products[:, b:, b:])
        blocks += padded[:, :, None] * np.eye(b)
        below = below + shifted_down(products[:, b:, :b])

        def eliminate(before, stage):
            block, link = stage
            link = solve_lower(before, link.T).T
            factor = cholesky(block - link @ link.T)
            return factor, (factor, link)

        return jax.lax.scan(eliminate, jnp.eye(b), (blocks, below))[1]

    def is_definite(self, factor) -> jax.Array:
        """Whether the matrix had a factor."""
        return jnp.isfinite(factor[0]).all()

    def solve(self, factor, right: jax.Array) -> jax.Array:
        """Solve with a factor."""
        factors, links = factor
        blocks = placed(right, self.variables)

        def forward(before, stage):
            block, link, side = stage
            found = solve_lower(block, (side - link @ before)[:, None])[:, 0]
            return found, found

        half = jax.lax.scan(forward, jnp.zeros(blocks.shape[1]), (factors, links, blocks))[1]

        def backward(after, stage):
            block, link, side = stage
            found = solve_lower_transposed(block, (side - after)[:, None])[:, 0]
            return link.T @ found, found

        zero = jnp.zeros(blocks.shape[1])
        found = jax.lax.scan(backward, zero, (factors, links, half), reverse=True)[1]
        return found.reshape(-1)[self.variable_places]


def shifted_down(blocks: jax.Array) -> jax.Array:
    """Block k - 1 at place k, zeros at the first."""
    return jnp.concatenate([jnp.zeros_like(blocks[:1]), blocks[:-1]])


def shifted_up(blocks: jax.Array) -> jax.Array:
    """Block k + 1 at place k, zeros at the last."""
    return jnp.concatenate([blocks[1:], jnp.zeros_like(blocks[:1])])


def ranked(level: np.ndarray, count: int, missing: int) -> tuple[np.ndarray, np.ndarray]:
    """Rank of each member within its level, and a padded table of the members of each level."""
    order = np.argsort(level, kind="stable")
    sizes = np.bincount(level, minlength=count)
    rank = np.empty(level.size, np.int64)
    rank[order] = np.arange(level.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    table = np.full((count, max(int(sizes.max(initial=0)), 1)), missing, np.int32)
    table[level, rank] = np.arange(level.size)
    return rank, table


def inverse(table: np.ndarray, size: int) -> np.ndarray:
    """Flat place of each member of a padded table."""
    places = np.zeros(size, np.int32)
    flat = table.reshape(-1)
    places[flat[flat < size]] = np.flatnonzero(flat < size)
    return places
