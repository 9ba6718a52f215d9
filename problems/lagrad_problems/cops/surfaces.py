"""Declare surfaces and obstacles, of COPS, by linear finite elements on a grid.

Convex, with bounds alone; the boundary's nodes are not variables.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array

import lagrad
from lagrad_problems.entry import PUBLISHED, TWO_SOLVERS, Entry, known_at

SOURCE = "E. D. Dolan, J. J. More, T. S. Munson, COPS 3.0 (2004), problem {}"
BEARING = {10: (-0.1538179007, TWO_SOLVERS), 50: (-0.1548241387, PUBLISHED)}
TORSION = {10: (-0.4099451701, TWO_SOLVERS), 50: (-0.4180875621, PUBLISHED)}
SURFACE = {10: (2.672358524, TWO_SOLVERS), 50: (2.514889278, PUBLISHED)}
ECCENTRICITY, FORCE = 0.1, 5.0


def gradients(v: Array, hx: float, hy: float) -> tuple[Array, Array, Array, Array]:
    """Slopes on the lower (first two) and upper triangles of each cell, each of shape (nx + 1, ny + 1)."""
    dx, dy = jnp.diff(v, axis=0) / hx, jnp.diff(v, axis=1) / hy
    return dx[:, :-1], dy[:-1], dx[:, 1:], dy[1:]


def journal_bearing(grid: int = 10) -> Entry:
    """Pressure in the film of a journal bearing: a quadratic above zero.

    Args:
        grid: inner nodes along a side, at least 1.

    Returns:
        Entry; x has shape (grid, grid).

    Raises:
        ValueError: no inner node.

    >>> journal_bearing(50).n
    2500
    """
    if grid < 1:
        raise ValueError(f"journal_bearing: grid is {grid}, expected at least 1.")
    hx, hy = 2 * np.pi / (grid + 1), 20.0 / (grid + 1)
    angle = hx * np.arange(grid + 2)
    film = (1 + ECCENTRICITY * np.cos(angle)) ** 3
    lower_film = (film[:-1] + 2 * film[1:])[:, None]
    upper_film = (2 * film[1:] + 2 * film[:-1])[:, None]

    def energy(x: Array) -> Array:
        v = jnp.pad(x, 1)
        a, b, c, d = gradients(v, hx, hy)
        quadratic = jnp.sum(lower_film * (a**2 + b**2) + upper_film * (c**2 + d**2))
        load = ECCENTRICITY * jnp.sum(np.sin(angle)[:, None] * v)
        return hx * hy * (quadratic / 12 - load)

    start = np.repeat(np.maximum(np.sin(angle[1:-1]), 0.0)[:, None], grid, axis=1)
    problem = lagrad.Problem(energy, start, bounds=(0.0, None), name=f"journal_bearing({grid})")
    return Entry(
        "journal_bearing",
        problem,
        "obstacle",
        source=SOURCE.format(16),
        **known_at(grid, BEARING),
    )


def torsion(grid: int = 10) -> Entry:
    """Stress in an elastic-plastic bar under torsion: a quadratic below the distance to the boundary.

    Args:
        grid: inner nodes along a side, at least 1.

    Returns:
        Entry; x has shape (grid, grid).

    Raises:
        ValueError: no inner node.

    >>> torsion(50).n
    2500
    """
    if grid < 1:
        raise ValueError(f"torsion: grid is {grid}, expected at least 1.")
    h = 1 / (grid + 1)
    inner = h * np.arange(1, grid + 1)
    to_side = np.minimum(inner, 1 - inner)
    distance = np.minimum(to_side[:, None], to_side)

    def energy(x: Array) -> Array:
        v = jnp.pad(x, 1)
        a, b, c, d = gradients(v, h, h)
        quadratic = jnp.sum(a**2 + b**2 + c**2 + d**2)
        lower = v[1:, :-1] + v[:-1, :-1] + v[:-1, 1:]
        upper = v[1:, 1:] + v[:-1, 1:] + v[1:, :-1]
        return 0.5 * h**2 * (quadratic / 2 - FORCE * jnp.sum(lower + upper) / 3)

    problem = lagrad.Problem(energy, distance, bounds=(-distance, distance), name=f"torsion({grid})")
    return Entry("torsion", problem, "obstacle", source=SOURCE.format(15), **known_at(grid, TORSION))


def minimal_surface(grid: int = 10) -> Entry:
    """The surface of least area above a block, parabolas on two sides of the square.

    Args:
        grid: inner nodes along a side, at least 3.

    Returns:
        Entry; x has shape (grid, grid).

    Raises:
        ValueError: fewer than three inner nodes.

    >>> minimal_surface(50).n
    2500
    """
    if grid < 3:
        raise ValueError(f"minimal_surface: grid is {grid}, expected at least 3.")
    h = 1 / (grid + 1)
    place = np.arange(grid + 2)
    parabola = 1 - (2 * h * place - 1) ** 2
    rim = np.zeros((grid + 2, grid + 2))
    rim[:, 0] = rim[:, -1] = parabola
    under = (place >= np.floor(0.25 / h)) & (place <= np.ceil(0.75 / h))
    block = 1.0 * np.outer(under, under)[1:-1, 1:-1]

    def area(x: Array) -> Array:
        a, b, c, d = gradients(jnp.asarray(rim).at[1:-1, 1:-1].set(x), h, h)
        return 0.5 * h**2 * jnp.sum(jnp.sqrt(1 + a**2 + b**2) + jnp.sqrt(1 + c**2 + d**2))

    start = np.repeat(parabola[1:-1, None], grid, axis=1)
    problem = lagrad.Problem(
        area, np.maximum(start, block), bounds=(block, None), name=f"minimal_surface({grid})"
    )
    return Entry(
        "minimal_surface",
        problem,
        "obstacle",
        source=SOURCE.format(17),
        **known_at(grid, SURFACE),
    )
