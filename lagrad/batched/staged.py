"""Multiply with, and factor, block-tridiagonal matrices along stages.

The verbs are those of `dense`; cost and memory grow with the number of stages, not with its cube. With D the
diagonal blocks of H + J' W J and S the blocks below them, the factor is

    L_k L_k' = D_k - C_k C_k',     C_(k+1) = S_(k+1) L_k^-T,     G_(k+1) = C_(k+1) L_k^-1

which is the Riccati recursion where the problem is one of optimal control. L^-1 and G are kept, so that a
solve is one product a stage on the way up, and one on the way down. T is the number of stages, B the batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.batched import small
from lagrad.batched.dense import placed
from lagrad.batched.stages import Stages


@dataclass(frozen=True, eq=False)
class Staged:
    """Matrices as blocks: T stages of at most b variables and r rows, padded.

    Args:
        variable_table: variable at each place of a stage, n for none, (T, b).
        row_table: row at each place of a stage and the next one, m for none, (T, r).
        hessian_places: entries of H within a stage, and between the stage and the one before, (2, T, b, b).
        jacobian_places: entries of J: rows of stage k by variables of stages k and k + 1, (T, r, 2 b).
        n, m: sizes.
    """

    variable_table: np.ndarray
    row_table: np.ndarray
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
        return inverse(self.variable_table, self.n)

    @cached_property
    def row_places(self) -> np.ndarray:
        """Place of each row in a flattened (T, r) array, (m,)."""
        return inverse(self.row_table, self.m)

    def hessian(self, values: jax.Array) -> tuple[jax.Array, jax.Array]:
        """H of its entries: blocks within stages, and with the stage before, (T, b, b, B) each."""
        own, below = placed(values, self.hessian_places)
        return own, below

    def jacobian(self, values: jax.Array) -> jax.Array:
        """J of its entries, (T, r, 2 b, B)."""
        return placed(values, self.jacobian_places)

    def variables(self, x: jax.Array, padding: float = 0.0) -> jax.Array:
        """A vector by variables, (n, B), as stages, (T, b, B)."""
        none = jnp.full((1, *x.shape[1:]), padding, x.dtype)
        return jnp.concatenate([x, none]).at[self.variable_table].get(mode="promise_in_bounds")

    def rows(self, y: jax.Array) -> jax.Array:
        """A vector by rows, (m, B), as stages, (T, r, B)."""
        return placed(y, self.row_table)

    def flat_variables(self, x: jax.Array) -> jax.Array:
        """The inverse of `variables`."""
        return x.reshape(-1, *x.shape[2:]).at[self.variable_places].get(mode="promise_in_bounds")

    def flat_rows(self, y: jax.Array) -> jax.Array:
        """The inverse of `rows`."""
        return y.reshape(-1, *y.shape[2:]).at[self.row_places].get(mode="promise_in_bounds")

    def times_hessian(self, hessian, x):
        """H x."""
        own, below = hessian
        found = small.times(own, x) + small.times(below, shifted_down(x))
        return found + shifted_up(small.times_transposed(below, x))

    def times(self, jacobian, x):
        """J x."""
        width = x.shape[1]
        own, following = jacobian[:, :, :width], jacobian[:, :, width:]
        return small.times(own, x) + small.times(following, shifted_up(x))

    def times_transposed(self, jacobian, y):
        """J' y."""
        own, following = jnp.split(small.times_transposed(jacobian, y), 2, axis=1)
        return own + shifted_down(following)

    def factor(self, hessian, diagonal, jacobian, weights) -> tuple[jax.Array, jax.Array]:
        """L^-1 and G of H + diag(diagonal) + J' diag(weights) J; nan where that is not positive definite."""
        own, below = hessian
        b = own.shape[1]
        first, second = jacobian[:, :, :b], jacobian[:, :, b:]
        weighted = small.transposed(jacobian * weights[:, :, None])
        blocks = own + small.product(weighted[:, :b], first)
        blocks += shifted_down(small.product(weighted[:, b:], second))
        blocks += diagonal[:, :, None] * np.eye(b)[:, :, None]
        below = below + shifted_down(small.product(weighted[:, b:], first))

        def eliminate(before, stage):
            block, link = stage
            link = small.product(link, small.transposed(before))
            inverse = small.inverse_factor(block - small.product(link, small.transposed(link)))
            return inverse, (inverse, small.product(link, before))

        return jax.lax.scan(eliminate, jnp.zeros_like(blocks[0]), (blocks, below))[1]

    def is_definite(self, factor) -> jax.Array:
        """Which matrices have a factor, (B,)."""
        return jnp.isfinite(factor[0][-1, -1, -1])

    def solve(self, factor, right: jax.Array) -> jax.Array:
        """Solve with a factor."""
        inverses, links = factor

        def forward(before, stage):
            link, side = stage
            found = side - small.times(link, before)
            return found, found

        half = jax.lax.scan(forward, jnp.zeros_like(right[0]), (links, right))[1]
        middle = small.times_transposed(inverses, small.times(inverses, half))

        def backward(after, stage):
            link, side = stage
            found = side - after
            return small.times_transposed(link, found), found

        return jax.lax.scan(backward, jnp.zeros_like(right[0]), (links, middle), reverse=True)[1]


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
