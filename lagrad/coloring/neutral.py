"""Drop colors from which nothing needs to be read.

An entry that stands alone in two products needs only one of them. The products that are needed anyway are
found first; of the others, one that serves most entries at a time.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lagrad.coloring.coloring import Coloring
from lagrad.coloring.recovery import alone, product_of, unknown_slots


def without_unused(coloring: Coloring) -> Coloring:
    """Make neutral every color that recovery can do without, and number the others anew.

    Args:
        coloring: a valid coloring of any kind.

    Returns:
        Coloring of the same kind with at most as many colors.

    >>> from lagrad.pattern import SparsityPattern
    >>> no_diagonal = SparsityPattern.from_dense([[0, 1, 1], [1, 0, 0], [1, 0, 0]])
    >>> star = Coloring("star", no_diagonal, np.array([1, 2, 2], np.int32), np.zeros(3, np.int32))
    >>> without_unused(star).column_colors.tolist()
    [1, 0, 0]
    """
    if every_color_has_a_diagonal(coloring):
        return coloring
    forward, count = coloring.num_column_colors, coloring.num_colors
    needed = needed_products(coloring, count)
    return replace(
        coloring,
        column_colors=renumbered(coloring.column_colors, needed[:forward]),
        row_colors=renumbered(coloring.row_colors, needed[forward:]),
    )


def every_color_has_a_diagonal(coloring: Coloring) -> bool:
    """Whether no color of a symmetric coloring can be spared, seen at a glance."""
    pattern = coloring.pattern
    present = coloring.column_colors[pattern.rows[pattern.rows == pattern.cols]]
    seen = np.bincount(present, minlength=coloring.num_column_colors + 1)[1:] > 0
    return coloring.is_symmetric and bool(seen.all())


def needed_products(coloring: Coloring, count: int) -> np.ndarray:
    """Whether each product has to be computed, shape (count,), bool."""
    first, second, _ = unknown_slots(coloring)
    here, there = product_of(coloring, first), product_of(coloring, second)
    alone_here, alone_there = alone(first, second)
    needed = np.zeros(count, bool)
    needed[here[~alone_there & (first >= 0)]] = True
    needed[there[~alone_here & (second >= 0)]] = True
    free = alone_here & alone_there
    choices = np.unique(here[free] * np.int64(count) + there[free], return_counts=True)
    return with_choices(needed, choices[0] // max(count, 1), choices[0] % max(count, 1), choices[1])


def with_choices(needed: np.ndarray, here: np.ndarray, there: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Add the product that serves the most of the pairs not yet served, until all are; then prune."""
    needed, chosen = needed.copy(), []
    while (unserved := ~(needed[here] | needed[there])).any():
        both = np.concatenate([here[unserved], there[unserved]])
        chosen.append(int(np.argmax(np.bincount(both, np.tile(weights[unserved], 2)))))
        needed[chosen[-1]] = True
    # Later choices may have made an earlier one superfluous.
    for product in chosen:
        partners = np.concatenate([there[here == product], here[there == product]])
        needed[product] = not needed[partners].all()
    return needed


def renumbered(colors: np.ndarray, needed: np.ndarray) -> np.ndarray:
    """Colors counted from 1 among the needed ones, the others 0."""
    table = np.concatenate([[0], np.where(needed, np.cumsum(needed), 0)])
    return table[colors].astype(np.int32)
