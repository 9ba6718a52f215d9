"""Declare problems of COPS about shapes and points."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array

import lagrad
from lagrad_problems.entry import PUBLISHED, Entry, known_at

SOURCE = "E. D. Dolan, J. J. More, T. S. Munson, COPS 3.0 (2004), problem {}"
CAMS = {100: (-4.284147638, PUBLISHED)}
# Thomson's problem: energies of the best known arrangements, to twelve digits in the literature.
ENERGIES = {
    12: (49.165253058, PUBLISHED),
    20: (150.881568334, PUBLISHED),
    25: (243.812760299, PUBLISHED),
    50: (1055.182314726, PUBLISHED),
}
AREAS = {
    6: (-0.6749814423, PUBLISHED),
    8: (-0.7268684819, PUBLISHED),
}
SMALLEST, LARGEST, SPEED = 1.0, 2.0, 1.5


def cam_shape(n: int = 100) -> Entry:
    """The convex cam with the largest opening of its valve: n radii over two fifths of a turn.

    Args:
        n: number of radii, at least 3.

    Returns:
        Entry; x has shape (n,).

    Raises:
        ValueError: fewer than three radii.

    >>> cam_shape(100).m
    203
    """
    if n < 3:
        raise ValueError(f"cam_shape: n is {n}, expected at least 3.")
    angle = 2 * np.pi / (5 * (n + 1))

    def radii(x: Array) -> Array:
        # The cam is a circle before the first radius and after the last one.
        return jnp.concatenate([jnp.full(2, SMALLEST), x, jnp.full(2, LARGEST)])

    def convex(x: Array) -> Array:
        a, b, c = radii(x)[:-3], radii(x)[1:-2], radii(x)[2:-1]
        return jnp.append(
            2 * a * c * jnp.cos(angle) - b * (a + c),
            2 * x[-1] ** 2 * jnp.cos(angle) - 2 * LARGEST * x[-1],
        )

    problem = lagrad.Problem(
        lambda x: -np.pi / n * jnp.sum(x),
        np.full(n, (SMALLEST + LARGEST) / 2),
        {
            "convex": lagrad.Inequality(convex, upper=0.0),
            "slope": lagrad.Inequality(lambda x: jnp.diff(radii(x)[1:-1]) / angle, lower=-SPEED, upper=SPEED),
        },
        bounds=(SMALLEST, LARGEST),
        name=f"cam_shape({n})",
    )
    return Entry("cam_shape", problem, "shape", source=SOURCE.format(5), tolerance=2e-5, **known_at(n, CAMS))


def electrons(count: int = 12) -> Entry:
    """Thomson's problem: point charges on the unit sphere with the least energy.

    Args:
        count: number of charges, at least 2.

    Returns:
        Entry; x has shape (count, 3).

    Raises:
        ValueError: fewer than two charges.

    >>> electrons(25).n
    75
    """
    if count < 2:
        raise ValueError(f"electrons: count is {count}, expected at least 2.")
    one, other = np.triu_indices(count, 1)
    # Fibonacci's spiral: spread evenly, and not symmetric.
    k = np.arange(count) + 0.5
    height, turn = 1 - 2 * k / count, np.pi * (1 + np.sqrt(5)) * k
    radius = np.sqrt(1 - height**2)
    start = np.stack([radius * np.cos(turn), radius * np.sin(turn), height], axis=1)
    problem = lagrad.Problem(
        lambda x: jnp.sum(1 / jnp.sqrt(jnp.sum((x[one] - x[other]) ** 2, axis=1))),
        start,
        {"sphere": lagrad.Equality(lambda x: jnp.sum(x**2, axis=1), 1.0)},
        name=f"electrons({count})",
    )
    return Entry(
        "electrons",
        problem,
        "points on a sphere",
        source=SOURCE.format(2) + "; J. J. Thomson (1904)",
        note="Rotations leave the energy as it is: solutions are not isolated.",
        # Where 25 charges come to rest from here.
        other_optima=(243.8137028,) if count == 25 else (),
        **known_at(count, ENERGIES),
    )


def polygon(vertices: int = 6) -> Entry:
    """The polygon of diameter one with the largest area, in polar coordinates about its last vertex.

    Args:
        vertices: at least 3; for six the best is not the regular one.

    Returns:
        Entry; x is a dict of "radius" and "angle", each of shape (vertices,).

    Raises:
        ValueError: fewer than three vertices.

    >>> polygon(6).m
    20
    """
    if vertices < 3:
        raise ValueError(f"polygon: vertices is {vertices}, expected at least 3.")
    one, other = np.triu_indices(vertices, 1)
    angle, k = np.linspace(0.0, np.pi, vertices), np.arange(1, vertices + 1)
    top = np.full(vertices, 1.0)
    top[-1] = 0.0
    least = np.zeros(vertices)
    least[-1] = np.pi

    def area(x: dict) -> Array:
        r, t = x["radius"], x["angle"]
        return 0.5 * jnp.sum(r[1:] * r[:-1] * jnp.sin(t[1:] - t[:-1]))

    def squares(x: dict) -> Array:
        r, t = x["radius"], x["angle"]
        return r[one] ** 2 + r[other] ** 2 - 2 * r[one] * r[other] * jnp.cos(t[one] - t[other])

    problem = lagrad.Problem(
        lambda x: -area(x),
        {"radius": np.minimum(4 * k * (vertices + 1 - k) / (vertices + 1) ** 2, top), "angle": angle},
        {
            "diameter": lagrad.Inequality(squares, upper=1.0),
            "order": lagrad.Inequality(lambda x: jnp.diff(x["angle"]), lower=0.0),
        },
        bounds=({"radius": 0.0, "angle": least}, {"radius": top, "angle": np.pi}),
        name=f"polygon({vertices})",
    )
    return Entry(
        "polygon",
        problem,
        "shape",
        source=SOURCE.format(1) + "; R. L. Graham, The Largest Small Hexagon (1975)",
        note="Many local maxima.",
        **known_at(vertices, AREAS),
    )
