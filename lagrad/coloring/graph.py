"""Build the column graph, row graph or adjacency graph of a pattern.

Both kinds are walked in two hops, vertex -> net -> vertex. In a column graph the nets are the rows of the
matrix: columns that share a row are neighbors. In an adjacency graph every net is a single vertex.
"""

from __future__ import annotations

from dataclasses import dataclass, field
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
        edges: number of the undirected edge behind each item of `nets`; empty in column and row graphs.
    """

    ptr: np.ndarray
    nets: np.ndarray
    members_ptr: np.ndarray
    members: np.ndarray
    edges: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))

    @property
    def size(self) -> int:
        """Number of vertices."""
        return self.ptr.size - 1

    @property
    def hops(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The four arrays of the two hops."""
        return self.ptr, self.nets, self.members_ptr, self.members

    @property
    def num_edges(self) -> int:
        """One more than the highest edge number."""
        return int(self.edges.max(initial=-1)) + 1

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
    by_column = by_columns(pattern)
    return Graph(by_column.ptr, by_column.rows, pattern.indptr.astype(np.int32), pattern.cols)


def row_graph(pattern: SparsityPattern) -> Graph:
    """Rows as vertices, columns as nets.

    >>> row_graph(SparsityPattern.from_dense([[1, 1, 0], [0, 1, 1]])).degrees.tolist()
    [2, 2]
    """
    by_column = by_columns(pattern)
    return Graph(pattern.indptr.astype(np.int32), pattern.cols, by_column.ptr, by_column.rows)


def adjacency_graph(pattern: SparsityPattern) -> Graph:
    """Rows (= columns) as vertices, off-diagonal entries as edges.

    Raises:
        ValueError: the pattern is not symmetric.

    >>> adjacency_graph(SparsityPattern.from_dense([[1, 1], [1, 0]])).edges.tolist()
    [0, 0]
    """
    off = without_diagonal(pattern)
    by_column = by_columns(off)
    if off.shape[0] != off.shape[1] or not np.array_equal(by_column.rows, off.cols):
        raise ValueError(f"pattern: {pattern!r} is not symmetric. Give both triangles of a square matrix.")
    return neighbors_as_nets(by_column.ptr, off.cols, mirror_pairs(off.rows > off.cols, by_column.positions))


def neighbors_as_nets(ptr: np.ndarray, neighbors: np.ndarray, edges: np.ndarray) -> Graph:
    """Adjacency graph whose nets are its own vertices, one member each."""
    alone = np.arange(ptr.size, dtype=np.int32)
    return Graph(ptr, neighbors, alone, alone[:-1], edges)


def both_sides_graph(pattern: SparsityPattern) -> Graph:
    """Columns, then rows as vertices, entries as edges: the adjacency graph of [[0, J'], [J, 0]].

    >>> both_sides_graph(SparsityPattern.from_dense([[1, 1]])).nets.tolist()
    [2, 2, 0, 1]
    """
    by_column = by_columns(pattern)
    ptr = np.concatenate([by_column.ptr, pattern.nnz + pattern.indptr[1:]]).astype(np.int32)
    neighbors = np.concatenate([by_column.rows + pattern.shape[1], pattern.cols]).astype(np.int32)
    edges = np.concatenate([by_column.positions, np.arange(pattern.nnz)]).astype(np.int32)
    return neighbors_as_nets(ptr, neighbors, edges)


def without_diagonal(pattern: SparsityPattern) -> SparsityPattern:
    """The entries off the diagonal."""
    off = pattern.rows != pattern.cols
    return SparsityPattern(pattern.rows[off], pattern.cols[off], pattern.shape)


def mirror_pairs(lower: np.ndarray, twin: np.ndarray) -> np.ndarray:
    """For each entry of a symmetric pattern, which lower entry is it or its mirror image, int32."""
    number = np.cumsum(lower, dtype=np.int32) - 1
    return np.where(lower, number, number[twin]).astype(np.int32)


@dataclass(frozen=True, eq=False)
class ByColumn:
    """A pattern's entries sorted by column, then row.

    Args:
        ptr: start of each column, shape (n + 1,), int32.
        rows: row of each entry, shape (nnz,), int32.
        positions: where the entry stands in the pattern, shape (nnz,), int32; in a symmetric pattern, where
            the mirror image of its entry of this number stands.
    """

    ptr: np.ndarray
    rows: np.ndarray
    positions: np.ndarray


def by_columns(pattern: SparsityPattern) -> ByColumn:
    """Sort the entries by column, in linear time."""
    positions = np.arange(pattern.nnz, dtype=np.int32)
    by_row = sp.csr_array((positions, pattern.cols, pattern.indptr.astype(np.int32)), shape=pattern.shape)
    csc = by_row.tocsc()
    return ByColumn(csc.indptr, csc.indices, np.asarray(csc.data))


def running(kept: np.ndarray) -> np.ndarray:
    """Number of True before each position and before the end, shape (size + 1,), int32."""
    return np.concatenate([np.zeros(1, np.int32), np.cumsum(kept, dtype=np.int32)])
