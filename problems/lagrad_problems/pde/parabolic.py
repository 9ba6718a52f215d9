"""Declare control of parabolic equations, by implicit steps in time.

Crank and Nicolson's rule, or the implicit Euler rule for Burgers' equation; all times are variables at once.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array

import lagrad
from lagrad_problems.entry import TWO_SOLVERS, Entry, known_at

SOURCE = (
    "F. Troeltzsch, Optimal Control of Partial Differential Equations (2010), chapter 5; discretized here"
)
BURGERS_SOURCE = "K. Kunisch, S. Volkwein, Control of the Burgers Equation (1999), after"
ROD = {(10, 10): (0.0006221093601, TWO_SOLVERS)}
PLATE = {(5, 6): (0.01018650917, TWO_SOLVERS)}
BURGERS = {(15, 10): (0.04554392338, TWO_SOLVERS)}


def checked(name: str, grid: int, steps: int) -> None:
    """Raise ValueError if a grid has no inner node, or there is no step."""
    if min(grid, steps) < 2:
        raise ValueError(f"{name}: grid and steps are {grid} and {steps}, expected at least 2 each.")


def heat_control_1d(grid: int = 10, steps: int = 10) -> Entry:
    """A rod heated at its right end, insulated at the left, to a given temperature at the final time.

    Args:
        grid: nodes of the rod, at least 2.
        steps: of time, at least 2.

    Returns:
        Entry; x is a dict of "heat", shape (steps,), and "temperature", shape (steps + 1, grid).

    Raises:
        ValueError: a size below 2.

    >>> heat_control_1d(10, 10).n
    120
    """
    checked("heat_control_1d", grid, steps)
    h, dt = 1 / (grid - 1), 1.58 / steps
    target = 0.5 * (1 - np.linspace(0.0, 1.0, grid) ** 2)

    def flow(y: Array, heat: Array) -> Array:
        left, right = y[:, 1:2], y[:, -2:-1] + 2 * h * (heat[:, None] - y[:, -1:])
        wide = jnp.concatenate([left, y, right], axis=1)
        return (wide[:, :-2] - 2 * y + wide[:, 2:]) / h**2

    def step(x: dict) -> Array:
        y, heat = x["temperature"], x["heat"]
        return y[1:] - y[:-1] - 0.5 * dt * (flow(y[1:], heat) + flow(y[:-1], heat))

    def misfit(x: dict) -> Array:
        return 0.5 * h * jnp.sum((x["temperature"][-1] - target) ** 2) + 5e-4 * dt * jnp.sum(x["heat"] ** 2)

    free = np.full((steps + 1, grid), np.inf)
    free[0] = 0.0
    problem = lagrad.Problem(
        misfit,
        {"heat": np.zeros(steps), "temperature": np.zeros((steps + 1, grid))},
        {"step": lagrad.Equality(step)},
        bounds=({"heat": -1.0, "temperature": -free}, {"heat": 1.0, "temperature": free}),
        name=f"heat_control_1d({grid}, {steps})",
    )
    return Entry(
        "heat_control_1d",
        problem,
        "control of an equation",
        source=SOURCE,
        **known_at((grid, steps), ROD),
    )


def heat_control_2d(grid: int = 5, steps: int = 6) -> Entry:
    """A plate with heat sources everywhere and a nonlinear loss, which follows a moving hot spot.

    Args:
        grid: inner nodes along a side, at least 2.
        steps: of time, at least 2.

    Returns:
        Entry; x is a dict of "heat", shape (steps, grid, grid), and "temperature", shape (steps + 1, grid,
        grid).

    Raises:
        ValueError: a size below 2.

    >>> heat_control_2d(5, 6).m
    150
    """
    checked("heat_control_2d", grid, steps)
    h, dt = 1 / (grid + 1), 1 / steps
    s, t = h * np.arange(1, grid + 1), dt * np.arange(1, steps + 1)
    spot = np.exp(-20 * (s - t[:, None]) ** 2)
    target = spot[:, :, None] * np.sin(np.pi * s)

    def flow(y: Array) -> Array:
        padded = jnp.pad(y, ((0, 0), (1, 1), (1, 1)))
        around = padded[:, :-2, 1:-1] + padded[:, 2:, 1:-1] + padded[:, 1:-1, :-2] + padded[:, 1:-1, 2:]
        return 0.05 * (around - 4 * y) / h**2 - y**3

    def step(x: dict) -> Array:
        y = x["temperature"]
        return y[1:] - y[:-1] - dt * (0.5 * (flow(y[1:]) + flow(y[:-1])) + x["heat"])

    def misfit(x: dict) -> Array:
        track = jnp.sum((x["temperature"][1:] - target) ** 2)
        return 0.5 * dt * h**2 * (track + 1e-2 * jnp.sum(x["heat"] ** 2))

    free = np.full((steps + 1, grid, grid), np.inf)
    free[0] = 0.0
    problem = lagrad.Problem(
        misfit,
        {"heat": np.zeros((steps, grid, grid)), "temperature": np.zeros((steps + 1, grid, grid))},
        {"step": lagrad.Equality(step)},
        bounds=({"heat": -2.0, "temperature": -free}, {"heat": 3.0, "temperature": free}),
        name=f"heat_control_2d({grid}, {steps})",
    )
    return Entry(
        "heat_control_2d",
        problem,
        "control of an equation",
        source=SOURCE,
        **known_at((grid, steps), PLATE),
    )


def burgers_control(grid: int = 15, steps: int = 10) -> Entry:
    """Distributed control of Burgers' viscous equation towards its initial state.

    Args:
        grid: inner nodes, at least 2.
        steps: of time, at least 2.

    Returns:
        Entry; x is a dict of "force", shape (steps, grid), and "speed", shape (steps + 1, grid).

    Raises:
        ValueError: a size below 2.

    >>> burgers_control(15, 10).m
    150
    """
    checked("burgers_control", grid, steps)
    h, dt, viscosity = 1 / (grid + 1), 1 / steps, 0.01
    first = np.where(h * np.arange(1, grid + 1) <= 0.5, 1.0, 0.0)

    def step(x: dict) -> Array:
        y = x["speed"][1:]
        padded = jnp.pad(y, ((0, 0), (1, 1)))
        left, right = padded[:, :-2], padded[:, 2:]
        rate = viscosity * (left - 2 * y + right) / h**2 - (right**2 - left**2) / (4 * h) + x["force"]
        return y - x["speed"][:-1] - dt * rate

    def misfit(x: dict) -> Array:
        track = jnp.sum((x["speed"][1:] - first) ** 2)
        return 0.5 * dt * h * (track + 0.05 * jnp.sum(x["force"] ** 2))

    low, high = np.full((steps + 1, grid), -np.inf), np.full((steps + 1, grid), np.inf)
    low[0] = high[0] = first
    problem = lagrad.Problem(
        misfit,
        {"force": np.zeros((steps, grid)), "speed": np.tile(first, (steps + 1, 1))},
        {"step": lagrad.Equality(step)},
        bounds=({"force": -np.inf, "speed": low}, {"force": np.inf, "speed": high}),
        name=f"burgers_control({grid}, {steps})",
    )
    return Entry(
        "burgers_control",
        problem,
        "control of an equation",
        source=BURGERS_SOURCE,
        **known_at((grid, steps), BURGERS),
    )
