"""Declare the cart-pole swing-up by trapezoidal collocation.

A force u on a cart swings the pole from hanging (angle 0) to upright (angle pi) in two seconds, with the
least integral of u^2; the cart moves one metre. States are position, angle and their rates.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array

import lagrad
from lagrad_problems.entry import TWO_SOLVERS, Entry, known_at

SOURCE = "M. Kelly, An Introduction to Trajectory Optimization, SIAM Review 59 (2017), section 6"
DURATION, DISTANCE = 2.0, 1.0
CART, POLE, LENGTH, GRAVITY = 1.0, 0.3, 0.5, 9.81
FORCE, TRACK = 20.0, 2.0
# Ours, at 1e-10.
OPTIMA = {20: (60.6824649, TWO_SOLVERS), 100: (58.89671016, TWO_SOLVERS), 1000: (58.80858912, TWO_SOLVERS)}


def cart_pole(intervals: int = 100) -> Entry:
    """Swing-up with 5 (intervals + 1) variables and 4 intervals equalities.

    Args:
        intervals: number of equal intervals, at least 2.

    Returns:
        Entry; x is a dict of "state", shape (intervals + 1, 4), and "force", shape (intervals + 1,).

    Raises:
        ValueError: fewer than two intervals.

    >>> cart_pole(100).n
    505
    """
    if intervals < 2:
        raise ValueError(f"cart_pole: intervals is {intervals}, expected at least 2.")
    h = DURATION / intervals
    target = np.array([DISTANCE, np.pi, 0.0, 0.0])
    problem = lagrad.Problem(
        lambda x: 0.5 * h * jnp.sum(x["force"][1:] ** 2 + x["force"][:-1] ** 2),
        {"state": np.linspace(0, 1, intervals + 1)[:, None] * target, "force": np.zeros(intervals + 1)},
        {"dynamics": lagrad.Equality(lambda x: defects(x["state"], x["force"], h))},
        bounds=(limits(-1, intervals, target), limits(1, intervals, target)),
        name=f"cart_pole({intervals})",
    )
    return Entry("cart_pole", problem, "optimal control", source=SOURCE, **known_at(intervals, OPTIMA))


def rates(state: Array, force: Array) -> Array:
    """Time derivative of the state; state (k, 4), force (k,), result (k, 4)."""
    angle, velocity, spin = state[:, 1], state[:, 2], state[:, 3]
    sine, cosine = jnp.sin(angle), jnp.cos(angle)
    swing = POLE * LENGTH * sine * spin**2
    mass = CART + POLE * (1 - cosine**2)
    acceleration = (swing + force + POLE * GRAVITY * cosine * sine) / mass
    torque = -(swing * cosine + force * cosine + (CART + POLE) * GRAVITY * sine) / (LENGTH * mass)
    return jnp.stack([velocity, spin, acceleration, torque], axis=1)


def defects(state: Array, force: Array, h: float) -> Array:
    """Trapezoidal rule's residuals, shape (intervals, 4)."""
    slope = rates(state, force)
    return state[1:] - state[:-1] - 0.5 * h * (slope[1:] + slope[:-1])


def limits(sign: int, intervals: int, target: np.ndarray) -> dict:
    """Bounds on one side; the first and last states are fixed."""
    state = np.full((intervals + 1, 4), sign * np.inf)
    state[:, 0] = sign * TRACK
    state[0], state[-1] = 0.0, target
    return {"state": state, "force": np.full(intervals + 1, sign * FORCE)}
