"""Optimal control models with a few states: integrators, an oscillator, a wire, a car on a track."""

from __future__ import annotations

from math import inf, nan

import jax.numpy as jnp
import numpy as np
from jax import Array

from lagrad_problems.control.transcription import Model


def _double_integrator(y: Array, u: Array) -> Array:
    """Position and speed under a force."""
    return jnp.stack([y[1], u[0]])


def _van_der_pol(y: Array, u: Array) -> Array:
    """An oscillator with negative damping near the origin."""
    return jnp.stack([(1 - y[1] ** 2) * y[0] - y[1] + u[0], y[0]])


def _bead(y: Array, u: Array) -> Array:
    """A bead slides without friction at an angle u below the horizontal: distance, drop, speed."""
    return jnp.stack([y[2] * jnp.cos(u[0]), y[2] * jnp.sin(u[0]), 9.81 * jnp.sin(u[0])])


def _bicycle(y: Array, u: Array) -> Array:
    """Kinematic bicycle: position, heading and speed from acceleration and steering angle."""
    heading, speed = y[2], y[3]
    return jnp.stack([speed * jnp.cos(heading), speed * jnp.sin(heading), speed / 2.5 * jnp.tan(u[1]), u[0]])


def _on_track(y: Array, u: Array) -> Array:
    """Distance from the middle of a track that winds as a sine, and lateral acceleration."""
    return jnp.stack([(y[1] - 6 * jnp.sin(y[0] / 15)) / 3, y[3] ** 2 / 2.5 * jnp.tan(u[1]) / 6])


def _along_track(intervals: int) -> np.ndarray:
    """Along the middle at constant speed."""
    x = np.linspace(0.0, 90.0, intervals + 1)
    heading = np.arctan(6 / 15 * np.cos(x / 15))
    return np.stack([x, 6 * np.sin(x / 15), heading, np.full_like(x, 10.0)], axis=1)


DOUBLE_INTEGRATOR = Model(
    "double_integrator",
    _double_integrator,
    first=(0.0, 0.0),
    last=(1.0, 0.0),
    rest=(0.0,),
    duration=1.0,
    source="A. E. Bryson, Y.-C. Ho, Applied Optimal Control (1975), section 3.3; the exact optimum is 12",
)
BRYSON_DENHAM = Model(
    "bryson_denham",
    _double_integrator,
    first=(0.0, 1.0),
    last=(0.0, -1.0),
    rest=(0.0,),
    duration=1.0,
    running=lambda y, u: 0.5 * u[0] ** 2,
    state=((-inf, -inf), (1 / 9, inf)),
    source="A. E. Bryson, W. F. Denham, S. E. Dreyfus (1963); the exact optimum is 4",
)
VAN_DER_POL = Model(
    "van_der_pol",
    _van_der_pol,
    first=(0.0, 1.0),
    last=(nan, nan),
    rest=(0.0,),
    duration=10.0,
    running=lambda y, u: jnp.sum(y**2) + u[0] ** 2,
    state=((-0.25, -inf), (inf, inf)),
    control=(-1.0, 1.0),
    source="J. A. E. Andersson et al., CasADi (2019), section 5.4",
)
BRACHISTOCHRONE = Model(
    "brachistochrone",
    _bead,
    first=(0.0, 0.0, 0.0),
    last=(2.0, 2.0, nan),
    rest=(0.8,),
    duration=1.0,
    is_free=True,
    running=lambda y, u: 0.0,
    final=lambda y, duration: duration,
    guess=lambda n: np.linspace(0.0, 1.0, n + 1)[:, None] * np.array([2.0, 2.0, 6.0]),
    control=(-np.pi, np.pi),
    source="Johann Bernoulli (1696); the exact optimum is 0.8243 s",
)
BICYCLE = Model(
    "bicycle_track",
    _bicycle,
    first=(0.0, 0.0, nan, 10.0),
    last=(90.0, nan, nan, nan),
    rest=(0.0, 0.0),
    duration=9.0,
    is_free=True,
    running=lambda y, u: 0.02 * u[0] ** 2 + 0.5 * u[1] ** 2,
    final=lambda y, duration: duration,
    state=((-inf, -inf, -1.5, 1.0), (inf, inf, 1.5, 25.0)),
    control=((-6.0, -0.5), (3.0, 0.5)),
    path=_on_track,
    path_limits=(-1.0, 1.0),
    guess=_along_track,
    source="Ours, after R. Verschueren et al., Time-optimal race car driving (2014)",
)
