"""Declare multiple shooting with shared parameters and one dense row.

A vehicle (position, speed, heading) drives round a corner in ten seconds; acceleration and turning rate are
constant on each interval, one Runge-Kutta step an interval. Three design parameters (drag and two wind
components) are shared by all intervals (dense columns), and the mean squared speed is prescribed (a dense
row).

The Jacobian needs 14 products once the dense row is peeled, and n or m of them if one direction must do.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

import lagrad
from lagrad_problems.entry import TWO_SOLVERS, Entry, known_at

SOURCE = "Ours, after H. G. Bock, K. J. Plitt, A Multiple Shooting Algorithm (1984)"
DURATION, MEAN_SQUARED_SPEED = 10.0, 4.0
FIRST, LAST = np.array([0.0, 0.0, 1.0, 0.0]), np.array([12.0, 8.0, 1.0, np.pi / 2])
NOMINAL = np.array([0.1, 0.0, 0.0])
# Ours, at 1e-10.
OPTIMA = {20: (2.697139089, TWO_SOLVERS), 200: (2.551568174, TWO_SOLVERS)}


def multiple_shooting(intervals: int = 200) -> Entry:
    """The manoeuvre with 6 intervals + 7 variables and 4 intervals + 1 equalities.

    Args:
        intervals: number of shooting intervals, at least 2.

    Returns:
        Entry; x is a dict of "control", shape (intervals, 2), "parameters", shape (3,), and "state",
        shape (intervals + 1, 4).

    Raises:
        ValueError: fewer than two intervals.

    >>> entry = multiple_shooting(200)
    >>> entry.n, entry.m
    (1207, 801)
    """
    if intervals < 2:
        raise ValueError(f"multiple_shooting: intervals is {intervals}, expected at least 2.")
    h = DURATION / intervals
    problem = lagrad.Problem(
        lambda x: h * jnp.sum(x["control"] ** 2) + 100 * jnp.sum((x["parameters"] - NOMINAL) ** 2),
        {
            "control": np.zeros((intervals, 2)),
            "parameters": NOMINAL,
            "state": FIRST + np.linspace(0.0, 1.0, intervals + 1)[:, None] * (LAST - FIRST),
        },
        {
            "matching": lagrad.Equality(lambda x: gaps(x, h)),
            "speed": lagrad.Equality(lambda x: jnp.mean(x["state"][:, 2] ** 2), MEAN_SQUARED_SPEED),
        },
        bounds=({"state": ends(-np.inf, intervals)}, {"state": ends(np.inf, intervals)}),
        name=f"multiple_shooting({intervals})",
    )
    return Entry(
        "multiple_shooting", problem, "optimal control", source=SOURCE, **known_at(intervals, OPTIMA)
    )


def rate(state: Array, control: Array, parameters: Array) -> Array:
    """Time derivative of one state, shape (4,): position, speed, heading."""
    speed, heading = state[2], state[3]
    drag, east, north = parameters
    return jnp.stack(
        [
            speed * jnp.cos(heading) + east,
            speed * jnp.sin(heading) + north,
            control[0] - drag * speed**2,
            control[1],
        ]
    )


def step(state: Array, control: Array, parameters: Array, h: float) -> Array:
    """One classical Runge-Kutta step of length h, shape (4,)."""
    k1 = rate(state, control, parameters)
    k2 = rate(state + 0.5 * h * k1, control, parameters)
    k3 = rate(state + 0.5 * h * k2, control, parameters)
    k4 = rate(state + h * k3, control, parameters)
    return state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def gaps(x: dict, h: float) -> Array:
    """What is missing between the end of a step and the next state, shape (intervals, 4)."""
    ends_of_steps = jax.vmap(step, (0, 0, None, None))(x["state"][:-1], x["control"], x["parameters"], h)
    return x["state"][1:] - ends_of_steps


def ends(free: float, intervals: int) -> np.ndarray:
    """Bounds of the states: fixed at both ends, `free` between, shape (intervals + 1, 4)."""
    return np.vstack([FIRST, np.full((intervals - 1, 4), free), LAST])
