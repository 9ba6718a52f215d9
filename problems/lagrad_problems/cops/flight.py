"""Declare a hang glider, a robot arm and a steered rocket, of COPS.

Trapezoidal rule; the final time is one variable shared by all rows (a dense column).
"""

from __future__ import annotations

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from jax import Array

import lagrad
from lagrad_problems.entry import PUBLISHED, TWO_SOLVERS, Entry, known_at

SOURCE = "E. D. Dolan, J. J. More, T. S. Munson, COPS 3.0 (2004), problem {}"
GLIDER = {100: (-1255.058601, PUBLISHED)}
ROBOT = {20: (9.19017958, TWO_SOLVERS), 200: (9.141395552, PUBLISHED)}
STEERING = {20: (0.5551798939, TWO_SOLVERS), 200: (0.5545770161, PUBLISHED)}
ARM = 5.0


def trapezoid(x: Mapping[str, Array], rates: Mapping[str, Array], step: Array) -> dict[str, Array]:
    """Residuals of the rule for each state, each of shape (intervals,)."""
    return {
        name: x[name][1:] - x[name][:-1] - 0.5 * step * (rate[1:] + rate[:-1]) for name, rate in rates.items()
    }


def fixed(
    names: Mapping[str, tuple[float | None, float | None]], intervals: int, limits: Mapping[str, tuple]
) -> tuple[dict, dict]:
    """Bounds from limits for all times, and from the values at the first and last time, where given."""
    lower, upper = {}, {}
    for name, (least, most) in limits.items():
        sides = np.full(intervals + 1, least, float), np.full(intervals + 1, most, float)
        for place, value in zip((0, -1), names.get(name, (None, None)), strict=True):
            if value is not None:
                sides[0][place] = sides[1][place] = value
        lower[name], upper[name] = sides
    return lower | {"duration": 0.0}, upper | {"duration": np.inf}


def glider_rates(x: dict) -> dict[str, Array]:
    """Lift, drag, weight and a thermal updraft around 250 m."""
    area, density, mass, gravity = 14.0, 1.13, 100.0, 9.81
    place = (x["range"] / 100 - 2.5) ** 2
    sink = x["climb"] - 2.5 * (1 - place) * jnp.exp(-place)
    speed = jnp.sqrt(x["speed"] ** 2 + sink**2)
    drag = 0.5 * (0.034 + 0.069662 * x["lift"] ** 2) * density * area * speed
    lift = 0.5 * x["lift"] * density * area * speed
    return {
        "range": x["speed"],
        "height": x["climb"],
        "speed": (-lift * sink - drag * x["speed"]) / mass,
        "climb": (lift * x["speed"] - drag * sink) / mass - gravity,
    }


def glider(intervals: int = 100) -> Entry:
    """The longest flight of a hang glider from 1000 m to 900 m.

    Args:
        intervals: number of equal intervals, at least 2.

    Returns:
        Entry; x is a dict of "range", "height", "speed", "climb", "lift", each of shape (intervals + 1,), and
        "duration".

    Raises:
        ValueError: fewer than two intervals.

    >>> glider(100).m
    400
    """
    if intervals < 2:
        raise ValueError(f"glider: intervals is {intervals}, expected at least 2.")
    s = np.linspace(0.0, 1.0, intervals + 1)
    ends = {
        "range": (0.0, None),
        "height": (1000.0, 900.0),
        "speed": (13.23, 13.23),
        "climb": (-1.288, -1.288),
    }
    free = (-np.inf, np.inf)
    limits = {
        "range": (0.0, np.inf),
        "height": free,
        "speed": (0.0, np.inf),
        "climb": free,
        "lift": (0.0, 1.4),
    }
    problem = lagrad.Problem(
        lambda x: -x["range"][-1],
        {
            "range": 13.23 * s,
            "height": 1000 - 100 * s,
            "speed": np.full_like(s, 13.23),
            "climb": np.full_like(s, -1.288),
            "lift": np.full_like(s, 0.7),
            "duration": np.array(1.0),
        },
        {"dynamics": lagrad.Equality(lambda x: trapezoid(x, glider_rates(x), x["duration"] / intervals))},
        bounds=fixed(ends, intervals, limits),
        name=f"glider({intervals})",
    )
    return Entry(
        "glider",
        problem,
        "optimal control",
        source=SOURCE.format(11),
        difficulty="difficult",
        **known_at(intervals, GLIDER),
    )


def robot_rates(x: dict) -> dict[str, Array]:
    """An arm that turns about two axes and slides through its hub; moments of inertia depend on the pose."""
    inertia = ((ARM - x["reach"]) ** 3 + x["reach"] ** 3) / 3
    return {
        "reach": x["reach_rate"],
        "turn": x["turn_rate"],
        "tilt": x["tilt_rate"],
        "reach_rate": x["reach_force"] / ARM,
        "turn_rate": x["turn_force"] / (inertia * jnp.sin(x["tilt"]) ** 2),
        "tilt_rate": x["tilt_force"] / inertia,
    }


def robot_arm(intervals: int = 20) -> Entry:
    """The fastest turn of a robot arm by 120 degrees.

    Args:
        intervals: number of equal intervals, at least 2.

    Returns:
        Entry; x is a dict of three coordinates, their rates and forces, each of shape (intervals + 1,), and
        "duration".

    Raises:
        ValueError: fewer than two intervals.

    >>> robot_arm(20).n
    190
    """
    if intervals < 2:
        raise ValueError(f"robot_arm: intervals is {intervals}, expected at least 2.")
    s = np.linspace(0.0, 1.0, intervals + 1)
    whole, zero = 2 * np.pi / 3, np.zeros_like(s)
    ends = {"reach": (4.5, 4.5), "turn": (0.0, whole), "tilt": (np.pi / 4, np.pi / 4)}
    limits = {"reach": (0.0, ARM), "turn": (-np.pi, np.pi), "tilt": (0.0, np.pi)}
    start = {"reach": zero + 4.5, "turn": whole * s**2, "tilt": zero + np.pi / 4, "duration": np.array(1.0)}
    for name in ("reach", "turn", "tilt"):
        ends[f"{name}_rate"] = (0.0, 0.0)
        limits |= {f"{name}_rate": (-np.inf, np.inf), f"{name}_force": (-1.0, 1.0)}
        start |= {f"{name}_rate": zero, f"{name}_force": zero}
    problem = lagrad.Problem(
        lambda x: x["duration"],
        start | {"turn_rate": np.append(2 * whole * s[:-1], 0.0)},
        {"dynamics": lagrad.Equality(lambda x: trapezoid(x, robot_rates(x), x["duration"] / intervals))},
        bounds=fixed(ends, intervals, limits),
        name=f"robot_arm({intervals})",
    )
    return Entry(
        "robot_arm", problem, "optimal control", source=SOURCE.format(6), **known_at(intervals, ROBOT)
    )


def steering_rates(x: dict) -> dict[str, Array]:
    """Constant thrust under a steered angle."""
    return {
        "east": x["east_rate"],
        "north": x["north_rate"],
        "east_rate": 100 * jnp.cos(x["angle"]),
        "north_rate": 100 * jnp.sin(x["angle"]),
    }


def steering(intervals: int = 20) -> Entry:
    """The fastest ascent of a particle with constant thrust to a given height and speed.

    Args:
        intervals: number of equal intervals, at least 2.

    Returns:
        Entry; x is a dict of "east", "north", their rates and "angle", each of shape (intervals + 1,), and
        "duration".

    Raises:
        ValueError: fewer than two intervals.

    >>> steering(20).n
    106
    """
    if intervals < 2:
        raise ValueError(f"steering: intervals is {intervals}, expected at least 2.")
    s = np.linspace(0.0, 1.0, intervals + 1)
    ends = {"east": (0.0, None), "north": (0.0, 5.0), "east_rate": (0.0, 45.0), "north_rate": (0.0, 0.0)}
    limits = dict.fromkeys(ends, (-np.inf, np.inf)) | {"angle": (-np.pi / 2, np.pi / 2)}
    problem = lagrad.Problem(
        lambda x: x["duration"],
        {
            "east": 0 * s,
            "north": 5 * s,
            "east_rate": 45 * s,
            "north_rate": 0 * s,
            "angle": 0 * s,
            "duration": np.array(1.0),
        },
        {"dynamics": lagrad.Equality(lambda x: trapezoid(x, steering_rates(x), x["duration"] / intervals))},
        bounds=fixed(ends, intervals, limits),
        name=f"steering({intervals})",
    )
    return Entry(
        "steering", problem, "optimal control", source=SOURCE.format(10), **known_at(intervals, STEERING)
    )
