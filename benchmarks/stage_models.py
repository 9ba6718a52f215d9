"""Declare models that repeat one large stage, Runge-Kutta steps and networks, in JAX and in CasADi.

The right-hand sides serve both: `m` is `IN_JAX` or `IN_CASADI`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import casadi
import jax
import jax.numpy as jnp
import numpy as np

# Measured drag by speed, between which one interpolates.
SPEEDS = np.linspace(-1.0, 3.0, 41)
DRAG = 0.1 * SPEEDS * np.abs(SPEEDS) + 0.02 * np.sin(5 * SPEEDS)
IN_JAX = SimpleNamespace(
    sin=jnp.sin,
    cos=jnp.cos,
    tan=jnp.tan,
    tanh=jnp.tanh,
    sqrt=jnp.sqrt,
    stack=jnp.stack,
    join=jnp.concatenate,
    drag=lambda speed: jnp.interp(speed, SPEEDS, DRAG),
    differences=lambda angles: angles[:, None] - angles,
    solve=jnp.linalg.solve,
)
IN_CASADI = SimpleNamespace(
    sin=casadi.sin,
    cos=casadi.cos,
    tan=casadi.tan,
    tanh=casadi.tanh,
    sqrt=casadi.sqrt,
    stack=lambda scalars: casadi.vertcat(*scalars),
    join=lambda pieces: casadi.vertcat(*pieces),
    drag=casadi.interpolant("drag", "linear", [SPEEDS], DRAG),
    differences=lambda angles: (
        casadi.repmat(angles, 1, angles.numel()) - casadi.repmat(angles.T, angles.numel(), 1)
    ),
    solve=casadi.solve,
)


@dataclass(frozen=True)
class Staged:
    """A model of equal stages.

    Args:
        start: x0, shape (n,).
        rows: x -> constraints, equal to zero, in JAX.
        rows_in_casadi: the same on CasADi's MX, one mapped Function.
        stages: how many.
    """

    start: np.ndarray
    rows: Callable[[Any], Any]
    rows_in_casadi: Callable[[Any], Any]
    stages: int


def vehicle(x, u, m):
    """Five states: place, heading, speed, steering."""
    return m.stack(
        [x[3] * m.cos(x[2]), x[3] * m.sin(x[2]), x[3] * m.tan(x[4]) / 2.5, u[0] - 0.1 * x[3] ** 2, u[1]]
    )


def measured_vehicle(x, u, m):
    """The same with a drag that was measured: a table."""
    return m.stack(
        [x[3] * m.cos(x[2]), x[3] * m.sin(x[2]), x[3] * m.tan(x[4]) / 2.5, u[0] - m.drag(x[3]), u[1]]
    )


def quadrotor(x, u, m):
    """Thirteen states: place, velocity, quaternion, body rates; four rotors."""
    a, b, c, d = (x[k] for k in range(6, 10))
    p, q, r = (x[k] for k in range(10, 13))
    lift = u[0] + u[1] + u[2] + u[3]
    return m.stack(
        [
            *(x[3], x[4], x[5]),
            *(2 * (b * d + a * c) * lift, 2 * (c * d - a * b) * lift),
            (a**2 - b**2 - c**2 + d**2) * lift - 9.81,
            *(0.5 * (-b * p - c * q - d * r), 0.5 * (a * p + c * r - d * q)),
            *(0.5 * (a * q - b * r + d * p), 0.5 * (a * r + b * q - c * p)),
            (0.2 * (u[1] - u[3]) - 0.02 * q * r) / 0.02,
            (0.2 * (u[2] - u[0]) + 0.02 * p * r) / 0.02,
            0.01 * (u[0] - u[1] + u[2] - u[3]) / 0.04,
        ]
    )


def masses(x, u, m):
    """Six masses on springs in the plane, the first hangs on a wall, the last one is pulled: 24 states."""
    across, up, velocity = x[0:6], x[6:12], x[12:24]
    wall = 0.0 * across[0:1]
    dx = across - m.join([wall, across[0:5]])
    dy = up - m.join([wall, up[0:5]])
    pull = 1 - 0.033 / m.sqrt(dx**2 + dy**2 + 1e-3)
    fx, fy = pull * dx, pull * dy
    ax = m.join([fx[1:6], u[0:1]]) - fx
    ay = m.join([fy[1:6], u[1:2]]) - fy - 0.1
    return m.join([velocity, ax, ay])


def reaction(x, u, m):
    """Reaction and diffusion on a ring of 30 cells."""
    left, right = m.join([x[29:30], x[0:29]]), m.join([x[1:30], x[0:1]])
    return left - 2 * x + right + m.sin(x) * x - x**3 + u[0] * m.cos(x)


def arm(joints: int) -> Callable:
    """A planar arm of equal links, a motor at each: absolute angles, then their speeds."""
    places = np.arange(joints)
    # Links beyond a joint, of length and mass 1 / joints each, with their mass in the middle.
    beyond = joints - np.maximum(places[:, None], places) - 1
    inertia = (beyond + 0.5 - np.eye(joints) / 6) / joints**3
    weight = 9.81 * (joints - places - 0.5) / joints**2

    def slope(x, u, m):
        angles, speeds = x[:joints], x[joints:]
        between = m.differences(angles)
        pull = (inertia * m.sin(between)) @ speeds**2 + weight * m.sin(angles) + 0.01 * speeds
        return m.join([speeds, m.solve(inertia * m.cos(between), u - pull)])

    return slope


def advance(slope: Callable, h: float, steps: int, m) -> Callable:
    """Classical Runge-Kutta steps over one interval: (x, u) -> x at its end."""

    def end(x, u):
        for _ in range(steps):
            k1 = slope(x, u, m)
            k2 = slope(x + h / 2 * k1, u, m)
            k3 = slope(x + h / 2 * k2, u, m)
            k4 = slope(x + h * k3, u, m)
            x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return x

    return end


def shooting(
    slope: Callable,
    states: int,
    controls: int,
    intervals: int,
    step: float,
    steps: int,
    symbol: Any = casadi.SX,
) -> Staged:
    """Multiple shooting: all states first, stage by stage, then all controls.

    Args:
        slope: (x, u, m) -> dx/dt.
        states: of one stage.
        controls: of one stage, constant over the interval.
        intervals: how many.
        step: length of an interval, seconds.
        steps: Runge-Kutta steps in it.
        symbol: class of CasADi's expressions of a stage; tables are functions of MX only.
    """
    cut = (intervals + 1) * states

    def rows(z):
        x, u = z[:cut].reshape(-1, states), z[cut:].reshape(-1, controls)
        return (x[1:] - jax.vmap(advance(slope, step / steps, steps, IN_JAX))(x[:-1], u)).ravel()

    def rows_in_casadi(z):
        x, u = casadi.reshape(z[:cut], states, -1), casadi.reshape(z[cut:], controls, -1)
        at, push = symbol.sym("x", states), symbol.sym("u", controls)
        end = casadi.Function("end", [at, push], [advance(slope, step / steps, steps, IN_CASADI)(at, push)])
        return casadi.vec(x[:, 1:] - end.map(intervals)(x[:, :-1], u))

    n = cut + intervals * controls
    return Staged(0.1 + 0.05 * np.sin(np.arange(n)), rows, rows_in_casadi, intervals)


def network(width: int, rows: int) -> Staged:
    """A tanh network of two hidden layers at every one of `rows` points of four inputs."""
    random = np.random.default_rng(0)
    shapes = ((width, 4), (width, width), (1, width))
    first, second, last = (0.3 * random.normal(size=shape) for shape in shapes)

    def each(x):
        return (last @ jnp.tanh(second @ jnp.tanh(first @ x)))[0]

    def rows_in_casadi(z):
        x = casadi.SX.sym("x", 4)
        hidden = casadi.tanh(casadi.DM(second) @ casadi.tanh(casadi.DM(first) @ x))
        apply = casadi.Function("network", [x], [casadi.DM(last) @ hidden])
        return casadi.vec(apply.map(rows)(casadi.reshape(z, 4, rows)))

    start = 0.1 * np.sin(np.arange(4 * rows))
    return Staged(start, lambda z: jax.vmap(each)(z.reshape(rows, 4)), rows_in_casadi, rows)


MODELS: dict[str, Callable[[], Staged]] = {
    "vehicle, 5 states, 1 step": lambda: shooting(vehicle, 5, 2, 50, 0.1, 1),
    "vehicle, 5 states, 4 steps": lambda: shooting(vehicle, 5, 2, 50, 0.1, 4),
    "vehicle with a table, 1 step": lambda: shooting(measured_vehicle, 5, 2, 50, 0.1, 1, casadi.MX),
    "vehicle with a table, 4 steps": lambda: shooting(measured_vehicle, 5, 2, 50, 0.1, 4, casadi.MX),
    "quadrotor, 13 states, 1 step": lambda: shooting(quadrotor, 13, 4, 50, 0.05, 1),
    "quadrotor, 13 states, 4 steps": lambda: shooting(quadrotor, 13, 4, 50, 0.05, 4),
    "six masses, 24 states, 1 step": lambda: shooting(masses, 24, 2, 40, 0.1, 1),
    "arm, 3 joints, 1 step": lambda: shooting(arm(3), 6, 3, 50, 0.02, 1),
    "arm, 6 joints, 1 step": lambda: shooting(arm(6), 12, 6, 50, 0.02, 1),
    "reaction, 30 states, 8 steps": lambda: shooting(reaction, 30, 1, 20, 0.1, 8),
    "networks, 4-32-32-1": lambda: network(32, 200),
}
