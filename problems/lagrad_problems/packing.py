"""Declare problems of packing and spreading points and circles.

Highly symmetric, with many local optima: an entry's start is one that leads to the best.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array

import lagrad
from lagrad_problems.entry import CLOSED_FORM, PUBLISHED, TWO_SOLVERS, Entry, known_at

PACKOMANIA = "E. Specht, Packomania (www.packomania.com), circles in a {}"
# Largest least distance of points in the unit square, by points and seed.
DISTANCES = {
    (4, 0): (-1.0, CLOSED_FORM),
    (5, 0): (-np.sqrt(0.5), CLOSED_FORM),
    (9, 0): (-0.5, PUBLISHED),
    (10, 1): (-0.421279543984, PUBLISHED),
}
# Least radius of a circle around unit circles, by circles and seed.
RADII = {
    (3, 0): (1 + 2 / np.sqrt(3), CLOSED_FORM),
    (7, 0): (3.0, CLOSED_FORM),
    (10, 1): (3.813025631, PUBLISHED),
}
# Largest least distance of points on the unit sphere: octahedron, icosahedron.
TAMMES = {(6, 0): (-np.sqrt(2.0), PUBLISHED), (12, 0): (-1.051462224238, PUBLISHED)}
BALL = {(40, 3): (7.506303129, TWO_SOLVERS)}
WEBER = {8: (135.1637782, TWO_SOLVERS)}


def pairs(count: int) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of different positions, the smaller one first."""
    return np.triu_indices(count, 1)


def gaps(x: Array, count: int) -> Array:
    """Squared distances of all pairs of points, shape (pairs,)."""
    one, other = pairs(count)
    return jnp.sum((x[one] - x[other]) ** 2, axis=1)


def spread(name: str, start: np.ndarray, constraints: dict, bounds, optima: dict, source: str) -> Entry:
    """Points as far apart as possible; x is a dict of "point" and "distance"."""
    count = len(start)

    def apart(x: dict) -> Array:
        return gaps(x["point"], count) - x["distance"] ** 2

    lower, upper = (
        {"point": side, "distance": limit} for side, limit in zip(bounds, (0.0, np.inf), strict=True)
    )
    problem = lagrad.Problem(
        lambda x: -x["distance"],
        {"point": start, "distance": np.array(0.3)},
        {"apart": lagrad.Inequality(apart, lower=0.0)} | constraints,
        bounds=(lower, upper),
        name=f"{name}({count})",
    )
    return Entry(name, problem, "packing", source=source, note="Many local optima.", **optima)


def points_in_square(count: int = 10, seed: int = 1) -> Entry:
    """Points in the unit square with the largest least distance.

    Args:
        count: number of points, at least 2.
        seed: of the start.

    Returns:
        Entry; x is a dict of "point", shape (count, 2), and "distance".

    Raises:
        ValueError: fewer than two points.

    >>> points_in_square(10).m
    45
    """
    if count < 2:
        raise ValueError(f"points_in_square: count is {count}, expected at least 2.")
    start = np.random.default_rng(seed).uniform(size=(count, 2))
    return spread(
        "points_in_square",
        start,
        {},
        (0.0, 1.0),
        known_at((count, seed), DISTANCES),
        PACKOMANIA.format("square"),
    )


def points_on_sphere(count: int = 12, seed: int = 0) -> Entry:
    """Tammes' problem: points on the unit sphere with the largest least distance.

    Args:
        count: number of points, at least 2.
        seed: of the start.

    Returns:
        Entry; x is a dict of "point", shape (count, 3), and "distance".

    Raises:
        ValueError: fewer than two points.

    >>> points_on_sphere(12).m
    78
    """
    if count < 2:
        raise ValueError(f"points_on_sphere: count is {count}, expected at least 2.")
    start = np.random.default_rng(seed).normal(size=(count, 3))
    start /= np.linalg.norm(start, axis=1, keepdims=True)
    sphere = {"sphere": lagrad.Equality(lambda x: jnp.sum(x["point"] ** 2, axis=1), 1.0)}
    source = "P. M. L. Tammes (1930); K. Schuette, B. L. van der Waerden (1951)"
    return spread(
        "points_on_sphere", start, sphere, (-np.inf, np.inf), known_at((count, seed), TAMMES), source
    )


def circles_in_circle(count: int = 10, seed: int = 1) -> Entry:
    """The smallest circle around unit circles that do not overlap.

    Args:
        count: number of circles, at least 2.
        seed: of the start.

    Returns:
        Entry; x is a dict of "center", shape (count, 2), and "radius".

    Raises:
        ValueError: fewer than two circles.

    >>> circles_in_circle(10).m
    55
    """
    if count < 2:
        raise ValueError(f"circles_in_circle: count is {count}, expected at least 2.")
    start = 2 * np.random.default_rng(seed).normal(size=(count, 2))

    def inside(x: dict) -> Array:
        return (x["radius"] - 1) ** 2 - jnp.sum(x["center"] ** 2, axis=1)

    problem = lagrad.Problem(
        lambda x: x["radius"],
        {"center": start, "radius": np.array(float(count))},
        {
            "apart": lagrad.Inequality(lambda x: gaps(x["center"], count), lower=4.0),
            "inside": lagrad.Inequality(inside, lower=0.0),
        },
        bounds=({"center": -np.inf, "radius": 1.0}, None),
        name=f"circles_in_circle({count})",
    )
    return Entry(
        "circles_in_circle",
        problem,
        "packing",
        source=PACKOMANIA.format("circle"),
        note="Many local optima.",
        **known_at((count, seed), RADII),
    )


def smallest_ball(count: int = 40, dimensions: int = 3) -> Entry:
    """The smallest ball around given points: convex, a few constraints active.

    Args:
        count: number of points, at least 2.
        dimensions: at least 1.

    Returns:
        Entry; x is a dict of "center", shape (dimensions,), and "square", the squared radius.

    Raises:
        ValueError: too few points or dimensions.

    >>> smallest_ball(40, 3).m
    40
    """
    if count < 2 or dimensions < 1:
        raise ValueError(
            f"smallest_ball: sizes {count} and {dimensions}, expected at least 2 points in 1 dimension."
        )
    points = np.random.default_rng(1).normal(size=(count, dimensions))
    problem = lagrad.Problem(
        lambda x: x["square"],
        {"center": np.zeros(dimensions), "square": np.array(10.0)},
        {
            "inside": lagrad.Inequality(
                lambda x: jnp.sum((points - x["center"]) ** 2, axis=1) - x["square"], upper=0.0
            )
        },
        name=f"smallest_ball({count}, {dimensions})",
    )
    return Entry(
        "smallest_ball",
        problem,
        "convex geometry",
        source="J. J. Sylvester, A Question in the Geometry of Situation (1857)",
        numbers=points,
        **known_at((count, dimensions), BALL),
    )


def weber_location(facilities: int = 8) -> Entry:
    """Where to build: facilities outside forbidden discs, close to customers and to one another.

    Args:
        facilities: at least 1.

    Returns:
        Entry; x has shape (facilities, 2).

    Raises:
        ValueError: no facility.

    >>> weber_location(8).n
    16
    """
    if facilities < 1:
        raise ValueError(f"weber_location: facilities is {facilities}, expected at least 1.")
    random = np.random.default_rng(2)
    customers = random.uniform(0.0, 10.0, size=(facilities, 5, 2))
    discs = np.array([[3.0, 3.0], [7.0, 6.0], [4.0, 8.0]])

    def cost(x: Array) -> Array:
        to_customers = jnp.sqrt(jnp.sum((x[:, None] - customers) ** 2, axis=2) + 1e-2)
        chain = jnp.sqrt(jnp.sum((x[1:] - x[:-1]) ** 2, axis=1) + 1e-2)
        return jnp.sum(to_customers) + jnp.sum(chain)

    problem = lagrad.Problem(
        cost,
        customers.mean(axis=1),
        {
            "discs": lagrad.Inequality(
                lambda x: jnp.sum((x[:, None] - discs) ** 2, axis=2),
                lower=np.tile([2.0, 3.0, 1.0], (facilities, 1)),
            )
        },
        bounds=(0.0, 10.0),
        name=f"weber_location({facilities})",
    )
    return Entry(
        "weber_location",
        problem,
        "location",
        source="A. Weber (1909), with forbidden regions of our own",
        note="Several local optima.",
        **known_at(facilities, WEBER),
    )


PROBLEMS = (circles_in_circle, points_in_square, points_on_sphere, smallest_ball, weber_location)
