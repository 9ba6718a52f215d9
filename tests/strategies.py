"""Hypothesis strategies: pytrees of arrays, and small smooth problems over them."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lagrad.problem.constraints import Equality, Inequality
from lagrad.problem.problem import Problem

# Sizes 0 and 1 belong to every test; no two sizes of one shape are equal, so that a transposition shows.
SHAPES = [(), (0,), (1,), (2,), (5,), (2, 3), (1, 4), (3, 0), (2, 1, 3)]
NAMES = st.text("abcxyz_", min_size=1, max_size=3)


def floats(limit: float = 10.0) -> st.SearchStrategy[float]:
    """Finite floats of at most this size."""
    return st.floats(-limit, limit, allow_nan=False)


def leaves() -> st.SearchStrategy[np.ndarray]:
    """Float64 arrays of zero to three dimensions and at most six entries."""
    return st.sampled_from(SHAPES).flatmap(lambda shape: arrays(np.float64, shape, elements=floats()))


def pytrees() -> st.SearchStrategy:
    """Arrays, and dicts, lists and tuples of them, nested; empty containers too."""

    def containers(inner):
        several = st.lists(inner, max_size=3)
        return several | several.map(tuple) | st.dictionaries(NAMES, inner, max_size=3)

    return st.recursive(leaves(), containers, max_leaves=5)


def starts() -> st.SearchStrategy:
    """Pytrees with at least one entry: what a problem accepts as x0."""
    return pytrees().filter(lambda tree: sum(np.size(leaf) for leaf in jax.tree.leaves(tree)) > 0)


@st.composite
def bounds(draw, tree):
    """A pair of pytrees like `tree`, lower below upper, each entry with two sides, one or none."""

    def side(outward):
        def one(leaf):
            distance = draw(arrays(np.float64, leaf.shape, elements=st.sampled_from([0.0, 0.5, np.inf])))
            return leaf + outward * distance

        return jax.tree.map(one, tree)

    return side(-1.0), side(1.0)


def _objective(x):
    """Smooth, with coupling between neighbors in the flat order."""
    flat = _flat(x)
    return jnp.sum(flat**2) + jnp.sum(jnp.sin(flat[1:] * flat[:-1]))


def _flat(x):
    parts = [jnp.ravel(leaf) for leaf in jax.tree.leaves(x)]
    return jnp.concatenate([jnp.zeros(0), *parts])


def _mean(x):
    return jnp.mean(_flat(x))


def _products(x):
    flat = _flat(x)
    return {"pair": flat[1:] * flat[:-1], "cube": flat**3}


def _same(x):
    return x


CONSTRAINTS = {
    "mean": Equality(_mean, 0.5),
    "products": Inequality(_products, -200.0, {"cube": 1e4}),
    "same": Inequality(_same, lower=-20.0),
}


@st.composite
def problems(draw) -> Problem:
    """Small smooth problems: any pytree of variables, bounds, and zero to three constraints."""
    x0 = draw(starts())
    names = draw(st.lists(st.sampled_from(sorted(CONSTRAINTS)), unique=True))
    constraints = {name: CONSTRAINTS[name] for name in names}
    return Problem(_objective, x0, constraints, draw(st.none() | bounds(x0)))
