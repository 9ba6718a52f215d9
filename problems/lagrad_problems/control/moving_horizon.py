"""Declare moving-horizon estimation over a window of noisy measurements.

A pendulum with unknown damping is measured at each node: its angle only. States, disturbances and the damping
are estimated together:

    min  sum (angle_k - measured_k)^2 / r + sum w_k^2 / q + arrival cost     s.t.  y_{k+1} = step(y_k) + w_k
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

import lagrad
from lagrad_problems.entry import TWO_SOLVERS, Entry, known_at

SOURCE = "Ours, after J. B. Rawlings, D. Q. Mayne, M. Diehl, Model Predictive Control (2017), chapter 4"
STEP, NOISE, DISTURBANCE, DAMPING = 0.1, 1e-2, 1e-4, 0.3
PRIOR = np.array([1.4, 0.0])
OPTIMA = {30: (17.85525718, TWO_SOLVERS)}


def pendulum(state: Array, damping: Array) -> Array:
    """One Runge-Kutta step of angle and spin."""

    def rate(y: Array) -> Array:
        return jnp.stack([y[1], -9.81 * jnp.sin(y[0]) - damping * y[1]])

    k1 = rate(state)
    k2 = rate(state + 0.5 * STEP * k1)
    k3 = rate(state + 0.5 * STEP * k2)
    k4 = rate(state + STEP * k3)
    return state + STEP / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def measured(intervals: int) -> np.ndarray:
    """Angles of a run with noise, shape (intervals + 1,)."""
    random = np.random.default_rng(0)
    with jax.enable_x64(True):
        state, angles = jnp.array([1.5, 0.0]), []
        for _ in range(intervals + 1):
            angles.append(float(state[0]))
            state = pendulum(state, jnp.array(DAMPING))
    return np.array(angles) + np.sqrt(NOISE) * random.normal(size=intervals + 1)


def moving_horizon(intervals: int = 30) -> Entry:
    """The estimate over a window with 4 intervals + 3 variables and 2 intervals equalities.

    Args:
        intervals: length of the window, at least 2.

    Returns:
        Entry; x is a dict of "state", shape (intervals + 1, 2), "disturbance", shape (intervals, 2), and
        "damping".

    Raises:
        ValueError: fewer than two intervals.

    >>> moving_horizon(30).m
    60
    """
    if intervals < 2:
        raise ValueError(f"moving_horizon: intervals is {intervals}, expected at least 2.")
    angles = measured(intervals)

    def misfit(x: dict) -> Array:
        arrival = jnp.sum((x["state"][0] - PRIOR) ** 2) + (x["damping"] - 0.2) ** 2
        noise = jnp.sum((x["state"][:, 0] - angles) ** 2) / NOISE
        return arrival + noise + jnp.sum(x["disturbance"] ** 2) / DISTURBANCE

    def prediction(x: dict) -> Array:
        ahead = jax.vmap(pendulum, (0, None))(x["state"][:-1], x["damping"])
        return x["state"][1:] - ahead - x["disturbance"]

    problem = lagrad.Problem(
        misfit,
        {
            "state": np.stack([angles, np.gradient(angles, STEP)], axis=1),
            "disturbance": np.zeros((intervals, 2)),
            "damping": np.array(0.2),
        },
        {"prediction": lagrad.Equality(prediction)},
        bounds=(
            {"state": -np.inf, "disturbance": -np.inf, "damping": 0.0},
            {"state": np.inf, "disturbance": np.inf, "damping": np.inf},
        ),
        name=f"moving_horizon({intervals})",
    )
    return Entry("moving_horizon", problem, "state estimation", source=SOURCE, **known_at(intervals, OPTIMA))
