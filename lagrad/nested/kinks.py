"""Smooth functions with a corner: neighbors that have second derivatives everywhere.

Legend: e is the width of the rounded corner, in the units of x. Every function here is convex where its
original is, infinitely often differentiable, at most the stated distance above it, and equal to it far away.
What the originals give at their corners is tabulated in the README of this folder.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp


def smooth_abs(x, width: float) -> jax.Array:
    """sqrt(x^2 + e^2), at most e above |x|; second derivative 1 / e at 0.

    Args:
        x: array.
        width: e > 0.

    Returns:
        Array like `x`.

    >>> smooth_abs(jnp.array([0.0, 4.0]), 3.0).tolist()
    [3.0, 5.0]
    """
    # hypot of JAX has no second derivative where both arguments are small: spelled out, with e inside.
    return width * jnp.sqrt(1 + jnp.square(x / width))


def smooth_relu(x, width: float) -> jax.Array:
    """(x + sqrt(x^2 + e^2)) / 2, at most e / 2 above max(x, 0).

    Args:
        x: array.
        width: e > 0.

    Returns:
        Array like `x`.

    >>> smooth_relu(jnp.array(0.0), 3.0).tolist()
    1.5
    """
    return (x + smooth_abs(x, width)) / 2


def smooth_max(x, y, width: float) -> jax.Array:
    """y + smooth_relu(x - y), at most e / 2 above max(x, y).

    Args:
        x: array.
        y: array that broadcasts against `x`.
        width: e > 0.

    Returns:
        Array of the common shape.

    >>> smooth_max(2.0, 2.0, 3.0).tolist()
    3.5
    """
    return y + smooth_relu(x - y, width)


def smooth_norm(x, width: float) -> jax.Array:
    """sqrt(x.x + e^2), at most e above the Euclidean norm; Hessian I / e at 0, where the norm gives nan.

    Args:
        x: array, taken as one vector.
        width: e > 0.

    Returns:
        Scalar.

    >>> smooth_norm(jnp.array([4.0, 0.0]), 3.0).tolist()
    5.0
    """
    return width * jnp.sqrt(1 + jnp.sum(jnp.square(x / width)))
