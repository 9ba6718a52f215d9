"""Laws of feeds: pieces inside a compiled function are the entries that were asked for."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from lagrad.compile.feed import Feed, cut
from lagrad.elements.indices import Indices
from lagrad.precision import float64

VECTOR = np.linspace(1.0, 2.0, 10)
WANTED = {
    "slice": np.arange(2, 9, 3),
    "list": np.array([7, 0, 7]),
    "one": np.array([4]),
    "repeated": np.array([3, 3, 3]),
    "nothing": np.zeros(0, dtype=np.int64),
    "other list": np.array([9, 1]),
}
ROWS = sp.csr_array(np.vstack([np.ones(10), np.eye(10)[3] - np.eye(10)[5], np.zeros(10)]))


def test_pieces_are_what_was_asked_for():
    """Slices, lists and sparse products, in the order of asking."""
    feed = Feed(10)
    numbers = [feed.request(Indices.of(places)) for places in WANTED.values()]
    numbers.append(feed.request_rows(ROWS))
    feeder = feed.finish()
    taken = feeder(VECTOR)
    assert taken.shape == (feeder.size,)
    with float64():
        pieces = jax.jit(feed.pieces)(VECTOR, taken)
    for number, places in zip(numbers, WANTED.values(), strict=False):
        np.testing.assert_array_equal(pieces[number], VECTOR[places])
    np.testing.assert_allclose(pieces[numbers[-1]], ROWS @ VECTOR, rtol=1e-15)


def test_equal_requests_are_one():
    """Asked twice, gathered once; slices are not gathered at all."""
    feed = Feed(10)
    assert feed.request(Indices.of(np.array([7, 0]))) == feed.request(Indices.of(np.array([7, 0])))
    feed.request(Indices(5, 1, 2))
    assert feed.request_rows(ROWS) == feed.request_rows(ROWS)
    assert feed.finish().size == 2 + 3


def test_nothing_asked_is_nothing_taken():
    """An empty array goes over."""
    assert Feed(10).finish()(VECTOR).shape == (0,)


def test_cuts_are_progressions():
    """Also of stride zero and of one element."""
    for indices in (Indices(3, 1, 2), Indices(4, 5, 0), Indices(1, 9), Indices(10)):
        np.testing.assert_array_equal(cut(jnp.arange(10), indices), np.arange(10)[indices.array])
