"""List the products that a contraction adds up: out[b, i, j] = sum over k of left[b, i, k] right[b, j, k]."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np


def arranged(shape: tuple[int, ...], batch: Sequence[int], inner: Sequence[int]) -> np.ndarray:
    """Flat numbers of a factor's elements, axes merged to (batch, free, contracted).

    >>> arranged((2, 3), (), (0,)).tolist()
    [[[0, 3], [1, 4], [2, 5]]]
    """
    free = [axis for axis in range(len(shape)) if axis not in (*batch, *inner)]
    lengths = [prod(shape[axis] for axis in axes) for axes in (batch, free, inner)]
    return np.arange(prod(shape)).reshape(shape).transpose(*batch, *free, *inner).reshape(lengths)


def products_left(left: np.ndarray, right: np.ndarray) -> int:
    """Number of products of entries that can both be other than zero.

    Args:
        left: which entries of the left factor can be other than zero, shape (batch, i, k).
        right: of the right factor, shape (batch, j, k).

    >>> products_left(np.eye(3, dtype=bool)[None], np.ones((1, 1, 3), dtype=bool))
    3
    """
    counts = [side.sum(axis=1, dtype=np.int64) for side in (left, right)]
    return int((counts[0] * counts[1]).sum())


def listed_products(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every product of entries that can both be other than zero, in time linear in their number.

    Args:
        left: which entries of the left factor can be other than zero, shape (batch, i, k).
        right: of the right factor, shape (batch, j, k).

    Returns:
        Flat numbers of the output in (batch, i, j), of the left entry in (batch, i, k) and of the right one.

    >>> diagonal, vector = np.eye(2, dtype=bool)[None], np.ones((1, 1, 2), dtype=bool)
    >>> [each.tolist() for each in listed_products(diagonal, vector)]
    [[0, 1], [0, 3], [0, 1]]
    """
    (_, free, inner), other = left.shape, right.shape[1]
    # Right entries sorted by batch and contracted index: the partners of a left entry lie together.
    right_b, right_k, right_j = np.nonzero(right.transpose(0, 2, 1))
    counts = np.bincount(right_b * inner + right_k, minlength=left.shape[0] * inner)
    starts = np.cumsum(counts) - counts
    b, i, k = np.nonzero(left)
    site = b * inner + k
    each = np.repeat(np.arange(b.size), counts[site])
    before = np.cumsum(counts[site]) - counts[site]
    partner = np.arange(each.size) - (before - starts[site])[each]
    out = ((b * free + i) * other)[each] + right_j[partner]
    return out, ((b * free + i) * inner + k)[each], ((right_b * other + right_j) * inner + right_k)[partner]
