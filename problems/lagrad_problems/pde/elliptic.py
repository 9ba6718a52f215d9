"""Declare control of elliptic equations in one to three dimensions, by finite differences.

    min  1/2 |y - target|^2 + weight/2 |u|^2     s.t.  -Laplace(y) + y^3 = u  in the domain

with bounds on u, on y, or both; norms of L2. The one on the square is `elliptic_control`.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array

import lagrad
from lagrad_problems.entry import CLOSED_FORM, TWO_SOLVERS, Entry, known_at

TROELTZSCH = "F. Troeltzsch, Optimal Control of Partial Differential Equations (2010); discretized here"
MAURER = (
    "H. Maurer, H. D. Mittelmann, Optimization Techniques for Solving Elliptic Control Problems (2000), after"
)
LINE = {50: (0.03445839548, TWO_SOLVERS)}
CUBE = {5: (0.01473342664, TWO_SOLVERS)}
STATE = {10: (0.04723961894, TWO_SOLVERS)}
BOUNDARY = {10: (0.5899991330, TWO_SOLVERS)}


def laplace(y: Array, h: float) -> Array:
    """-Laplace(y) times h^2 at the inner nodes of a grid of any dimension, y = 0 outside."""
    padded = jnp.pad(y, 1)
    total = 2 * y.ndim * y
    for axis in range(y.ndim):
        for shift in (0, 2):
            window = tuple(
                slice(shift, shift + y.shape[axis]) if k == axis else slice(1, -1) for k in range(y.ndim)
            )
            total = total - padded[window]
    return total


def wave(grid: int, dimensions: int) -> np.ndarray:
    """A target: one period along the first axis, half a period along the others."""
    s = np.arange(1, grid + 1) / (grid + 1)
    target = np.sin(2 * np.pi * s)
    for _ in range(dimensions - 1):
        target = target[..., None] * np.sin(np.pi * s)
    return target


def distributed(name: str, grid: int, dimensions: int, optima: dict, **options) -> Entry:
    """Control in the whole domain.

    Args:
        name: of the problem.
        grid: inner nodes along a side.
        dimensions: of the domain.
        optima: grid -> (objective, evidence).
        **options: `highest` for a bound on the state, `weight` of the control.
    """
    if grid < 1:
        raise ValueError(f"{name}: grid is {grid}, expected at least 1.")
    h, weight = 1 / (grid + 1), options.get("weight", 1e-4)
    target, shape = wave(grid, dimensions), (grid,) * dimensions

    def misfit(x: dict) -> Array:
        return 0.5 * h**dimensions * jnp.sum((x["state"] - target) ** 2 + weight * x["control"] ** 2)

    def equation(x: dict) -> Array:
        return laplace(x["state"], h) + h**2 * (x["state"] ** 3 - x["control"])

    problem = lagrad.Problem(
        misfit,
        {"control": np.zeros(shape), "state": np.zeros(shape)},
        {"equation": lagrad.Equality(equation)},
        bounds=(
            {"control": -50.0, "state": -np.inf},
            {"control": 50.0, "state": options.get("highest", np.inf)},
        ),
        name=f"{name}({grid})",
    )
    return Entry(
        name,
        problem,
        "control of an equation",
        source=TROELTZSCH,
        numbers={"target": target},
        **known_at(grid, optima),
    )


def elliptic_control_1d(grid: int = 50) -> Entry:
    """On a line.

    Args:
        grid: inner nodes, at least 1.

    Returns:
        Entry; x is a dict of "control" and "state", each of shape (grid,).

    Raises:
        ValueError: no inner node.

    >>> elliptic_control_1d(50).n
    100
    """
    return distributed("elliptic_control_1d", grid, 1, LINE)


def elliptic_control_3d(grid: int = 5) -> Entry:
    """In a cube.

    Args:
        grid: inner nodes along a side, at least 1.

    Returns:
        Entry; x is a dict of "control" and "state", each of shape (grid, grid, grid).

    Raises:
        ValueError: no inner node.

    >>> elliptic_control_3d(5).n
    250
    """
    return distributed("elliptic_control_3d", grid, 3, CUBE)


def state_constrained_control(grid: int = 10) -> Entry:
    """On a square, with a state of at most 0.2: multipliers of the bound tend to measures as the grid grows.

    Args:
        grid: inner nodes along a side, at least 1.

    Returns:
        Entry; x is a dict of "control" and "state", each of shape (grid, grid).

    Raises:
        ValueError: no inner node.

    >>> state_constrained_control(10).m
    100
    """
    return distributed("state_constrained_control", grid, 2, STATE, highest=0.2)


def boundary_control(grid: int = 10) -> Entry:
    """Neumann control on the four sides of a square: the normal derivative is u - y.

    Args:
        grid: nodes along a side, at least 3.

    Returns:
        Entry; x is a dict of "control", shape (4, grid), and "state", shape (grid + 2, grid + 2), zero at the
        corners.

    Raises:
        ValueError: fewer than three nodes.

    >>> boundary_control(10).m
    140
    """
    if grid < 3:
        raise ValueError(f"boundary_control: grid is {grid}, expected at least 3.")
    h = 1 / (grid + 1)
    s = h * np.arange(1, grid + 1)
    target = 2 - 2 * (np.add.outer(s * (s - 1), s * (s - 1)))

    def misfit(x: dict) -> Array:
        inner = x["state"][1:-1, 1:-1]
        return 0.5 * h**2 * jnp.sum((inner - target) ** 2) + 0.005 * h * jnp.sum(x["control"] ** 2)

    def equation(x: dict) -> Array:
        y = x["state"]
        inner = y[1:-1, 1:-1]
        around = y[:-2, 1:-1] + y[2:, 1:-1] + y[1:-1, :-2] + y[1:-1, 2:]
        return 4 * inner - around + h**2 * (inner**3 - inner)

    def flux(x: dict) -> Array:
        y = x["state"]
        sides = jnp.stack([y[0, 1:-1], y[-1, 1:-1], y[1:-1, 0], y[1:-1, -1]])
        next_to = jnp.stack([y[1, 1:-1], y[-2, 1:-1], y[1:-1, 1], y[1:-1, -2]])
        return sides - next_to - h * (x["control"] - sides)

    corners = np.full((grid + 2, grid + 2), np.inf)
    corners[np.ix_([0, -1], [0, -1])] = 0.0
    problem = lagrad.Problem(
        misfit,
        {"control": np.full((4, grid), 1.8), "state": np.zeros((grid + 2, grid + 2))},
        {"equation": lagrad.Equality(equation), "flux": lagrad.Equality(flux)},
        bounds=({"control": 1.8, "state": -corners}, {"control": 2.5, "state": np.minimum(corners, 2.071)}),
        name=f"boundary_control({grid})",
    )
    return Entry(
        "boundary_control",
        problem,
        "control of an equation",
        source=MAURER,
        numbers={"target": target},
        **known_at(grid, BOUNDARY),
    )


def source_inversion(grid: int = 10) -> Entry:
    """Which conductivity explains a state? Noise-free data, so the misfit vanishes at the one that made them.

    Args:
        grid: inner nodes along a side, at least 2.

    Returns:
        Entry; x is a dict of "coefficients", shape (4,), and "state", shape (grid, grid).

    Raises:
        ValueError: fewer than two inner nodes.

    >>> source_inversion(10).n
    104
    """
    if grid < 2:
        raise ValueError(f"source_inversion: grid is {grid}, expected at least 2.")
    h = 1 / (grid + 1)
    s = h * np.arange(1, grid + 1)
    shapes = np.stack(
        [np.outer(np.sin(i * np.pi * s), np.sin(j * np.pi * s)) for i in (1, 2) for j in (1, 2)]
    )
    truth = np.array([0.5, -0.3, 0.2, 0.1])
    line = 2 * np.eye(grid) - np.eye(grid, k=1) - np.eye(grid, k=-1)
    matrix = (np.kron(line, np.eye(grid)) + np.kron(np.eye(grid), line)) / h**2
    load = np.tensordot(truth, shapes, 1)
    data = np.linalg.solve(matrix + np.diag(np.exp(load).ravel()), np.ones(grid**2)).reshape(grid, grid)

    def equation(x: dict) -> Array:
        reaction = jnp.exp(jnp.tensordot(x["coefficients"], shapes, 1))
        return laplace(x["state"], h) / h**2 + reaction * x["state"] - 1

    problem = lagrad.Problem(
        lambda x: 1e4 * jnp.sum((x["state"] - data) ** 2),
        {"coefficients": np.zeros(4), "state": np.zeros((grid, grid))},
        {"equation": lagrad.Equality(equation)},
        bounds=({"coefficients": -2.0, "state": -np.inf}, {"coefficients": 2.0, "state": np.inf}),
        name=f"source_inversion({grid})",
    )
    return Entry(
        "source_inversion",
        problem,
        "parameter estimation",
        0.0,
        "Ours: a reaction coefficient as a sum of sines",
        numbers={"data": data, "truth": truth},
        evidence=CLOSED_FORM,
    )
