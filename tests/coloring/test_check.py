"""The checks themselves, on colorings that papers show to be right or wrong."""

from __future__ import annotations

import numpy as np
import pytest

from lagrad.coloring.coloring import KINDS, Coloring
from lagrad.pattern import SparsityPattern
from tests.coloring.check import CHECKS, is_acyclic_coloring, is_star_coloring, is_valid, partitions
from tests.coloring.matrices import band, cross_grid

NONE = np.zeros(4, int)


def test_every_kind_has_a_check():
    """The table is complete."""
    assert set(CHECKS) == set(KINDS)


@pytest.mark.parametrize(
    "colors, star, acyclic",
    [([1, 2, 1, 2], False, True), ([1, 2, 3, 1], True, True), ([1, 1, 2, 3], False, False)],
)
def test_paths_on_four(colors, star, acyclic):
    """Two colors on a path on four vertices are a tree but no star; equal neighbors are neither."""
    assert is_star_coloring(band(4, 1), np.array(colors)) == star
    assert is_acyclic_coloring(band(4, 1), np.array(colors)) == acyclic
    assert is_valid(Coloring("star", band(4, 1), np.array(colors), NONE)) == star
    assert is_valid(Coloring("acyclic", band(4, 1), np.array(colors), NONE)) == acyclic


def test_a_two_colored_cycle_is_not_acyclic():
    """The smallest cycle of a grid needs three colors."""
    assert not is_acyclic_coloring(cross_grid(2, 2), np.array([1, 2, 2, 1]))
    assert is_acyclic_coloring(cross_grid(2, 2), np.array([1, 2, 3, 1]))


@pytest.mark.parametrize(
    "kind, columns, rows, valid",
    [
        ("columns", [1, 1], [0], False),
        ("columns", [1, 2], [0], True),
        ("columns", [1, 0], [0], False),
        ("columns", [1, 2], [1], False),
        ("rows", [0, 0], [1], True),
        ("rows", [0, 0], [0], False),
        ("bidirectional-star", [1, 1], [1], True),
        ("bidirectional-star", [1, 1], [0], False),
        ("bidirectional-acyclic", [1, 0], [0], False),
    ],
)
def test_one_row_of_two(kind, columns, rows, valid):
    """All ways to read a single row of two entries."""
    pattern = SparsityPattern.from_dense([[1, 1]])
    assert is_valid(Coloring(kind, pattern, np.array(columns), np.array(rows))) == valid


def test_partitions_are_counted_by_bell_numbers():
    """1, 1, 2, 5, 15, 52 ways to split 0, 1, 2, 3, 4, 5 vertices; with a neutral class one vertex more."""
    assert [sum(1 for _ in partitions(n)) for n in range(6)] == [1, 1, 2, 5, 15, 52]
    assert [sum(1 for _ in partitions(n, neutral=True)) for n in range(5)] == [1, 2, 5, 15, 52]
