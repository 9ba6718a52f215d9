"""Compute cross second derivatives d2f/dx dw of f(x, w), as a matrix or as products with it.

Legend: C = d2f/dx dw, one row for each of the p entries of x, one column for each of the q entries of w.
C e_j is a derivative of df/dx along w, C'e_i one of df/dw along x: min(p, q) passes give all of C, each a JVP
over the gradient in the larger argument, which costs as much as one Hessian-vector product.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from lagrad.nested.modes import over_basis
from lagrad.nested.symmetric import replaced
from lagrad.pattern import SparsityPattern

Tree = Any


def cross_hessian(f: Callable, argnums: tuple[int, int] = (0, 1), chunk: int | None = None) -> Callable:
    """The block of second derivatives between two arguments, by as many passes as the smaller has entries.

    Args:
        f: `f(*args) -> scalar`.
        argnums: positions of x and w: arrays or pytrees of real floats.
        chunk: passes made at once; all if None. Memory grows with it.

    Returns:
        A function of the same arguments. It gives an array of shape x.shape + w.shape, or for pytrees, as
        `jax.hessian` does, a tree like x of trees like w.

    >>> f = lambda x, w: jnp.sum(jnp.sin(w @ x))
    >>> cross_hessian(f)(jnp.zeros(2), jnp.ones((3, 2))).shape
    (2, 3, 2)
    """

    def block(*args):
        x, w = (args[i] for i in argnums)

        def between(x, w):
            return f(*replaced(args, argnums, (x, w)))

        (flat_x, unravel_x), (flat_w, unravel_w) = ravel_pytree(x), ravel_pytree(w)
        # Only the side that is swept is raveled: the gradient in the other one keeps its structure.
        if flat_x.size <= flat_w.size:
            rows = over_basis(lambda t: cross_transpose_product(between, x, w, unravel_x(t)), flat_x, chunk)
            return _in_blocks(
                x, lambda part: jax.tree.map(lambda leaf: leaf[part], rows), unravel=_first_axis
            )
        columns = over_basis(lambda t: cross_product(between, x, w, unravel_w(t)), flat_w, chunk)
        return jax.tree.map(lambda leaf: _in_blocks(w, lambda part: leaf[part], unravel=_last_axis), columns)

    return block


def cross_product(f: Callable, x: Tree, w: Tree, v: Tree) -> Tree:
    """C v: the change of df/dx as w moves along v, by one JVP over the gradient in x.

    Args:
        f: `f(x, w) -> scalar`.
        x: first argument, array or pytree of real floats.
        w: second argument, likewise.
        v: direction, structure and shapes of `w`.

    Returns:
        C v, structure and shapes of `x`.

    >>> cross_product(lambda x, w: x * w ** 2, 2.0, 3.0, 1.0).tolist()
    6.0
    """
    return jax.jvp(lambda w: jax.grad(f)(x, w), (w,), (v,))[1]


def cross_transpose_product(f: Callable, x: Tree, w: Tree, u: Tree) -> Tree:
    """C'u: the change of df/dw as x moves along u, by one JVP over the gradient in w.

    Args:
        f: `f(x, w) -> scalar`.
        x: first argument, array or pytree of real floats.
        w: second argument, likewise.
        u: direction, structure and shapes of `x`.

    Returns:
        C'u, structure and shapes of `w`.

    >>> cross_transpose_product(lambda x, w: x * w ** 2, 2.0, 3.0, 1.0).tolist()
    6.0
    """
    return jax.jvp(lambda x: jax.grad(f, argnums=1)(x, w), (x,), (u,))[1]


def sparse_cross_hessian(f: Callable, pattern: SparsityPattern, *, rows=None, columns=None) -> Callable:
    """The block as a sparse matrix, by one pass for each color.

    Args:
        f: `f(x, w) -> scalar`.
        pattern: entries that C may have, shape (p, q), x and w raveled by `jax.flatten_util.ravel_pytree`;
            `lagrad.jacobian_sparsity(lambda w: jax.grad(f)(x, w), w)` finds it.
        rows: color of each entry of x, shape (p,), such that rows of C with a common column differ:
            `lagrad.color_rows(pattern).colors`. Give this or `columns`, whichever has fewer colors.
        columns: color of each entry of w, shape (q,), likewise from `lagrad.color_columns`.

    Returns:
        A function `(x, w) -> csr_array` of shape (p, q).

    Raises:
        ValueError: neither or both of `rows` and `columns` are given, or in the wrong size.

    >>> f = lambda x, w: jnp.sum(x ** 2 * w)
    >>> sparse_cross_hessian(f, SparsityPattern.from_dense(np.eye(2)), rows=[1, 1])(
    ...     jnp.array([1.0, 2.0]), jnp.zeros(2)).toarray().tolist()
    [[2.0, 0.0], [0.0, 4.0]]
    """
    colors = _colors_given(pattern, rows, columns)
    side = 0 if columns is None else 1
    groups, color = np.unique(colors, return_inverse=True)
    seeds = (color == np.arange(groups.size)[:, None]).astype(float)
    seeded, read = (pattern.rows, pattern.cols) if side == 0 else (pattern.cols, pattern.rows)

    @jax.jit
    def values(x, w):
        (flat_x, unravel_x), (flat_w, unravel_w) = ravel_pytree(x), ravel_pytree(w)
        product = (cross_transpose_product, cross_product)[side]

        def along(seed):
            return product(lambda x, w: f(unravel_x(x), unravel_w(w)), flat_x, flat_w, seed)

        products = jax.vmap(along)(jnp.asarray(seeds, (flat_x, flat_w)[side].dtype))
        return products[color[seeded], read]

    return lambda x, w: pattern.to_scipy(np.asarray(values(x, w)))


def _in_blocks(swept: Tree, cut: Callable, unravel: Callable) -> Tree:
    """Tree like `swept`: for each leaf its part of the raveled first axis, in the leaf's shape."""
    leaves, tree = jax.tree.flatten(swept)
    ends = np.cumsum([0, *(jnp.size(leaf) for leaf in leaves)])
    blocks = [
        jax.tree.map(partial(unravel, jnp.shape(leaf)), cut(slice(*ends[i : i + 2])))
        for i, leaf in enumerate(leaves)
    ]
    return jax.tree.unflatten(tree, blocks)


def _first_axis(shape, block):
    return block.reshape(shape + block.shape[1:])


def _last_axis(shape, block):
    return jnp.moveaxis(block, 0, -1).reshape(block.shape[1:] + shape)


def _colors_given(pattern: SparsityPattern, rows, columns) -> np.ndarray:
    if (rows is None) == (columns is None):
        raise ValueError("nested.sparse_cross_hessian: give the colors of one side, `rows` or `columns`.")
    side, colors = (0, rows) if columns is None else (1, columns)
    colors = np.asarray(colors)
    if colors.shape == (pattern.shape[side],):
        return colors
    raise ValueError(
        f"nested.sparse_cross_hessian: `{('rows', 'columns')[side]}` has shape {colors.shape}, expected "
        f"({pattern.shape[side]},). Give one color for each entry of {'xw'[side]}."
    )
