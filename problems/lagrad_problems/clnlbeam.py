"""Declare the clamped nonlinear beam.

Slope t, deflection x and curvature u along the beam, trapezoidal rule with step h = 1 / intervals:

    min  integral of u^2 + 350 cos(t)
    s.t. x' = sin(t),  t' = u,  |t| <= 1,  |x| <= 0.05,  x and t zero at both ends
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array

import lagrad
from lagrad_problems.entry import TWO_SOLVERS, Entry, known_at

SOURCE = "H. Maurer, H. D. Mittelmann, Optimal Control Applications and Methods 12 (1991); CUTEst CLNLBEAM"
STIFFNESS = 350.0
# Ours, at 1e-10; published for 500 intervals: 344.8769.
OPTIMA = {50: (344.8686807, TWO_SOLVERS), 500: (344.8762164, TWO_SOLVERS), 1000: (344.8761402, TWO_SOLVERS)}


def clnlbeam(intervals: int = 1000) -> Entry:
    """The beam with 3 (intervals + 1) variables and 2 intervals equalities.

    Args:
        intervals: number of equal intervals, at least 2.

    Returns:
        Entry; x is a dict of "t", "x" and "u", each of shape (intervals + 1,).

    Raises:
        ValueError: fewer than two intervals.

    >>> clnlbeam(1000).n
    3003
    """
    if intervals < 2:
        raise ValueError(f"clnlbeam: intervals is {intervals}, expected at least 2.")
    h = 1 / intervals
    start = 0.05 * np.cos(h * np.arange(intervals + 1))
    start[[0, -1]] = 0.0
    problem = lagrad.Problem(
        lambda x: h * jnp.sum(mean(x["u"] ** 2 + STIFFNESS * jnp.cos(x["t"]))),
        {"t": start, "x": start, "u": np.zeros(intervals + 1)},
        {
            "deflection": lagrad.Equality(lambda x: jnp.diff(x["x"]) - h * mean(jnp.sin(x["t"]))),
            "slope": lagrad.Equality(lambda x: jnp.diff(x["t"]) - h * mean(x["u"])),
        },
        bounds=(limits(-1, intervals), limits(1, intervals)),
        name=f"clnlbeam({intervals})",
    )
    return Entry(
        "clnlbeam",
        problem,
        "optimal control",
        source=SOURCE,
        **known_at(intervals, OPTIMA),
        note="The unbent beam is a stationary point with objective 350, where solvers may stop.",
        other_optima=(350.0,),
    )


def mean(values: Array) -> Array:
    """Means of neighbours, shape (k - 1,) for k values."""
    return 0.5 * (values[1:] + values[:-1])


def limits(sign: int, intervals: int) -> dict:
    """Bounds on one side; the ends of t and x are clamped at zero."""
    inner = np.r_[0.0, np.full(intervals - 1, float(sign)), 0.0]
    return {"t": inner, "x": 0.05 * inner, "u": np.full(intervals + 1, sign * np.inf)}
