"""Solve linear systems inside derivative rules, matrix-free.

Legend: A is a regular matrix of m rows, known by `matvec`: t -> A t; b the right side, shape (m,).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.sparse.linalg import cg, gmres

from lagrad.nested.modes import over_basis
from lagrad.pattern import SparsityPattern

# Up to this size a dense factorisation beats an iterative solve in time, and its memory is no matter.
DENSE_LIMIT = 512


@dataclass(frozen=True)
class LinearSolver:
    """How systems with A and with its transpose are solved.

    Args:
        solve: `solve(matvec, b) -> x` with A x = b.
        transpose_solve: the same for A' and its map.
        symmetric: whether A = A' can be relied on.
    """

    solve: Callable
    transpose_solve: Callable
    symmetric: bool = False


def linear_solver_of(choice: str | LinearSolver, m: int) -> LinearSolver:
    """The solver meant by a name, for systems of m equations.

    Raises:
        ValueError: the name is not known.

    >>> linear_solver_of("cg", 3).symmetric
    True
    """
    if isinstance(choice, LinearSolver):
        return choice
    name = ("dense" if m <= DENSE_LIMIT else "gmres") if choice == "auto" else choice
    if name not in LINEAR_SOLVERS:
        expected = ", ".join(["auto", *LINEAR_SOLVERS])
        raise ValueError(f"linear solver: found {choice!r}, expected a LinearSolver or one of {expected}.")
    return LINEAR_SOLVERS[name]


def sparse_solver(pattern: SparsityPattern, columns, rows) -> LinearSolver:
    """Solver for sparse A: its values by one JVP a color, a sparse LU factorisation on the host.

    Args:
        pattern: entries that A may have, shape (m, m).
        columns: color of each column, shape (m,): columns with a common row differ, as
            `lagrad.color_columns(pattern).colors` gives them.
        rows: color of each row, shape (m,), as `lagrad.color_rows(pattern).colors` gives them; for A'.

    Returns:
        LinearSolver for `lagrad.nested.implicit`.

    >>> diagonal = SparsityPattern.from_dense(np.eye(2))
    >>> sparse_solver(diagonal, [1, 1], [1, 1]).solve(lambda t: 4 * t, jnp.array([4.0, 8.0])).tolist()
    [1.0, 2.0]
    """
    forward, backward = _sparse_solve(pattern, columns), _sparse_solve(pattern.T, rows)
    return LinearSolver(forward, backward)


def _sparse_solve(pattern: SparsityPattern, colors) -> Callable:
    groups, color = np.unique(np.asarray(colors), return_inverse=True)
    seeds = (color == np.arange(groups.size)[:, None]).astype(float)

    def solve(matvec, b):
        compressed = jax.vmap(matvec)(jnp.asarray(seeds, b.dtype))
        values = compressed[color[pattern.cols], pattern.rows]
        result = jax.ShapeDtypeStruct(b.shape, b.dtype)
        return jax.pure_callback(_on_host, result, values, b, vmap_method="expand_dims")

    def _on_host(values, b):
        values, b = np.asarray(values), np.asarray(b)
        lead = np.broadcast_shapes(values.shape[:-1], b.shape[:-1])
        right = np.broadcast_to(b, (*lead, b.shape[-1])).reshape(-1, b.shape[-1])
        matrices = values.reshape(-1, values.shape[-1])
        if len(matrices) == 1:
            return _factored(matrices[0]).solve(right.T).T.reshape(*lead, -1)
        matrices = np.broadcast_to(values, (*lead, values.shape[-1])).reshape(-1, values.shape[-1])
        return np.stack([_factored(m).solve(r) for m, r in zip(matrices, right, strict=True)]).reshape(
            *lead, -1
        )

    def _factored(values):
        from scipy.sparse.linalg import splu

        return splu(pattern.to_scipy(values.astype(float)).tocsc())

    return solve


def _dense(matvec, b):
    return jnp.linalg.solve(over_basis(matvec, b).T, b)


def _gmres(matvec, b):
    tolerance = 50 * float(jnp.finfo(b.dtype).eps)
    restart = min(b.size, 60)
    x, _ = gmres(matvec, b, tol=tolerance, restart=restart, maxiter=200, solve_method="incremental")
    return _or_nan(matvec, x, b)


def _cg(matvec, b):
    x, _ = cg(matvec, b, tol=10 * float(jnp.finfo(b.dtype).eps), maxiter=10 * b.size)
    return _or_nan(matvec, x, b)


def _or_nan(matvec, x, b):
    # A derivative that is wrong in its fourth digit is worse than none: it stops solvers without a word.
    limit = jnp.sqrt(jnp.finfo(b.dtype).eps) * jnp.linalg.norm(b)
    return jnp.where(jnp.linalg.norm(matvec(x) - b) <= limit, x, jnp.nan)


LINEAR_SOLVERS = {
    "dense": LinearSolver(_dense, _dense),
    "gmres": LinearSolver(_gmres, _gmres),
    "cg": LinearSolver(_cg, _cg, symmetric=True),
}
