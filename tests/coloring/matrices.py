"""Make matrices whose color counts are known, which anyone can build again."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from lagrad.pattern import SparsityPattern


def band(n: int, width: int) -> SparsityPattern:
    """All entries with |i - j| <= width."""
    offsets = np.arange(-width, width + 1)
    rows = np.repeat(np.arange(n), offsets.size)
    cols = rows + np.tile(offsets, n)
    inside = (cols >= 0) & (cols < n)
    return SparsityPattern.from_triplets(rows[inside], cols[inside], (n, n))


def permuted_band(n: int, width: int, seed: int = 0) -> SparsityPattern:
    """A band with rows and columns shuffled alike."""
    place = np.random.default_rng(seed).permutation(n)
    straight = band(n, width)
    return SparsityPattern.from_triplets(place[straight.rows], place[straight.cols], (n, n))


def path(n: int) -> sp.csr_array:
    """Tridiagonal matrix of ones."""
    return band(n, 1).to_scipy()


def cross_grid(*sizes: int) -> SparsityPattern:
    """Each point of a grid and its neighbors along the axes: 5-point in the plane, 7-point in space.

    The last axis varies fastest.
    """
    n = int(np.prod(sizes))
    total = sp.csr_array((n, n))
    for axis, size in enumerate(sizes):
        before, after = int(np.prod(sizes[:axis])), int(np.prod(sizes[axis + 1 :]))
        along = sp.kron(sp.eye_array(before), sp.kron(path(size), sp.eye_array(after)))
        total = total + sp.csr_array(along)
    return SparsityPattern.from_scipy(sp.csr_array(total))


def box_grid(*sizes: int) -> SparsityPattern:
    """Each point of a grid and all points at most one step away along every axis: 9-point, 27-point."""
    total = sp.csr_array(np.ones((1, 1)))
    for size in sizes:
        total = sp.csr_array(sp.kron(total, path(size)))
    return SparsityPattern.from_scipy(total)


def bordered_blocks(blocks: int, block: int = 4, border: int = 3) -> SparsityPattern:
    """Block tridiagonal matrix with dense last rows and columns."""
    inner = sp.kron(path(blocks), np.ones((block, block)))
    side = sp.csr_array(np.ones((blocks * block, border)))
    corner = sp.csr_array(np.ones((border, border)))
    return SparsityPattern.from_scipy(sp.csr_array(sp.block_array([[inner, side], [side.T, corner]])))


def arrow(n: int) -> SparsityPattern:
    """Dense first row, dense first column, diagonal."""
    i = np.arange(n)
    zero = np.zeros(n, int)
    return SparsityPattern.from_triplets(np.concatenate([zero, i, i]), np.concatenate([i, zero, i]), (n, n))


def multiple_shooting(
    intervals: int, states: int = 4, controls: int = 2, parameters: int = 3
) -> SparsityPattern:
    """Jacobian of an optimal control problem with shared parameters and an integral constraint.

    Columns: states and controls interval by interval, the final states, the parameters. Rows: `states`
    continuity conditions for each interval, on its states and controls, the next states and the parameters;
    at last one dense row. With 200 intervals: 801 rows, 1207 columns, 13 entries in all but the dense row.
    """
    step = states + controls
    n = intervals * step + states + parameters
    local = np.concatenate([np.arange(step + states), np.zeros(parameters, int)])
    cols = np.arange(intervals)[:, None] * step + local
    cols[:, step + states :] = n - parameters + np.arange(parameters)
    m = intervals * states
    rows = np.repeat(np.arange(m), local.size)
    cols = np.repeat(cols, states, axis=0).ravel()
    dense = np.full(n, m)
    return SparsityPattern.from_triplets(
        np.concatenate([rows, dense]), np.concatenate([cols, np.arange(n)]), (m + 1, n)
    )


def power_network(buses: int, seed: int = 0) -> SparsityPattern:
    """Hessian of an AC power flow model on a random planar-like network: two variables a bus."""
    rng = np.random.default_rng(seed)
    child = np.arange(1, buses)
    near = child - 1 - np.minimum(rng.geometric(0.2, buses - 1) - 1, child - 1)
    extra = rng.integers(0, buses, (2, buses // 3))
    rows, cols = np.concatenate([child, extra[0]]), np.concatenate([near, extra[1]])
    lines = sp.csr_array((np.ones(rows.size), (rows, cols)), shape=(buses, buses))
    neighbors = sp.csr_array(lines + lines.T + sp.eye_array(buses))
    return SparsityPattern.from_scipy(sp.csr_array(sp.kron(np.ones((2, 2)), neighbors)))
