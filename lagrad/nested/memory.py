"""Scan with a reverse derivative that stores only every k-th state.

Legend: T is the number of steps, k the steps of a segment. Reverse mode over a plain scan keeps what every
step computed, memory T. Keeping the T / k states between segments and running each segment again when its
turn comes needs T / k + k and one more forward run; k = sqrt(T) is best.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

Tree = Any


def checkpointed_scan(
    step: Callable, start: Tree, xs: Tree = None, length: int | None = None, segment: int | None = None
) -> tuple[Tree, Tree]:
    """`jax.lax.scan` whose derivatives in reverse need the memory of about 2 sqrt(T) steps instead of T.

    Time grows by one forward run for each reverse mode that goes over it; forward mode costs as before.

    Args:
        step: `step(carry, x) -> (carry, y)`.
        start: first carry.
        xs: arrays with a leading axis of T, or None.
        length: T, needed if `xs` is None.
        segment: steps run again at once; about sqrt(T) if None. Need not divide T.

    Returns:
        (last carry, stacked ys), as `jax.lax.scan` gives them.

    Raises:
        ValueError: neither `xs` nor `length` says how many steps, or `segment` is not positive.

    Source: Griewank and Walther (2008), chapter 12.

    >>> checkpointed_scan(lambda c, x: (c + x, c), 0.0, jnp.arange(5.0))[0].tolist()
    10.0
    """
    steps = _steps(xs, length)
    size = max(1, math.isqrt(steps)) if segment is None else segment
    if size < 1:
        raise ValueError(
            f"nested.checkpointed_scan: `segment` is {segment}, expected a positive number of steps."
        )

    @jax.checkpoint
    def run(carry, part):
        return jax.lax.scan(step, carry, part, length=size)

    whole = steps // size
    parts = jax.tree.map(lambda x: x[: whole * size].reshape(whole, size, *x.shape[1:]), xs)
    carry, ys = jax.lax.scan(run, start, parts, length=whole)
    ys = jax.tree.map(lambda y: y.reshape(whole * size, *y.shape[2:]), ys)
    if whole * size == steps:
        return carry, ys
    carry, rest = jax.lax.scan(
        step, carry, jax.tree.map(lambda x: x[whole * size :], xs), steps - whole * size
    )
    return carry, jax.tree.map(lambda *pair: jnp.concatenate(pair), ys, rest)


def _steps(xs: Tree, length: int | None) -> int:
    leaves = jax.tree.leaves(xs)
    if leaves:
        return int(leaves[0].shape[0])
    if length is None:
        raise ValueError("nested.checkpointed_scan: `xs` holds no array. Give `length`, the number of steps.")
    return length
