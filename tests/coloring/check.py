"""Check whether a coloring keeps its definition; slow, and apart from the algorithms.

Every function here reads the definition entry by entry with sets, or tries all colorings: for tests and small
matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np

from lagrad.coloring.coloring import Coloring
from lagrad.pattern import SparsityPattern


def is_valid(coloring: Coloring) -> bool:
    """Whether every entry of the pattern can be recovered in the way the kind promises.

    Args:
        coloring: of any kind; neutral colors allowed.

    Returns:
        True if it can.

    >>> pattern = SparsityPattern.from_dense([[1, 1]])
    >>> is_valid(Coloring("columns", pattern, np.array([1, 1]), np.array([0])))
    False
    """
    return CHECKS[coloring.kind](coloring)


def is_readable(coloring: Coloring) -> bool:
    """Whether each entry, or for symmetric kinds its mirror image, stands alone in some product.

    Source: Coleman and Moré (1984), definition of direct determination; Coleman and Verma (1998).
    """
    places = entries(coloring.pattern)
    return all(
        any(is_alone(coloring, places, *place) for place in images(coloring, entry)) for entry in places
    )


def is_readable_from_columns(coloring: Coloring) -> bool:
    """Whether no row holds a color twice, and no column with an entry is neutral."""
    return not coloring.row_colors.any() and is_readable(coloring)


def is_readable_from_rows(coloring: Coloring) -> bool:
    """Whether no column holds a color twice, and no row with an entry is neutral."""
    return not coloring.column_colors.any() and is_readable(coloring)


def is_solvable(coloring: Coloring) -> bool:
    """Whether all entries can be found in turn, each alone in a product once earlier ones are subtracted."""
    left, solved = entries(coloring.pattern), True
    while left and solved:
        solved = {
            entry
            for entry in left
            if any(is_alone(coloring, left, *place) for place in images(coloring, entry))
        }
        left = left - solved - ({(j, i) for i, j in solved} if coloring.is_symmetric else set())
    return not left


def determines(coloring: Coloring) -> bool:
    """Whether the products determine the matrix at all: the map from entries to products is one to one."""
    places = sorted(entries(coloring.pattern))
    unknowns = sorted({min(images(coloring, entry))[:2] for entry in places})
    return np.linalg.matrix_rank(product_map(coloring, unknowns)) == len(unknowns) if unknowns else True


def product_map(coloring: Coloring, unknowns: list[tuple[int, int]]) -> np.ndarray:
    """Dense matrix from unknown entries to all products."""
    S, W = coloring.column_seeds(), coloring.row_seeds()
    images_ = []
    for i, j in unknowns:
        unit = np.zeros(coloring.pattern.shape)
        unit[i, j] = 1
        if coloring.is_symmetric:
            unit[j, i] = 1
        images_.append(np.concatenate([(unit @ S).ravel(), (unit.T @ W).ravel()]))
    return np.array(images_).T


def is_star_coloring(pattern: SparsityPattern, colors: np.ndarray) -> bool:
    """Whether neighbors differ and every path on four vertices has three colors or more.

    Args:
        pattern: symmetric, shape (n, n).
        colors: shape (n,), no neutral ones.
    """
    neighbors = adjacency(pattern)
    proper = all(colors[v] != colors[w] for v in neighbors for w in neighbors[v])
    return proper and all(len({colors[v] for v in path}) > 2 for path in paths_on_four(neighbors))


def is_acyclic_coloring(pattern: SparsityPattern, colors: np.ndarray) -> bool:
    """Whether neighbors differ and every two colors induce a forest.

    Args:
        pattern: symmetric, shape (n, n).
        colors: shape (n,), no neutral ones.
    """
    neighbors = adjacency(pattern)
    if any(colors[v] == colors[w] for v in neighbors for w in neighbors[v]):
        return False
    pairs = combinations(sorted(set(colors.tolist())), 2)
    return all(is_forest(induced(neighbors, {v for v in neighbors if colors[v] in pair})) for pair in pairs)


def fewest_colors_by_search(pattern: SparsityPattern, is_good: Callable[[np.ndarray], bool]) -> int:
    """The optimum: the least number of classes of any good coloring of the columns, all of them tried.

    Args:
        pattern: shape (m, n) with n up to about 8.
        is_good: of colors, shape (n,).

    >>> path = SparsityPattern.from_dense(np.tri(4, k=1) * np.tri(4, k=1).T)
    >>> fewest_colors_by_search(path, lambda colors: is_star_coloring(path, colors))
    3
    """
    return min(max(colors, default=0) for colors in partitions(pattern.shape[1]) if is_good(np.array(colors)))


def fewest_seeds_by_search(pattern: SparsityPattern) -> int:
    """The optimum: the least number of products from which a small matrix can be read, all ways tried.

    >>> fewest_seeds_by_search(SparsityPattern.from_dense([[1, 1, 1], [1, 0, 0]]))
    2
    """
    m, n = pattern.shape
    found = [m + n]
    for columns in partitions(n, neutral=True):
        for rows in partitions(m, neutral=True):
            coloring = Coloring("bidirectional-star", pattern, np.array(columns, int), np.array(rows, int))
            if coloring.num_colors < min(found) and is_readable(coloring):
                found.append(coloring.num_colors)
    return min(found)


def entries(pattern: SparsityPattern) -> set[tuple[int, int]]:
    """All positions as pairs."""
    return set(zip(pattern.rows.tolist(), pattern.cols.tolist(), strict=True))


def images(coloring: Coloring, entry: tuple[int, int]) -> list[tuple[int, int, bool]]:
    """Where an entry may be read: (row, column, whether from a column seed)."""
    i, j = entry
    return [(i, j, True), (j, i, True)] if coloring.is_symmetric else [(i, j, True), (i, j, False)]


def is_alone(coloring: Coloring, places: set[tuple[int, int]], i: int, j: int, from_column: bool) -> bool:
    """Whether no other of the `places` adds to the product in which (i, j) is looked for."""
    colors = coloring.column_colors if from_column else coloring.row_colors
    mine, line = (j, i) if from_column else (i, j)
    others = {b if from_column else a for a, b in places if (a if from_column else b) == line}
    return colors[mine] != 0 and all(colors[other] != colors[mine] for other in others - {mine})


def adjacency(pattern: SparsityPattern) -> dict[int, set[int]]:
    """Neighbors of each vertex."""
    places = entries(pattern)
    return {v: {j for i, j in places if i == v and j != v} for v in range(pattern.shape[0])}


def paths_on_four(neighbors: dict[int, set[int]]) -> Iterator[tuple[int, int, int, int]]:
    """All simple paths on four vertices."""
    for b in neighbors:
        for c in neighbors[b]:
            for a in neighbors[b] - {c}:
                yield from ((a, b, c, d) for d in neighbors[c] - {a, b})


def induced(neighbors: dict[int, set[int]], vertices: set[int]) -> dict[int, set[int]]:
    """The graph on some of the vertices."""
    return {v: neighbors[v] & vertices for v in vertices}


def is_forest(neighbors: dict[int, set[int]]) -> bool:
    """Whether taking away vertices with at most one neighbor, again and again, leaves nothing."""
    while neighbors:
        inner = {v for v in neighbors if len(neighbors[v]) > 1}
        if len(inner) == len(neighbors):
            return False
        neighbors = induced(neighbors, inner)
    return True


def partitions(size: int, neutral: bool = False) -> Iterator[list[int]]:
    """All colorings of `size` vertices up to renaming, colors from 1; with 0 among them if `neutral`."""
    if size == 0:
        yield []
        return
    for first in partitions(size - 1, neutral):
        yield from ([*first, c] for c in range(0 if neutral else 1, max(first, default=0) + 2))


CHECKS = {
    "columns": is_readable_from_columns,
    "rows": is_readable_from_rows,
    "star": is_readable,
    "acyclic": is_solvable,
    "bidirectional-star": is_readable,
    "bidirectional-acyclic": is_solvable,
}
