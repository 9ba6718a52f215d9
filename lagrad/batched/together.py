"""Have `jax.vmap` call a function of a batch once: every axis that it adds is folded into the batch axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp


def together(function: Callable) -> Callable:
    """The function, arrays with a batch axis in front in and out, under any number of `jax.vmap`.

    >>> doubled = together(lambda x: 2 * x)
    >>> jax.vmap(jax.vmap(lambda x: doubled(x[None])[0]))(jnp.ones((2, 3))).shape
    (2, 3)
    """

    @jax.custom_batching.custom_vmap
    def whole(*arguments):
        return function(*arguments)

    @whole.def_vmap
    def rule(size: int, batched: Any, *arguments):
        def folded(leaf, is_batched):
            spread = leaf if is_batched else jnp.broadcast_to(leaf, (size, *leaf.shape))
            return spread.reshape(size * spread.shape[1], *spread.shape[2:])

        results = whole(*jax.tree.map(folded, arguments, tuple(batched)))
        unfolded = jax.tree.map(
            lambda leaf: leaf.reshape(size, leaf.shape[0] // size, *leaf.shape[1:]), results
        )
        return unfolded, jax.tree.map(lambda _: True, unfolded)

    return whole
