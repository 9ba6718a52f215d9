"""Portfolio: a pattern in, the cheapest of several colorings out."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from lagrad.coloring.coloring import Coloring
from lagrad.coloring.columns import distance_two
from lagrad.coloring.graph import Graph, adjacency_graph, column_graph, row_graph
from lagrad.coloring.orders import ORDERS
from lagrad.coloring.star import star, star_by_low_centers
from lagrad.pattern import SparsityPattern


def color_columns(pattern) -> Coloring:
    """first version"""
    pattern = as_pattern(pattern)
    colors, method = best_distance_two(column_graph(pattern))
    return Coloring("columns", pattern, colors, np.zeros(pattern.shape[0], np.int32), method)


def color_rows(pattern) -> Coloring:
    """first version"""
    pattern = as_pattern(pattern)
    colors, method = best_distance_two(row_graph(pattern))
    return Coloring("rows", pattern, np.zeros(pattern.shape[1], np.int32), colors, method)


def color_symmetric(pattern, method: str = "best") -> Coloring:
    """first version"""
    pattern = as_pattern(pattern)
    graph = adjacency_graph(pattern)
    found = [(alg(graph, ORDERS[o](graph)), f"{name}, {o}") for o in ("natural", "largest-first", "smallest-last")
             for alg, name in ((star, "star"), (star_by_low_centers, "star by low centers"))]
    colors, method = min(found, key=lambda item: item[0].max(initial=0))
    return Coloring("star", pattern, colors, np.zeros(pattern.shape[0], np.int32), method)


def best_distance_two(graph: Graph):
    bound = graph.net_sizes.max(initial=0)
    best = None
    for name in ("natural", "largest-first", "smallest-last", "incidence-degree"):
        colors = distance_two(graph, ORDERS[name](graph))
        if best is None or colors.max(initial=0) < best[0].max(initial=0):
            best = colors, name
        if best[0].max(initial=0) == bound:
            break
    return best


def as_pattern(pattern) -> SparsityPattern:
    return SparsityPattern.from_scipy(pattern) if sp.issparse(pattern) else pattern
