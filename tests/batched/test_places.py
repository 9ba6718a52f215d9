"""Entries taken from vectors and put back: neighbours, scattered ones, none."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from lagrad.batched.places import spread, taken


@pytest.mark.parametrize(
    "places", [[], [3], [1, 2, 3], [0, 2, 5]], ids=["none", "one", "stretch", "scattered"]
)
def test_spread_puts_back_what_was_taken(places):
    """Entries stand where they stood, zeros elsewhere, for JAX arrays and NumPy's."""
    places, vectors = np.array(places, int), np.arange(1.0, 13.0).reshape(6, 2)
    expected = np.zeros((6, 2))
    expected[places] = vectors[places]
    for kind in (np.asarray, jnp.asarray):
        found = taken(kind(vectors), places)
        np.testing.assert_array_equal(found, vectors[places])
        np.testing.assert_array_equal(spread(jnp.asarray(found), places, 6), expected)
