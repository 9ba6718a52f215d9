"""Group variables into stages that couple with their neighbours only.

The condensed matrix couples variables that meet in a row of J or in an entry of H. Breadth-first levels of
that graph couple with the level before and after only, so that the matrix is block tridiagonal, whatever
order the variables were declared in. Levels that begin at one end of a chain are its stages:

    x0 u0 | x1 u1 | x2 u2     from {x2, u2}: level 0 = stage 2, level 1 = stage 1, level 2 = stage 0
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp


@dataclass(frozen=True, eq=False)
class Stages:
    """An order along a chain.

    Args:
        level: stage of each variable, (n,).
        count: how many stages there are.
        width: variables of the largest.
    """

    level: np.ndarray
    count: int
    width: int

    @property
    def work(self) -> float:
        """Multiplications of a factorisation, as a share of those without stages."""
        return 7.0 * self.count * self.width**3 / max(self.level.size, 1) ** 3


def stages_of(jacobian: tuple, hessian: tuple, shape: tuple[int, int], moves: np.ndarray) -> Stages:
    """The narrowest stages that a few breadth-first searches find.

    Args:
        jacobian: rows and columns of J, (m, n).
        hessian: rows and columns of one triangle of H.
        shape: (m, n).
        moves: variables that are not fixed, (n,); the others couple with nothing.
    """
    from scipy.sparse.csgraph import connected_components

    graph = couplings(jacobian, hessian, shape, moves)
    level, offset = np.zeros(shape[1], np.int64), 0
    _, part = connected_components(graph, directed=False)
    order = np.argsort(part, kind="stable")
    alone = []
    for members in np.split(order, np.flatnonzero(np.diff(part[order])) + 1):
        if members.size == 1:
            alone.append(members[0])
            continue
        levels = narrowest(graph, members)
        level[members], offset = offset + levels, offset + int(levels.max()) + 1
    count = max(offset, 1)
    # Variables that couple with nobody fill the narrow stages.
    sizes = np.bincount(np.delete(level, alone), minlength=count)
    for variable in alone:
        level[variable] = sizes.argmin()
        sizes[level[variable]] += 1
    return Stages(level, count, int(sizes.max()))


def couplings(jacobian: tuple, hessian: tuple, shape: tuple[int, int], moves: np.ndarray) -> sp.csr_array:
    """Pattern of H + J' J on the variables that move."""
    m, n = shape
    rows, columns = (np.asarray(each) for each in jacobian)
    low, high = (np.asarray(each) for each in hessian)
    keep, inner = moves[columns], moves[low] & moves[high]
    first = sp.csr_array((np.ones(keep.sum()), (rows[keep], columns[keep])), shape=(m, n))
    second = sp.csr_array((np.ones(inner.sum()), (low[inner], high[inner])), shape=(n, n))
    return sp.csr_array(first.T @ first + second + second.T)


def narrowest(graph: sp.csr_array, members: np.ndarray) -> np.ndarray:
    """Levels of a connected part: from the end that a search finds, and from the other end."""
    inner = sp.csr_array(graph[members][:, members])
    there = levels_from(inner, np.array([0]))
    back = levels_from(inner, np.flatnonzero(there == there.max()))
    again = levels_from(inner, np.flatnonzero(back == back.max()))
    return min((there, back, again), key=lambda level: np.bincount(level).max())


def levels_from(graph: sp.csr_array, start: np.ndarray) -> np.ndarray:
    """Distance of each vertex from a set of vertices."""
    from scipy.sparse.csgraph import breadth_first_order

    n = graph.shape[0]
    hub = sp.csr_array((np.ones(start.size), (np.zeros(start.size, int), start)), shape=(1, n))
    joined = sp.csr_array(sp.block_array([[graph, hub.T], [hub, None]]))
    order, before = breadth_first_order(joined, n, directed=False)
    distance = np.zeros(n + 1, np.int64)
    for vertex in order[1:]:
        distance[vertex] = distance[before[vertex]] + 1
    return distance[:n] - 1
