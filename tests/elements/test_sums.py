"""Laws of short sums: terms of each output element are the entries of its row, in places and factors."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from lagrad.elements.indices import Indices
from lagrad.elements.maps import LinearMap
from lagrad.elements.sums import alike, terms

DENSE = np.array([[0.0, 2, 0, 3], [0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 4, 5], [0, 6, 0, 0]])
MAPS = {
    "rows": LinearMap((5, 4), rows=sp.csr_array(DENSE)),
    "selection": LinearMap((5, 4), Indices.of(np.array([3, -1, 0, 2, 2])), np.array([1.0, 0, 2, 3, 4])),
    "complete selection": LinearMap((5, 9), Indices(5, 0, 2), 3.0),
}


@pytest.mark.parametrize("linear", MAPS.values(), ids=MAPS)
def test_terms_of_like_elements_make_up_their_rows(linear):
    """Every entry once, for every label."""
    labels, lengths = alike({0: linear})
    found = np.zeros(linear.shape)
    for label, length in enumerate(lengths):
        elements = Indices.of(np.flatnonzero(labels == label))
        parts = terms(linear, elements)
        assert len(parts) == length
        for places, factor in parts:
            found[elements.array, places.array] += factor
    np.testing.assert_array_equal(found, linear.to_scipy().toarray())


def test_elements_are_alike_if_every_operand_gives_as_many_terms():
    """One and none are not none and one, though both have one term."""
    one = LinearMap((3, 2), Indices.of(np.array([0, -1, 1])))
    other = LinearMap((3, 2), Indices.of(np.array([-1, 0, 1])))
    labels, lengths = alike({0: one, 2: other})
    assert len(set(labels.tolist())) == 3
    assert sorted(lengths.tolist()) == [1, 1, 2]
