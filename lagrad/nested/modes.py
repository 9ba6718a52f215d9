"""Nest forward and reverse mode: Hessian-vector products, Hessians and Jacobians in each way.

Legend: f is the function, x the point, v a direction like x, H = d2f/dx2, J = df/dx, n the size of x.
Whoever needs a Hessian-vector product takes it from here, so that the four nestings are spelled once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

Tree = Any


def hvp(f: Callable, x: Tree, v: Tree, mode: str = "forward-over-reverse") -> Tree:
    """Hessian-vector product H v of a scalar function, without the matrix.

    Args:
        f: `f(x) -> scalar`, traceable by JAX.
        x: point, array or pytree of real arrays.
        v: direction, same structure and shapes as `x`.
        mode: a key of `MODES`. "forward-over-reverse" is the one to take: one gradient and its
            derivative along `v`. "reverse-over-forward" costs about the same, "reverse-over-reverse" keeps
            the intermediate values of the gradient too, "forward-over-forward" needs n sweeps.

    Returns:
        H v, same structure and shapes as `x`.

    Raises:
        ValueError: `mode` is not a key of `MODES`.

    Source: Pearlmutter (1994), Fast exact multiplication by the Hessian; Griewank and Walther (2008), ch. 5.

    >>> hvp(lambda x: x[0] ** 2 * x[1], jnp.array([1.0, 3.0]), jnp.array([1.0, 0.0])).tolist()
    [6.0, 2.0]
    """
    return _chosen(MODES, mode, "hvp")(f, x, v)


def hessian(f: Callable, x: Tree, mode: str = "forward-over-reverse", chunk: int | None = None) -> jax.Array:
    """Dense Hessian of a scalar function, one product a column.

    Args:
        f: `f(x) -> scalar`.
        x: point, array or pytree of real arrays with n entries in all.
        mode: a key of `MODES`.
        chunk: columns computed at once; all if None. Memory grows with it.

    Returns:
        H, shape (n, n), in the order of `jax.flatten_util.ravel_pytree`.

    Raises:
        ValueError: `mode` is not a key of `MODES`.

    >>> hessian(lambda x: x[0] ** 2 * x[1], jnp.array([1.0, 3.0])).tolist()
    [[6.0, 2.0], [2.0, 0.0]]
    """
    flat, unravel = ravel_pytree(x)
    product = partial(_chosen(MODES, mode, "hessian"), lambda point: f(unravel(point)), flat)
    return over_basis(product, flat, chunk)


def jacobian(f: Callable, x: Tree, mode: str = "auto", chunk: int | None = None) -> jax.Array:
    """Dense Jacobian, column by column (forward) or row by row (reverse).

    Args:
        f: `f(x) -> array or pytree` with m entries in all.
        x: point, array or pytree of real arrays with n entries in all.
        mode: "forward" (n sweeps), "reverse" (m sweeps, each dearer and with memory of the whole run),
            or "auto": forward unless the output is the smaller side.
        chunk: sweeps done at once; all if None.

    Returns:
        J, shape (m, n), raveled as `jax.flatten_util.ravel_pytree` does.

    Raises:
        ValueError: `mode` is none of the three.

    >>> jacobian(lambda x: x ** 2, jnp.array([1.0, 3.0])).tolist()
    [[2.0, 0.0], [0.0, 6.0]]
    """
    flat, unravel = ravel_pytree(x)

    def raveled(point):
        return ravel_pytree(f(unravel(point)))[0]

    return _chosen(JACOBIANS, mode, "jacobian")(raveled, flat, chunk)


def over_basis(linear: Callable, like: jax.Array, chunk: int | None = None) -> Any:
    """Matrix of a linear map, one unit vector after the other, in chunks.

    Args:
        linear: maps an array like `like` to an array or pytree, linearly.
        like: array of shape (n,), for size and dtype.
        chunk: unit vectors pushed at once; all if None.

    Returns:
        Images of the unit vectors, stacked along a new first axis of size n.

    >>> over_basis(lambda t: 2 * t, jnp.zeros(2)).tolist()
    [[2.0, 0.0], [0.0, 2.0]]
    """
    if chunk is None or chunk >= like.size:
        return jax.vmap(linear)(jnp.eye(like.size, dtype=like.dtype))

    def images(start, count):
        at = start + jnp.arange(count)
        return jax.vmap(lambda i: linear(jnp.zeros_like(like).at[i].set(1)))(at)

    full, rest = divmod(like.size, chunk)
    blocks = jax.lax.map(lambda k: images(k * chunk, chunk), jnp.arange(full))
    joined = jax.tree.map(lambda block: block.reshape(full * chunk, *block.shape[2:]), blocks)
    if not rest:
        return joined
    return jax.tree.map(lambda *pair: jnp.concatenate(pair), joined, images(full * chunk, rest))


def forward_over_reverse(f: Callable, x: Tree, v: Tree) -> Tree:
    """H v as the derivative of the gradient along v: the memory of one gradient, twice."""
    return jax.jvp(jax.grad(f), (x,), (v,))[1]


def reverse_over_forward(f: Callable, x: Tree, v: Tree) -> Tree:
    """H v as the gradient of the slope along v."""
    return jax.grad(lambda point: jax.jvp(f, (point,), (v,))[1])(x)


def reverse_over_reverse(f: Callable, x: Tree, v: Tree) -> Tree:
    """H v as the transposed derivative of the gradient: stores what the gradient computed on its way."""
    return jax.vjp(jax.grad(f), x)[1](v)[0]


def forward_over_forward(f: Callable, x: Tree, v: Tree) -> Tree:
    """H v entry by entry, e_i' H v: n sweeps, no reverse mode at all."""
    flat, unravel = ravel_pytree(x)

    def slope(point):
        return jax.jvp(f, (point,), (v,))[1]

    def entry(seed):
        return jax.jvp(slope, (x,), (unravel(seed),))[1]

    return unravel(over_basis(entry, flat))


def _by_columns(f, flat, chunk):
    return jnp.moveaxis(over_basis(lambda t: jax.jvp(f, (flat,), (t,))[1], flat, chunk), 0, -1)


def _by_rows(f, flat, chunk):
    value, pullback = jax.vjp(f, flat)
    return over_basis(lambda w: pullback(w)[0], value, chunk)


def _by_the_shorter_side(f, flat, chunk):
    rows = jax.eval_shape(f, flat).size
    return (_by_rows if rows < flat.size else _by_columns)(f, flat, chunk)


def _chosen(table: dict, mode: str, where: str) -> Callable:
    if mode in table:
        return table[mode]
    raise ValueError(f"nested.{where}: `mode` is {mode!r}, expected one of {', '.join(table)}.")


MODES = {
    "forward-over-reverse": forward_over_reverse,
    "reverse-over-forward": reverse_over_forward,
    "forward-over-forward": forward_over_forward,
    "reverse-over-reverse": reverse_over_reverse,
}
JACOBIANS = {"forward": _by_columns, "reverse": _by_rows, "auto": _by_the_shorter_side}
