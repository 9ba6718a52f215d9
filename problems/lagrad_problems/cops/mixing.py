"""Declare the mixing of catalysts and the flow in a channel, of COPS, by collocation."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array

import lagrad
from lagrad_problems.collocation import continuity, gauss, stage_values
from lagrad_problems.entry import CLOSED_FORM, PUBLISHED, TWO_SOLVERS, Entry, known_at

SOURCE = "E. D. Dolan, J. J. More, T. S. Munson, COPS 3.0 (2004), problem {}"
MIXING = {20: (-0.04805684108, TWO_SOLVERS), 100: (-0.04805567884, PUBLISHED)}
REYNOLDS = 10.0


def catalyst_rate(y: Array, mix: Array) -> Array:
    """Two substances along a tube; mix is the share of the first catalyst."""
    exchange = 10 * y[..., 1] - y[..., 0]
    return jnp.stack([mix * exchange, -mix * exchange - (1 - mix) * y[..., 1]], axis=-1)


def catalyst_mixing(intervals: int = 20) -> Entry:
    """The best mixture of two catalysts along a tube: three stages, the mixture free at each.

    The control is singular in the middle of the tube: the objective hardly depends on it there.

    Args:
        intervals: number of equal intervals, at least 2.

    Returns:
        Entry; x is a dict of "mix", shape (intervals, 3), "node" and "slope".

    Raises:
        ValueError: fewer than two intervals.

    >>> catalyst_mixing(20).n
    222
    """
    if intervals < 2:
        raise ValueError(f"catalyst_mixing: intervals is {intervals}, expected at least 2.")
    rule, h = gauss(3), 1 / intervals
    first = np.array([1.0, 0.0])
    free = np.full((intervals + 1, 2), np.inf)
    lower, upper = -free, free.copy()
    lower[0] = upper[0] = first

    def equation(x: dict) -> Array:
        return x["slope"] - catalyst_rate(stage_values(rule, x["node"], x["slope"], h), x["mix"])

    problem = lagrad.Problem(
        lambda x: jnp.sum(x["node"][-1]) - 1,
        {
            "mix": np.zeros((intervals, 3)),
            "node": np.tile(first, (intervals + 1, 1)),
            "slope": np.zeros((intervals, 3, 2)),
        },
        {
            "equation": lagrad.Equality(equation),
            "continuity": lagrad.Equality(lambda x: continuity(rule, x["node"], x["slope"], h)),
        },
        bounds=(
            {"mix": 0.0, "node": lower, "slope": -np.inf},
            {"mix": 1.0, "node": upper, "slope": np.inf},
        ),
        name=f"catalyst_mixing({intervals})",
    )
    return Entry(
        "catalyst_mixing",
        problem,
        "optimal control",
        source=SOURCE.format(14),
        **known_at(intervals, MIXING),
    )


def channel_flow(intervals: int = 20) -> Entry:
    """Flow through a channel with porous walls: u'''' = R (u' u'' - u u''') as four first-order equations.

    As many equations as variables: the solver has to find the only feasible point.

    Args:
        intervals: number of equal intervals, at least 2.

    Returns:
        Entry; x is a dict of "node", shape (intervals + 1, 4), and "slope", shape (intervals, 4, 4).

    Raises:
        ValueError: fewer than two intervals.

    >>> channel_flow(20).n
    404
    """
    if intervals < 2:
        raise ValueError(f"channel_flow: intervals is {intervals}, expected at least 2.")
    rule, h = gauss(4), 1 / intervals
    t = np.linspace(0.0, 1.0, intervals + 1)
    node = np.stack([t**2 * (3 - 2 * t), 6 * t * (1 - t), 6 * (1 - 2 * t), np.full_like(t, -12.0)], axis=1)
    lower, upper = np.full(node.shape, -np.inf), np.full(node.shape, np.inf)
    lower[0, :2] = upper[0, :2] = 0.0
    lower[-1, :2] = upper[-1, :2] = [1.0, 0.0]

    def rate(u: Array) -> Array:
        bend = REYNOLDS * (u[..., 1] * u[..., 2] - u[..., 0] * u[..., 3])
        return jnp.concatenate([u[..., 1:], bend[..., None]], axis=-1)

    problem = lagrad.Problem(
        lambda x: jnp.ones(()),
        {"node": node, "slope": np.zeros((intervals, 4, 4))},
        {
            "equation": lagrad.Equality(
                lambda x: x["slope"] - rate(stage_values(rule, x["node"], x["slope"], h))
            ),
            "continuity": lagrad.Equality(lambda x: continuity(rule, x["node"], x["slope"], h)),
        },
        bounds=({"node": lower, "slope": -np.inf}, {"node": upper, "slope": np.inf}),
        name=f"channel_flow({intervals})",
    )
    return Entry(
        "channel_flow",
        problem,
        "nonlinear equations",
        1.0,
        SOURCE.format(9),
        note="The objective is constant.",
        evidence=CLOSED_FORM,
    )
