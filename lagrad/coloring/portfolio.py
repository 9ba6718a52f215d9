"""Try several colorings of a pattern and keep the cheapest.

Attempts are made in a fixed order, those likely to be best for their price first, until one cannot be beaten
or the steps they may take together are spent. Steps are counted, not seconds, so the same pattern gives the
same colors on any machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import chain, islice, product

import numpy as np
import scipy.sparse as sp

from lagrad.coloring.acyclic import acyclic
from lagrad.coloring.bidirectional import bicolored, split_bound, split_coloring, split_steps
from lagrad.coloring.coloring import Coloring
from lagrad.coloring.columns import distance_two
from lagrad.coloring.graph import Graph, adjacency_graph, both_sides_graph, column_graph
from lagrad.coloring.neutral import without_unused
from lagrad.coloring.orders import ORDERS
from lagrad.coloring.peeling import peel_columns, peel_rows, shortest_first, with_hubs, without_hubs
from lagrad.coloring.periodic import occupied, periodic_columns, periodic_symmetric, with_diagonal
from lagrad.coloring.recovery import FEW_LEVELS, recovery
from lagrad.coloring.star import star, star_by_low_centers
from lagrad.pattern import SparsityPattern

# Orders of column and row graphs: steps they take, as multiples of those of one coloring.
ORDER_STEPS = {
    "natural": 0,
    "breadth-first": 1,
    "largest-first": 1,
    "smallest-last": 8,
    "incidence-degree": 8,
}
STAR_ORDERS = (*ORDER_STEPS, "dynamic-largest-first")
# No single order wins; natural leads on grids, the two degree orders where the numbering says nothing.
ACYCLIC_ORDERS = ("natural", "smallest-last", "incidence-degree", "breadth-first", "largest-first")
BIDIRECTIONAL_ORDERS = ("natural", "largest-first", "smallest-last", "random")
# About half a microsecond an entry in all, once compiled.
STEPS_PER_ENTRY, STEPS_AT_LEAST = 100, 200_000
# Substitution and two directions are asked for where products are dear.
PATIENCE = 3
# Periods tried on columns as numbered, beyond the fewest colors possible.
MOST_PERIODS = 4
# After so many attempts in a row without gain, more are rarely worth their time.
FRUITLESS = 5
# Splitting and joining a pattern in NumPy, in steps an entry.
SPLIT_STEPS = 20
# Substitution costs about as much as two products, and one more for so many rounds.
SUBSTITUTION, ROUNDS_PER_PRODUCT = 2.0, 16.0


@dataclass(frozen=True)
class Algorithm:
    """A way to color a graph in an order, and its steps relative to a sweep of the neighbors' neighbors."""

    name: str
    color: Callable[[Graph, np.ndarray], np.ndarray]
    steps: float


@dataclass(frozen=True)
class Family:
    """Algorithms for one kind of symmetric coloring.

    Args:
        algorithms: tried in each order.
        orders: names of orders.
        per_width: a full band of half-width w takes w times this plus 1 colors.
    """

    algorithms: tuple[Algorithm, ...]
    orders: tuple[str, ...]
    per_width: int


@dataclass(frozen=True)
class Attempt:
    """One way to color, not tried yet.

    Args:
        method: algorithm and order, for reports.
        steps: about how many visits it takes.
        color: gives the coloring, or None if the way does not apply.
        at_least: a cost it cannot fall below.
    """

    method: str
    steps: float
    color: Callable[[], Coloring | None]
    at_least: float = 0.0


def color_columns(pattern) -> Coloring:
    """Color columns so that no two entries of a row share a color: J is read from J S.

    Args:
        pattern: SparsityPattern or SciPy sparse matrix, shape (m, n).

    Returns:
        Coloring of kind "columns"; empty columns are neutral (0).

    Raises:
        TypeError: neither of these types.

    Source: Curtis, Powell, Reid (1974); Gebremedhin, Manne, Pothen (2005), section 3.

    >>> color_columns(SparsityPattern.from_dense([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]])).colors.tolist()
    [1, 2, 1, 2]
    """
    pattern = as_pattern(pattern)
    return one_sided(pattern, partial(column_coloring, pattern))


def color_rows(pattern) -> Coloring:
    """Color rows so that no two entries of a column share a color: J is read from W' J.

    Args:
        pattern: SparsityPattern or SciPy sparse matrix, shape (m, n).

    Returns:
        Coloring of kind "rows"; empty rows are neutral (0).

    Raises:
        TypeError: neither of these types.

    >>> color_rows(SparsityPattern.from_dense([[1, 1], [0, 1], [1, 0]])).num_colors
    2
    """
    pattern = as_pattern(pattern)
    return one_sided(pattern.T, partial(row_coloring, pattern))


def color_symmetric(pattern, method: str = "best") -> Coloring:
    """Color a symmetric matrix so that each entry, or its mirror image, is read from H S.

    Args:
        pattern: symmetric SparsityPattern or SciPy sparse matrix, shape (n, n), both triangles.
        method: "star" reads directly, "acyclic" substitutes and needs fewer colors, "best" takes the one with
            the lower predicted cost.

    Returns:
        Coloring of kind "star" or "acyclic"; empty columns, and colors nobody reads, are neutral (0).

    Raises:
        TypeError: `pattern` has another type.
        ValueError: the pattern is not symmetric, or the method is unknown.

    Source: Gebremedhin, Tarafdar, Manne, Pothen (2007).

    >>> arrow = SparsityPattern.from_dense([[1, 1, 1], [1, 1, 0], [1, 0, 1]])
    >>> color_symmetric(arrow, "star").num_colors
    2
    """
    if method not in ("best", "star", "acyclic"):
        raise ValueError(f"color_symmetric: method is {method!r}, expected 'best', 'star' or 'acyclic'.")
    pattern = as_pattern(pattern)
    graph = adjacency_graph(pattern)
    if method == "acyclic":
        return color_graph(pattern, graph, "acyclic")
    direct = color_graph(pattern, graph, "star", patience=1)
    if method == "star" or direct.num_colors <= fewest_colors(graph) + SUBSTITUTION:
        return direct
    return min((direct, color_graph(pattern, graph, "acyclic", patience=1)), key=predicted_cost)


def color_bidirectional(pattern, *, row_weight: float = 1.0, substitution: bool = False) -> Coloring:
    """Color some columns and some rows so that each entry is read from J S or from W' J.

    Args:
        pattern: SparsityPattern or SciPy sparse matrix, shape (m, n).
        row_weight: cost of a product with a row seed (VJP); that with a column seed (JVP) is 1.
        substitution: also try acyclic coloring, whose entries are read one after the other.

    Returns:
        Coloring of kind "bidirectional-star" or "bidirectional-acyclic"; one side may be all neutral.

    Raises:
        TypeError: `pattern` has another type.

    Source: Coleman and Verma (1998); Gebremedhin, Manne, Pothen (2005), section 7.

    >>> cross = SparsityPattern.from_dense([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1]])
    >>> color_bidirectional(cross).num_colors
    3
    """
    pattern = as_pattern(pattern)
    attempts = bidirectional_attempts(pattern, row_weight, substitution)
    fewest = min(1.0, row_weight) * -(-pattern.nnz // max(*pattern.shape, 1))
    steps = PATIENCE * allowance(pattern)
    return cheapest(attempts, steps, partial(predicted_cost, row_weight=row_weight), fewest)


def predicted_cost(coloring: Coloring, row_weight: float = 1.0) -> float:
    """Products with column seeds plus weighted products with row seeds plus substitution, in column products.

    Infinite where substitution takes so many rounds that rounding errors add up.
    """
    products = coloring.num_column_colors + row_weight * coloring.num_row_colors
    if coloring.is_direct:
        return products
    rounds = recovery(coloring).num_levels
    return products + SUBSTITUTION + rounds / ROUNDS_PER_PRODUCT if rounds <= FEW_LEVELS else np.inf


def allowance(pattern: SparsityPattern) -> float:
    """Steps that all attempts together may take."""
    return STEPS_AT_LEAST + STEPS_PER_ENTRY * pattern.nnz


def cheapest(
    attempts: Iterable[Attempt], left: float, cost: Callable[[Coloring], float], enough: float
) -> Coloring:
    """The cheapest coloring that so many steps allow; the first that applies whatever it takes."""
    best, lowest, fruitless = None, np.inf, 0
    for attempt in attempts:
        if best is not None and (attempt.steps > left or attempt.at_least >= lowest):
            continue
        left -= attempt.steps
        coloring = attempt.color()
        if coloring is None:
            continue
        fruitless += 1
        if best is None or cost(coloring) < lowest:
            best, lowest, fruitless = replace(coloring, method=attempt.method), cost(coloring), 0
        if lowest <= enough or fruitless == FRUITLESS:
            break
    assert best is not None
    return best


def count(coloring: Coloring) -> float:
    """Number of colors, the cost where all products cost the same."""
    return coloring.num_colors


def one_sided(pattern: SparsityPattern, made: Callable[[np.ndarray, str], Coloring]) -> Coloring:
    """Best distance-2 coloring of the columns of a pattern."""
    graph = column_graph(pattern)
    fewest = int(graph.net_sizes.max(initial=0))
    best = cheapest(one_sided_attempts(pattern, graph, made), allowance(pattern), count, fewest)
    if best.num_colors == fewest or graph.steps > allowance(pattern):
        return best
    return made(recolored(graph, best.colors), f"{best.method}, recolored")


def one_sided_attempts(pattern, graph: Graph, made) -> Iterator[Attempt]:
    """Periodic colors where the matrix is a band, then greedy ones in several orders."""

    placed = cache(lambda order: ORDERS[order](graph))

    def periodic(order):
        colors = periodic_columns(pattern, placed(order))
        return None if colors is None else made(colors, "")

    for order, steps in (("natural", pattern.nnz), ("breadth-first", graph.steps + graph.wide_steps)):
        yield Attempt(f"periodic, {order}", steps, partial(periodic, order))
    for order, relative in ORDER_STEPS.items():
        color = partial(lambda order: made(distance_two(graph, placed(order)), ""), order)
        yield Attempt(f"greedy, {order}", (1 + relative) * graph.steps, color)
        if order == "natural":
            yield from periods_beyond(pattern, lambda colors: made(colors, ""))


def periods_beyond(pattern: SparsityPattern, made) -> Iterator[Attempt]:
    """Colors j mod k for k a little above the fewest possible: good on grids, whose rows are translates."""
    fewest, order = int(np.diff(pattern.indptr).max(initial=0)), np.arange(pattern.shape[1], dtype=np.int32)

    def periodic(period):
        colors = periodic_columns(pattern, order, period)
        return None if colors is None else made(colors)

    for period in range(fewest, fewest + MOST_PERIODS):
        yield Attempt(f"period {period}", 3 * pattern.nnz, partial(periodic, period), period)


def recolored(graph: Graph, colors: np.ndarray) -> np.ndarray:
    """Color again, last class first: never more colors, since a class can stay together; now and then fewer.

    Source: Culberson (1992), iterated greedy.
    """
    order = np.argsort(-colors, kind="stable")
    return distance_two(graph, order)


def color_graph(pattern: SparsityPattern, graph: Graph, kind: str, patience: int = PATIENCE) -> Coloring:
    """Best star or acyclic coloring of an adjacency graph."""
    family = FAMILIES[kind]
    no_rows = np.zeros(graph.size, np.int32)
    if (colors := periodic_symmetric(pattern, graph, family.per_width)) is not None:
        return Coloring(kind, pattern, colors, no_rows, "periodic")
    present = occupied(pattern.rows, graph.size)

    def made(colors):
        return Coloring(kind, pattern, np.where(present, colors, 0).astype(np.int32), no_rows)

    attempts = graph_attempts(graph, family.algorithms, family.orders, made)
    if kind == "star":
        # Columns of one color that share no row are not even joined by a path on three vertices.
        attempts = chain(islice(attempts, 1), periods_beyond(with_diagonal(pattern), made), attempts)
    return without_unused(cheapest(attempts, patience * allowance(pattern), count, fewest_colors(graph)))


def graph_attempts(
    graph: Graph, algorithms: Iterable[Algorithm], orders: Iterable[str], made
) -> Iterator[Attempt]:
    """Every algorithm in every order, on the graph without its hubs."""
    rest, hubs = without_hubs(graph)
    placed = cache(lambda order: ORDERS[order](rest))

    def color(algorithm, order):
        return made(with_hubs(algorithm.color(rest, placed(order)), hubs))

    for order, algorithm in product(orders, algorithms):
        steps = algorithm.steps * rest.wide_steps
        yield Attempt(f"{algorithm.name}, {order}", steps, partial(color, algorithm, order))


def fewest_colors(graph: Graph) -> int:
    """A lower bound for acyclic, hence for star coloring of n vertices.

    Every two of k classes induce a forest, so there are at most (k - 1) n - k (k - 1) / 2 edges.
    """
    n, edges, k = np.count_nonzero(graph.degrees), graph.num_edges, 1
    while (k - 1) * n - k * (k - 1) // 2 < edges:
        k += 1
    return k


def bidirectional_attempts(pattern, row_weight: float, substitution: bool) -> Iterator[Attempt]:
    """One direction alone, peeled rows, peeled columns, shortest first, then both sides as one graph."""
    promising, other = one_direction_attempts(pattern, row_weight)
    yield promising
    splits = {"peeled rows": peel_rows, "peeled columns": peel_columns}
    splits["shortest first"] = partial(shortest_first, row_weight=row_weight)
    split_of = cache(lambda name: splits[name](pattern))
    for order, name in product(("natural", "largest-first"), splits):
        by_column = split_of(name)
        color = partial(split_coloring, pattern, by_column, ORDERS[order])
        steps = split_steps(pattern, by_column) + SPLIT_STEPS * pattern.nnz
        yield Attempt(f"{name}, {order}", steps, color, split_bound(pattern, by_column, row_weight))
    yield other
    for kind in ("star", "acyclic")[: 1 + substitution]:
        made = partial(bicolored, pattern, kind=f"bidirectional-{kind}")
        yield from graph_attempts(
            both_sides_graph(pattern), FAMILIES[kind].algorithms, BIDIRECTIONAL_ORDERS, made
        )


def one_direction_attempts(pattern: SparsityPattern, row_weight: float) -> list[Attempt]:
    """Columns alone and rows alone, the more promising first."""

    def alone(color):
        return replace(color(pattern), kind="bidirectional-star")

    widest, tallest = (int(np.bincount(side, minlength=1).max()) for side in (pattern.rows, pattern.cols))
    steps = allowance(pattern)
    columns = Attempt("columns", steps, partial(alone, color_columns), widest)
    rows = Attempt("rows", steps, partial(alone, color_rows), row_weight * tallest)
    return sorted([columns, rows], key=lambda attempt: attempt.at_least)


def column_coloring(pattern: SparsityPattern, colors: np.ndarray, method: str) -> Coloring:
    """Coloring with column seeds only."""
    return Coloring("columns", pattern, colors, np.zeros(pattern.shape[0], np.int32), method)


def row_coloring(pattern: SparsityPattern, colors: np.ndarray, method: str) -> Coloring:
    """Coloring with row seeds only."""
    return Coloring("rows", pattern, np.zeros(pattern.shape[1], np.int32), colors, method)


def as_pattern(pattern) -> SparsityPattern:
    """The pattern itself, or that of a SciPy sparse matrix."""
    if isinstance(pattern, SparsityPattern):
        return pattern
    if sp.issparse(pattern):
        return SparsityPattern.from_scipy(pattern)
    found = type(pattern).__name__
    raise TypeError(
        f"pattern: {found}, expected SparsityPattern or SciPy sparse. Use SparsityPattern.from_dense."
    )


FAMILIES = {
    "star": Family(
        (Algorithm("star", star, 2), Algorithm("star by low centers", star_by_low_centers, 1)),
        orders=STAR_ORDERS,
        per_width=2,
    ),
    "acyclic": Family(
        (Algorithm("acyclic", acyclic, 2.5),),
        orders=ACYCLIC_ORDERS,
        per_width=1,
    ),
}
