"""Products of contractions, against going through all of them."""

from __future__ import annotations

from itertools import product

import numpy as np

from lagrad.primitives.contractions import listed_products, products_left


def test_listed_products_are_those_of_entries_that_meet():
    """Each entry of the left factor with each of the right one in the same batch and contracted place."""
    random = np.random.default_rng(0)
    left, right = random.random((2, 3, 4)) < 0.6, random.random((2, 5, 4)) < 0.6
    numbers = [
        np.arange(size).reshape(shape) for size, shape in ((30, (2, 3, 5)), (24, (2, 3, 4)), (40, (2, 5, 4)))
    ]
    expected = [
        (numbers[0][b, i, j], numbers[1][b, i, k], numbers[2][b, j, k])
        for b, i, j, k in product(range(2), range(3), range(5), range(4))
        if left[b, i, k] and right[b, j, k]
    ]
    found = list(zip(*(each.tolist() for each in listed_products(left, right)), strict=True))
    assert sorted(found) == sorted(expected)
    assert products_left(left, right) == len(expected)
