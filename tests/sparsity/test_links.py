"""Links forward and backward: what can reach an output is live exactly if that output is."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lagrad.sparsity.deps import boolean_matrix, identity
from lagrad.sparsity.links import Chain, Link, Same, Sparse, Spread, Take, both, either, settled, take

SIZE = 4


@st.composite
def links(draw) -> Link:
    """Any link from SIZE elements to some."""
    kind = draw(st.sampled_from(["same", "take", "spread", "sparse", "chain"]))
    if kind == "same":
        return Same(np.array(draw(st.lists(st.booleans(), min_size=SIZE, max_size=SIZE))))
    if kind == "take":
        return Take(np.array(draw(st.lists(st.integers(-1, SIZE - 1), max_size=6)), dtype=np.int64), SIZE)
    if kind == "spread":
        return Spread(np.array(draw(st.lists(st.integers(-1, 2), min_size=SIZE, max_size=SIZE))), 3)
    if kind == "sparse":
        entries = draw(st.lists(st.tuples(st.integers(0, 4), st.integers(0, SIZE - 1)), max_size=8))
        table = np.array(entries, dtype=np.int32).reshape(-1, 2)
        return Sparse(boolean_matrix(table[:, 0], table[:, 1], (5, SIZE)))
    spread = Spread(np.array(draw(st.lists(st.integers(-1, 1), min_size=SIZE, max_size=SIZE))), 2)
    return Chain(spread, Take(np.array(draw(st.lists(st.integers(-1, 1), max_size=5)), dtype=np.int64), 2))


def matrix(link: Link) -> np.ndarray:
    """Boolean matrix of a link: what each output takes from the elements."""
    return link.deps(identity(SIZE)).matrix.toarray()


@given(links(), st.data())
def test_live_elements_are_those_that_reach_a_live_output(link, data):
    """Backward is the transpose of forward, for masks and for all or none."""
    reached = matrix(link)
    size = reached.shape[0]
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size)), dtype=bool)
    for live, vector in ((mask, mask), (True, np.ones(size, bool)), (False, np.zeros(size, bool))):
        found = np.broadcast_to(link.live(live), SIZE)
        np.testing.assert_array_equal(found, reached.T.astype(int) @ vector > 0)


@given(links(), st.lists(st.integers(0, 3), min_size=SIZE, max_size=SIZE))
def test_degree_of_an_output_is_the_largest_that_enters(link, degrees):
    """0 where nothing enters."""
    degree = np.array(degrees, dtype=np.int8)
    expected = (matrix(link) * degree).max(axis=1, initial=0)
    np.testing.assert_array_equal(link.degree(degree), expected)


def test_masks_are_joined():
    """True, False and arrays, in every combination."""
    some = np.array([True, False])
    assert either(some, True) is True and both(some, False) is False
    np.testing.assert_array_equal(either(some, False), some)
    np.testing.assert_array_equal(both(True, some), some)
    assert settled(np.array([True, True])) is True and settled(np.array([False])) is False


def test_taking_each_its_own_is_the_identity():
    """Then dependencies stay shared."""
    assert isinstance(take(np.arange(3), 3), Same)
    assert isinstance(take(np.array([0, 2, 1]), 3), Take)
