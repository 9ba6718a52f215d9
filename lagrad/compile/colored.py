"""Prepare compressed sweeps of a colored pattern, and the recovery of its entries.

    B = J S    one JVP a column color        C = W' J    one VJP a row color
    B = H S    one Hessian-vector product a color, forward over reverse

Sweeps are pushed in chunks, each vectorised, so that memory stays under a limit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.coloring import Coloring, Recovery, decompress, recovery
from lagrad.compile.ad_modes import hessian_products
from lagrad.nested import modes


@dataclass(frozen=True, eq=False)
class Sweeps:
    """Compressed products of one matrix, traceable, and how entries are read from them.

    Args:
        function: (x, weights, *param leaves) -> flat products.
        plan: recovery of the entries of the pattern.
        keep: which entries of the pattern are wanted; None for all.
        is_read: whether the function gives the wanted entries instead of products.
    """

    function: Callable
    plan: Recovery
    keep: np.ndarray | None
    is_read: bool = False

    @property
    def rows(self) -> np.ndarray:
        """Row of each wanted entry."""
        rows = self.plan.coloring.pattern.rows
        return rows if self.keep is None else rows[self.keep]

    @property
    def columns(self) -> np.ndarray:
        """Column of each wanted entry."""
        columns = self.plan.coloring.pattern.cols
        return columns if self.keep is None else columns[self.keep]

    def read(self, products: np.ndarray) -> np.ndarray:
        """Values of the wanted entries."""
        if self.is_read:
            return products
        values = decompress(products, self.plan)
        return values if self.keep is None else values[self.keep]


def jacobian(constraints: Callable, coloring: Coloring, chunk: int) -> Sweeps:
    """Sweeps for the Jacobian of constraints(x, *leaves).

    Args:
        constraints: x of shape (n,) to c of shape (m,).
        coloring: of the pattern (m, n), by columns, rows or both.
        chunk: how many sweeps at once.

    Returns:
        Sweeps over all entries of the pattern.
    """
    column_colors, row_colors = (
        jnp_colors(colors) for colors in (coloring.column_colors, coloring.row_colors)
    )

    def products(x, weights, *leaves):
        def fun(x):
            return constraints(x, *leaves)

        found = []
        if coloring.num_column_colors:
            _, push = jax.linearize(fun, x)
            found.append(swept(push, column_colors, coloring.num_column_colors, chunk))
        if coloring.num_row_colors:
            _, pull = jax.vjp(fun, x)
            found.append(swept(lambda w: pull(w)[0], row_colors, coloring.num_row_colors, chunk))
        return jnp.concatenate(found) if found else jnp.zeros(0)

    return Sweeps(products, recovery(coloring), None)


def hessian(outputs: Callable, coloring: Coloring, chunk: int, mode: str = "forward-over-reverse") -> Sweeps:
    """Sweeps for the lower triangle of the Hessian of weights @ outputs(x, *leaves).

    Args:
        outputs: x of shape (n,) to f and c, stacked to shape (m + 1,).
        coloring: of the symmetric pattern (n, n).
        chunk: how many sweeps at once.
        mode: nesting of the Hessian-vector products, see `lagrad.nested.hvp`.

    Returns:
        Sweeps over the entries on and below the diagonal.
    """
    colors = jnp_colors(coloring.column_colors)

    def products(x, weights, *leaves):
        def lagrangian(x):
            return weights @ outputs(x, *leaves)

        def sweep(push):
            return swept(push, colors, coloring.num_column_colors, chunk)

        if mode == "forward-over-reverse":
            return hessian_products(lagrangian, x, sweep)
        return sweep(lambda v: modes.hvp(lagrangian, x, v, mode))

    pattern, plan = coloring.pattern, recovery(coloring)
    keep = np.flatnonzero(pattern.rows >= pattern.cols)
    if coloring.num_colors < np.unique(pattern.cols).size:
        return Sweeps(products, plan, keep)
    # Without compression entries stand in the products as they are. Read where these are made, they need not
    # be brought into order first, which takes XLA as long as the products.
    places = (colors[pattern.cols[keep]] - 1) * pattern.shape[0] + pattern.rows[keep]

    def entries(*arguments):
        return products(*arguments).at[places].get(mode="promise_in_bounds")

    return Sweeps(entries, plan, keep, is_read=True)


def jnp_colors(colors: np.ndarray) -> np.ndarray:
    """Colors in the smallest handy type."""
    return np.asarray(colors, dtype=np.int32)


def swept(push: Callable, colors: np.ndarray, count: int, chunk: int) -> jax.Array:
    """push(seed) for the seed of every color, one after the other in a flat array."""

    def one(color):
        return push((colors == color).astype(jnp.float64))

    numbers = jnp.arange(1, count + 1, dtype=jnp.int32)
    return (
        jax.vmap(one)(numbers) if count <= chunk else jax.lax.map(one, numbers, batch_size=chunk)
    ).reshape(-1)
