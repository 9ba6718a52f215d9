"""Random small patterns for the laws of coloring: hypothesis strategies."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from lagrad.pattern import SparsityPattern

LARGEST = 7


@st.composite
def patterns(draw, largest: int = LARGEST) -> SparsityPattern:
    """Rectangular, with empty and dense rows and columns, sizes 0 and 1 among them."""
    m, n = draw(st.integers(0, largest)), draw(st.integers(0, largest))
    dense = np.array(draw(st.lists(st.booleans(), min_size=m * n, max_size=m * n)), dtype=bool).reshape(m, n)
    if m and draw(st.booleans()):
        dense[draw(st.integers(0, m - 1)), :] = draw(st.booleans())
    if n and draw(st.booleans()):
        dense[:, draw(st.integers(0, n - 1))] = draw(st.booleans())
    return SparsityPattern.from_dense(dense)


@st.composite
def symmetric_patterns(draw, largest: int = LARGEST) -> SparsityPattern:
    """Square and symmetric; the diagonal may be full, partly there, or missing."""
    n = draw(st.integers(0, largest))
    lower = np.array(draw(st.lists(st.booleans(), min_size=n * n, max_size=n * n)), dtype=bool).reshape(n, n)
    if n and draw(st.booleans()):
        lower[draw(st.integers(0, n - 1)), :] = True
    dense = lower | lower.T
    if draw(st.booleans()):
        np.fill_diagonal(dense, draw(st.booleans()))
    return SparsityPattern.from_dense(dense)


def fill(pattern: SparsityPattern, seed: int = 0) -> np.ndarray:
    """Dense matrix with random entries where the pattern has some; symmetric if the pattern is."""
    rng = np.random.default_rng(seed)
    matrix = np.where(pattern.toarray(), rng.uniform(1, 2, pattern.shape), 0.0)
    return (matrix + matrix.T) if pattern.is_symmetric() else matrix
