"""Declare distributed control of a semilinear elliptic equation on the unit square.

State y and control u on the grid's inner nodes, five-point Laplacian, y = 0 on the boundary:

    min  1/2 |y - y_d|^2 + alpha/2 |u|^2     s.t.  -Laplace(y) + y^3 = u,  |u| <= 50

with y_d = sin(2 pi s) sin(pi t) and the norms of L2.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array

import lagrad
from lagrad_problems.entry import TWO_SOLVERS, Entry, known_at

SOURCE = (
    "F. Troeltzsch, Optimal Control of Partial Differential Equations (2010), chapter 4; discretized here"
)
WEIGHT, LIMIT = 1e-4, 50.0
# Ours, at 1e-10.
OPTIMA = {
    8: (0.02343902566, TWO_SOLVERS),
    50: (0.02472462053, TWO_SOLVERS),
    100: (0.02475600213, TWO_SOLVERS),
}


def elliptic_control(grid: int = 50) -> Entry:
    """Control problem with 2 grid^2 variables and grid^2 equalities.

    Args:
        grid: inner nodes along a side, at least 1.

    Returns:
        Entry; x is a dict of "control" and "state", each of shape (grid, grid).

    Raises:
        ValueError: no inner node.

    >>> elliptic_control(50).n
    5000
    """
    if grid < 1:
        raise ValueError(f"elliptic_control: grid is {grid}, expected at least 1.")
    h = 1 / (grid + 1)
    nodes = h * np.arange(1, grid + 1)
    target = np.outer(np.sin(2 * np.pi * nodes), np.sin(np.pi * nodes))
    problem = lagrad.Problem(
        lambda x: 0.5 * h**2 * jnp.sum((x["state"] - target) ** 2 + WEIGHT * x["control"] ** 2),
        {"control": np.zeros((grid, grid)), "state": np.zeros((grid, grid))},
        {"equation": lagrad.Equality(lambda x: residual(x["state"], x["control"], h))},
        bounds=({"control": -LIMIT, "state": -np.inf}, {"control": LIMIT, "state": np.inf}),
        name=f"elliptic_control({grid})",
    )
    return Entry(
        "elliptic_control",
        problem,
        "optimal control",
        source=SOURCE,
        numbers={"target": target},
        **known_at(grid, OPTIMA),
    )


def residual(state: Array, control: Array, h: float) -> Array:
    """h^2 (-Laplace(y) + y^3 - u) at the inner nodes, shape (grid, grid)."""
    y = jnp.pad(state, 1)
    neighbours = y[:-2, 1:-1] + y[2:, 1:-1] + y[1:-1, :-2] + y[1:-1, 2:]
    return 4 * state - neighbours + h**2 * (state**3 - control)
