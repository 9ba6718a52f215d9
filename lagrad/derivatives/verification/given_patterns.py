"""Find entries that a given pattern lacks, each by itself, however small beside its neighbors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from lagrad.coloring import color_columns
from lagrad.derivatives.verification.doubts import Derivatives, Doubt, told
from lagrad.derivatives.verification.exact import SPREAD
from lagrad.pattern import SparsityPattern
from lagrad.sparsity.detect import detect


def missing_entries(derivatives: Derivatives, x: np.ndarray, multipliers: np.ndarray) -> list[Doubt]:
    """Entries that can be nonzero, are so at x, and are in no given pattern.

    Only entries that structure detection finds beyond the given pattern are computed, by a product with JAX's
    derivatives for each color of the pattern that it found: no two entries of a row are added up.

    Args:
        derivatives: made with patterns of the user's own.
        x: point, shape (n,).
        multipliers: weights of the constraint rows, shape (m,).

    Returns:
        A doubt for each of the two matrices, none where nothing is missing.
    """
    reference, leaves, given = derivatives.reference, derivatives.leaves, derivatives.plan.given
    found, weights = detect(reference.closed, second_order="hessian" in given), np.append(1.0, multipliers)
    patterns = {"jacobian": below(found.jacobian), "hessian": found.hessian}
    products = {
        "jacobian": lambda noise, v: reference.jvp(noise, x, v, leaves)[1:],
        "hessian": lambda noise, v: reference.hvp(noise, x, weights, v, leaves),
    }
    doubts: list[Doubt] = []
    for name in given:
        pattern = patterns[name]
        assert pattern is not None
        extra = beyond(pattern, getattr(derivatives, f"{name}_pattern"))
        rows = dict(nonzero(pattern, extra, products[name], reference.noises))
        if rows:
            doubts.append(told(derivatives, name, rows))
    return doubts


def below(pattern: SparsityPattern) -> SparsityPattern:
    """The pattern without its first row, the objective's."""
    return SparsityPattern.from_scipy(pattern.to_scipy()[1:])


def beyond(found: SparsityPattern, given: SparsityPattern) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the entries of one pattern that are not in the other."""
    width = found.shape[1]
    one, other = (np.asarray(p.rows, np.int64) * width + p.cols for p in (found, given))
    left = np.setdiff1d(one, other)
    return left // width, left % width


def nonzero(
    pattern: SparsityPattern, extra: tuple[Any, ...], product: Callable[..., Any], noises: list[Any]
) -> Iterator[tuple[Any, ...]]:
    """Those of some entries whose values are not zero: (row, (size, 0.0 found, value, column))."""
    rows, columns = extra
    if not rows.size:
        return
    colors = color_columns(pattern).column_colors
    for color in np.unique(colors[columns]):
        direction = (colors == color).astype(float)
        value, *moved = (product(noise, direction) for noise in noises)
        spread = np.max([np.abs(each - value) for each in moved], axis=0)
        mine = colors[columns] == color
        for row, column in zip(rows[mine], columns[mine], strict=True):
            if np.abs(value[row]) > SPREAD * spread[row]:
                yield int(row), (np.abs(value[row]), 0.0, value[row], int(column))
