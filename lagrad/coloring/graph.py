"""Graphs for coloring: a sparsity pattern in, its column graph, row graph or adjacency graph out.

Both kinds are walked in two hops, vertex -> net -> vertex. In a column graph the nets are the rows of the
matrix: columns that share a row are neighbors. In an adjacency graph every net is a single vertex.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from lagrad.pattern import SparsityPattern


@dataclass(frozen=True, eq=False)
class Graph:
    """Vertices, nets, and who lies in which; `edges` only in adjacency graphs.

    Args:
        ptr: start of each vertex's nets in `nets`, shape (size + 1,), int32.
        nets: nets of each vertex, one after the other, int32.
        members_ptr: start of each net's members in `members`, int32.
        members: vertices of each net, one after the other, int32.
        edges: number of the undirected edge behind each item of `nets`, or None.
    """

    ptr: np.ndarray
    nets: np.ndarray
    members_ptr: np.ndarray
    members: np.ndarray
    edges: np.ndarray | None = None

    @property
    def size(self) -> int:
        """Number of vertices."""
        return self.ptr.size - 1

    @property
    def hops(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The four arrays of the two hops."""
        return self.ptr, self.nets, self.members_ptr, self.members

    @cached_property
    def degrees(self) -> np.ndarray:
        """Number of nets of each vertex, shape (size,)."""
        return np.diff(self.ptr)

    @cached_property
    def net_sizes(self) -> np.ndarray:
        """Number of members of each net."""
        return np.diff(self.members_ptr)

    @cached_property
    def steps(self) -> float:
        """Visits of one sweep over all vertices, their nets and those nets' members."""
        sizes = self.net_sizes.astype(np.float64)
        return float(sizes @ sizes) + self.nets.size + self.size

    @cached_property
    def wide_steps(self) -> float:
        """Visits of one sweep over all vertices, their neighbors and the neighbors of those."""
        sizes = self.degrees.astype(np.float64)
        return float(sizes @ sizes) + self.nets.size + self.size


def column_graph(pattern: SparsityPattern) -> Graph:
    """Columns as vertices, rows as nets.

    >>> column_graph(SparsityPattern.from_dense([[1, 1, 0], [0, 1, 1]])).degrees.tolist()
    [1, 2, 1]
    """
    by_column = transposition(pattern)
    return Graph(by_column.indptr, by_column.indices, pattern.indptr.astype(np.int32), pattern.cols)


def row_graph(pattern: SparsityPattern) -> Graph:
    """Rows as vertices, columns as nets.

    >>> row_graph(SparsityPattern.from_dense([[1, 1, 0], [0, 1, 1]])).degrees.tolist()
    [2, 2]
    """
    by_column = transposition(pattern)
    return Graph(pattern.indptr.astype(np.int32), pattern.cols, by_column.indptr, by_column.indices)


def adjacency_graph(pattern: SparsityPattern) -> Graph:
    """Rows (= columns) as vertices, off-diagonal entries as edges.

    Raises:
        ValueError: the pattern is not symmetric.

    >>> adjacency_graph(SparsityPattern.from_dense([[1, 1], [1, 0]])).edges.tolist()
    [0, 0]
    """
    off = without_diagonal(pattern)
    by_column = transposition(off)
    if off.shape[0] != off.shape[1] or not np.array_equal(by_column.indices, off.cols):
        raise ValueError(f"pattern: shape {pattern.shape} and not symmetric. Give both triangles of a square matrix.")
    return neighbors_as_nets(by_column.indptr, off.cols, undirected(off, by_column.data))


def neighbors_as_nets(ptr: np.ndarray, neighbors: np.ndarray, edges: np.ndarray) -> Graph:
    """Adjacency graph whose nets are its own vertices, one member each."""
    alone = np.arange(ptr.size, dtype=np.int32)
    return Graph(ptr, neighbors, alone, alone[:-1], edges)


def without_diagonal(pattern: SparsityPattern) -> SparsityPattern:
    """The entries off the diagonal."""
    off = pattern.rows != pattern.cols
    return SparsityPattern(pattern.rows[off], pattern.cols[off], pattern.shape)


def undirected(pattern: SparsityPattern, twin: np.ndarray) -> np.ndarray:
    """Number of the edge of each entry, the same for (i, j) and (j, i), shape (nnz,), int32."""
    lower = pattern.rows > pattern.cols
    number = np.cumsum(lower, dtype=np.int32) - 1
    return np.where(lower, number, number[twin]).astype(np.int32)


def transposition(pattern: SparsityPattern) -> sp.csc_array:
    """The pattern by columns; its values say where each entry was in row order, so they map (i, j) to (j, i)."""
    position = np.arange(pattern.nnz, dtype=np.int32)
    by_row = sp.csr_array((position, pattern.cols, pattern.indptr.astype(np.int32)), shape=pattern.shape)
    return by_row.tocsc()
