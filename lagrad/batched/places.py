"""Take entries of vectors with the batch as last axis, and put entries at their places."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def taken(vectors: Any, places: np.ndarray) -> Any:
    """Some entries of vectors (k, B): a slice where these are neighbours."""
    if is_stretch(places):
        return vectors[places[0] : places[-1] + 1]
    if isinstance(vectors, np.ndarray):
        return vectors[places]
    return vectors.at[places].get(mode="promise_in_bounds")


def spread(vectors: Any, places: np.ndarray, size: int) -> jax.Array:
    """Vectors of `size` entries with these at the given places, which ascend, and zeros elsewhere."""
    if not places.size:
        return jnp.zeros((size, *vectors.shape[1:]), vectors.dtype)
    if is_stretch(places):
        before, after = places[0], size - 1 - places[-1]
        return jnp.pad(vectors, [(before, after), *[(0, 0)] * (vectors.ndim - 1)])
    source = np.full(size, places.size)
    source[places] = np.arange(places.size)
    return jnp.pad(vectors, [(0, 1), *[(0, 0)] * (vectors.ndim - 1)]).at[source].get(mode="promise_in_bounds")


def is_stretch(places: np.ndarray) -> bool:
    """Whether places that ascend are neighbours."""
    return places.size > 0 and places[-1] - places[0] == places.size - 1
