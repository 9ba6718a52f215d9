"""Random functions of a vector, one operation after the other, and the lists of functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np

from lagrad.precision import float64
from lagrad.tracing import Listing, listed

BINARY = (
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: 2.0 * a - b,
    lambda a, b: -a,
    lambda a, b: a**2,
    lambda a, b: jnp.sin(a),
)


def steps(kinds: int) -> st.SearchStrategy:
    """Numbers of operations, and of their operands among what is there."""
    step = st.tuples(st.integers(0, kinds - 1), st.integers(0, 30), st.integers(0, 30))
    return st.lists(step, min_size=1, max_size=25)


def function_of(plan: Sequence[tuple[int, int, int]], kinds: Sequence[Callable]) -> Callable:
    """A function of a vector of three that does what the steps say, and gives all results."""

    def function(x):
        found = [x[0], x[1], x[2], x, x[1:] * 1.0, 0.5, 3]
        for kind, i, j in plan:
            a, b = found[i % len(found)], found[j % len(found)]
            if np.ndim(a) and np.ndim(b) and np.shape(a) != np.shape(b):
                b = b[0]
            found.append(kinds[kind](a, b))
        return found[7:]

    return function


def same_results(function: Callable, other: Callable, x: np.ndarray) -> None:
    """Compare what two functions give, exactly."""
    for each, expected in zip(jax.jit(function)(x), jax.jit(other)(x), strict=True):
        np.testing.assert_array_equal(each, expected)


def listing_of(function: Callable, *arguments: Any) -> Listing | None:
    """The list of a function; None where JAX wrote equations of it."""
    kept = []

    def once(*given):
        value, listing = listed(function, *given)
        kept.append(listing)
        return value if listing is None else []

    with float64():
        jax.eval_shape(jax.jit(once), *arguments)
    return kept[0]
