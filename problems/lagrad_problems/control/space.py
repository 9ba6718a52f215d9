"""Optimal control models of bodies in motion: a cart with a pole, a quadrotor, a spacecraft."""

from __future__ import annotations

from math import inf, nan, pi, sqrt

import jax.numpy as jnp
import numpy as np
from jax import Array

from lagrad_problems.cart_pole import SOURCE as CART_SOURCE
from lagrad_problems.cart_pole import rates
from lagrad_problems.control.transcription import Model

GRAVITY = 9.81
INERTIA = np.array([0.02, 0.02, 0.04])


def _cart(y: Array, u: Array) -> Array:
    """Position, angle and their rates under a force on the cart."""
    return rates(y[None], u)[0]


def rotated(q: Array, v: Array) -> Array:
    """The vector v turned by the unit quaternion q = (w, x, y, z)."""
    axis = q[1:]
    twice = 2 * jnp.cross(axis, v)
    return v + q[0] * twice + jnp.cross(axis, twice)


def turning(q: Array, spin: Array) -> Array:
    """Time derivative of a quaternion at an angular velocity in the body's frame."""
    return 0.5 * jnp.append(-jnp.dot(q[1:], spin), q[0] * spin + jnp.cross(q[1:], spin))


def _quadrotor(y: Array, u: Array) -> Array:
    """Position, attitude, velocity, angular velocity under four rotors' thrusts; mass 1."""
    attitude, velocity, spin = y[3:7], y[7:10], y[10:]
    thrust = rotated(attitude, jnp.stack([0.0 * u[0], 0.0 * u[0], jnp.sum(u)]))
    torque = jnp.stack([0.2 * (u[1] - u[3]), 0.2 * (u[2] - u[0]), 0.02 * (u[0] - u[1] + u[2] - u[3])])
    acceleration = thrust - jnp.array([0.0, 0.0, GRAVITY]) - 0.1 * velocity
    spin_rate = (torque - jnp.cross(spin, INERTIA * spin)) / INERTIA
    return jnp.concatenate([velocity, turning(attitude, spin), acceleration, spin_rate])


def _orbit(y: Array, u: Array) -> Array:
    """Radius, angle, radial and tangential speed, mass; thrust in both directions, dimensionless units."""
    radius, _, radial, tangential, mass = y
    return jnp.stack(
        [
            radial,
            tangential / radius,
            tangential**2 / radius - 1 / radius**2 + 0.1405 * u[0] / mass,
            -radial * tangential / radius + 0.1405 * u[1] / mass,
            -0.0749 * jnp.sqrt(u[0] ** 2 + u[1] ** 2 + 1e-8),
        ]
    )


def _rising(intervals: int) -> np.ndarray:
    """A circle that widens from radius 1 to 1.5."""
    s = np.linspace(0.0, 1.0, intervals + 1)
    radius = 1 + 0.5 * s
    return np.stack([radius, 3 * s, 0.1 * s * (1 - s), 1 / np.sqrt(radius), 1 - 0.2 * s], axis=1)


CART_POLE = Model(
    "cart_pole",
    _cart,
    first=(0.0, 0.0, 0.0, 0.0),
    last=(1.0, pi, 0.0, 0.0),
    rest=(0.0,),
    duration=2.0,
    state=((-2.0, -inf, -inf, -inf), (2.0, inf, inf, inf)),
    control=(-20.0, 20.0),
    source=CART_SOURCE,
)
QUADROTOR = Model(
    "quadrotor",
    _quadrotor,
    first=(0.0, 0.0, 0.0, 1.0, *(0.0,) * 9),
    last=(2.0, 1.0, 1.0, sqrt(0.5), 0.0, 0.0, sqrt(0.5), *(0.0,) * 6),
    rest=(GRAVITY / 4,) * 4,
    duration=2.0,
    running=lambda y, u: jnp.sum((u - GRAVITY / 4) ** 2) + 0.1 * jnp.sum(y[10:] ** 2),
    control=(0.0, 6.0),
    source="Ours, after D. Mellinger, V. Kumar, Minimum Snap Trajectory Generation (2011)",
    note="The attitude is a quaternion, whose length the dynamics keep: its last length is redundant.",
)
LOW_THRUST = Model(
    "low_thrust",
    _orbit,
    first=(1.0, 0.0, 0.0, 1.0, 1.0),
    last=(1.5, nan, 0.0, 1 / sqrt(1.5), nan),
    rest=(0.0, 1.0),
    duration=3.3,
    is_free=True,
    running=lambda y, u: 0.0,
    final=lambda y, duration: duration,
    state=((0.5, -inf, -inf, -inf, 0.3), (3.0, inf, inf, inf, 1.0)),
    control=(-1.0, 1.0),
    path=lambda y, u: jnp.sum(u**2),
    path_limits=(-inf, 1.0),
    guess=_rising,
    source="A. E. Bryson, Y.-C. Ho, Applied Optimal Control (1975), section 2.5: from circle to circle",
)
