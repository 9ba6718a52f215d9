"""Declare the Goddard rocket of COPS.

Thrust T lifts a rocket of height h, velocity v and mass m through drag as high as its fuel allows; the final
time is free, and the step is one variable shared by all rows (a dense column). Trapezoidal rule,
dimensionless units:

    max  h(end)     s.t.  h' = v,  v' = (T - D(h, v)) / m - 1 / h^2,  m' = -T / c
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array

import lagrad
from lagrad_problems.entry import TWO_SOLVERS, Entry, known_at

SOURCE = "R. H. Goddard (1919); E. D. Dolan, J. J. More, T. S. Munson, COPS 3.0 (2004), problem 10"
FINAL_MASS, EXHAUST, DRAG, DECAY, MAX_THRUST = 0.6, 0.5, 310.0, 500.0, 3.5
# Ours, at 1e-10.
OPTIMA = {20: (-1.012716071, TWO_SOLVERS), 200: (-1.012835689, TWO_SOLVERS), 400: (-1.012836608, TWO_SOLVERS)}


def rocket(intervals: int = 200) -> Entry:
    """The ascent with 4 (intervals + 1) + 1 variables and 3 intervals equalities.

    Args:
        intervals: number of equal intervals, at least 2.

    Returns:
        Entry; x is a dict of "height", "velocity", "mass", "thrust", each of shape (intervals + 1,), and
        "step".

    Raises:
        ValueError: fewer than two intervals.

    >>> rocket(200).n
    805
    """
    if intervals < 2:
        raise ValueError(f"rocket: intervals is {intervals}, expected at least 2.")
    s = np.linspace(0.0, 1.0, intervals + 1)
    problem = lagrad.Problem(
        lambda x: -x["height"][-1],
        {
            "height": np.ones(intervals + 1),
            "velocity": s * (1 - s),
            "mass": 1 + (FINAL_MASS - 1) * s,
            "thrust": np.full(intervals + 1, MAX_THRUST / 2),
            "step": np.array(1 / intervals),
        },
        {"dynamics": lagrad.Equality(defects)},
        bounds=limits(intervals),
        name=f"rocket({intervals})",
    )
    return Entry(
        "rocket",
        problem,
        "optimal control",
        source=SOURCE,
        **known_at(intervals, OPTIMA),
        note="COPS prints a final height of 1.01283; the objective is its negative.",
    )


def rates(x: dict) -> dict[str, Array]:
    """Time derivatives of height, velocity and mass, each of shape (intervals + 1,)."""
    height, velocity, mass, thrust = x["height"], x["velocity"], x["mass"], x["thrust"]
    drag = DRAG * velocity**2 * jnp.exp(DECAY * (1 - height))
    return {
        "height": velocity,
        "velocity": (thrust - drag) / mass - 1 / height**2,
        "mass": -thrust / EXHAUST,
    }


def defects(x: dict) -> dict[str, Array]:
    """Trapezoidal rule's residuals, each of shape (intervals,)."""
    return {
        name: x[name][1:] - x[name][:-1] - 0.5 * x["step"] * (rate[1:] + rate[:-1])
        for name, rate in rates(x).items()
    }


def limits(intervals: int) -> tuple[dict, dict]:
    """Bounds; height, velocity and mass are fixed at the start, the mass at the end."""
    mass = np.r_[1.0, np.full(intervals - 1, FINAL_MASS), FINAL_MASS], np.r_[np.ones(intervals), FINAL_MASS]
    velocity = np.zeros(intervals + 1), np.r_[0.0, np.full(intervals, np.inf)]
    height = np.ones(intervals + 1), np.r_[1.0, np.full(intervals, np.inf)]
    lower, upper = (
        {"height": height[side], "velocity": velocity[side], "mass": mass[side]} for side in (0, 1)
    )
    return lower | {"thrust": 0.0, "step": 0.0}, upper | {"thrust": MAX_THRUST, "step": np.inf}
