"""Small problems for batched solves, with closed forms."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from lagrad import Equality, Inequality, Problem


def corner() -> Problem:
    """Project (p, 1) on x >= 0, x0 + x1 <= 1, x1^2 = 1/4, x1 > 0: x = (clip(p, 0, 1/2), 1/2)."""
    return Problem(
        lambda x, p: (x[0] - p) ** 2 + (x[1] - 1) ** 2,
        np.array([0.1, 0.9]),
        {
            "sum": Inequality(lambda x, p: x[0] + x[1], upper=1.0),
            "half": Equality(lambda x, p: x[1] ** 2, 0.25),
        },
        bounds=(0.0, 2.0),
        params=0.0,
    )


def moody() -> Problem:
    """x^2 = p[0] with cost p[1] y + p[2] y^2: infeasible, unbounded, not a number, or solved, as p says."""
    return Problem(
        lambda x, p: p[1] * x[1] + p[2] * x[1] ** 2,
        np.array([1.0, 0.5]),
        Equality(lambda x, p: x[0] ** 2 - p[0]),
        params=np.array([1.0, 0.0, 1.0]),
    )


GOOD, INFEASIBLE, UNBOUNDED, NOT_A_NUMBER = (
    np.array(p) for p in ([4.0, 2.0, 1.0], [-1.0, 2.0, 1.0], [4.0, 1.0, 0.0], [np.nan, 0.0, 1.0])
)


def regulator(stages: int = 6) -> Problem:
    """Steer a pendulum to rest with bounded torque, by explicit steps; the first state is the parameter."""
    h = 0.1

    def defects(x, p):
        s, u = x["state"], x["torque"]
        following = jnp.stack([s[:-1, 0] + h * s[:-1, 1], s[:-1, 1] + h * (jnp.sin(s[:-1, 0]) + u)], axis=1)
        return s[1:] - following

    return Problem(
        lambda x, p: jnp.sum(x["state"] ** 2) + 0.1 * jnp.sum(x["torque"] ** 2),
        {"state": np.zeros((stages + 1, 2)), "torque": np.zeros(stages)},
        {"dynamics": Equality(defects), "first": Equality(lambda x, p: x["state"][0] - p)},
        bounds=(
            {"state": np.full((stages + 1, 2), -np.inf), "torque": np.full(stages, -1.0)},
            {"state": np.full((stages + 1, 2), np.inf), "torque": np.full(stages, 1.0)},
        ),
        params=np.array([0.5, 0.0]),
    )
