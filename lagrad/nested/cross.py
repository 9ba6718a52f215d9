"""Cross second derivatives: f(x, w) in, the block d2f/dx dw out, as a matrix or as products with it.

Legend: C = d2f/dx dw, one row for each of the p entries of x, one column for each of the q entries of w.
C e_j is a derivative of df/dx along w, C'e_i one of df/dw along x: min(p, q) passes give all of C, each a JVP
over the gradient in the larger argument, which costs as much as one Hessian-vector product.
"""

from __future__ import annotations

from collections.abc import Callable
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
        (flat_x, unravel_x), (flat_w, unravel_w) = ravel_pytree(x), ravel_pytree(w)
        flat = _between(f, args, argnums, unravel_x, unravel_w)
        if flat_x.size <= flat_w.size:
            matrix = over_basis(lambda t: _slope_of_gradient(flat, 1, flat_x, flat_w, t), flat_x, chunk)
        else:
            matrix = over_basis(lambda t: _slope_of_gradient(flat, 0, flat_x, flat_w, t), flat_w, chunk).T
        return _in_blocks(matrix, x, w)

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
    along, across = (pattern.rows, pattern.cols) if side == 0 else (pattern.cols, pattern.rows)

    @jax.jit
    def values(x, w):
        (flat_x, unravel_x), (flat_w, unravel_w) = ravel_pytree(x), ravel_pytree(w)
        flat = _between(f, (x, w), (0, 1), unravel_x, unravel_w)
        products = jax.vmap(lambda t: _slope_of_gradient(flat, 1 - side, flat_x, flat_w, t))(
            jnp.asarray(seeds, (flat_x, flat_w)[side].dtype)
        )
        return products[color[along], across]

    return lambda x, w: pattern.to_scipy(np.asarray(values(x, w)))


def _between(f, args, argnums, unravel_x, unravel_w) -> Callable:
    return lambda x, w: f(*replaced(args, argnums, (unravel_x(x), unravel_w(w))))


def _slope_of_gradient(f, kept: int, x, w, direction):
    """Gradient in argument `kept`, differentiated along the other argument."""
    if kept == 0:
        return cross_product(f, x, w, direction)
    return cross_transpose_product(f, x, w, direction)


def _in_blocks(matrix: jax.Array, x: Tree, w: Tree) -> Tree:
    sizes = [np.cumsum([0, *(jnp.size(leaf) for leaf in jax.tree.leaves(tree))]) for tree in (x, w)]

    def row_of_blocks(i, leaf):
        blocks = [
            matrix[sizes[0][i] : sizes[0][i + 1], sizes[1][j] : sizes[1][j + 1]].reshape(
                jnp.shape(leaf) + jnp.shape(other)
            )
            for j, other in enumerate(jax.tree.leaves(w))
        ]
        return jax.tree.unflatten(jax.tree.structure(w), blocks)

    leaves = [row_of_blocks(i, leaf) for i, leaf in enumerate(jax.tree.leaves(x))]
    return jax.tree.unflatten(jax.tree.structure(x), leaves)


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
