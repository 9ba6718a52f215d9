"""Declare the hanging chain of COPS.

A chain of given length hangs between two points one apart, at heights 1 and 3; height x, slope u, trapezoidal
rule:

    min  integral of x sqrt(1 + u^2)     s.t.  x' = u,  integral of sqrt(1 + u^2) = 4

The length is one dense row over all slopes.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

import lagrad
from lagrad_problems.clnlbeam import mean
from lagrad_problems.entry import TWO_SOLVERS, Entry, known_at

SOURCE = "J. Cesari, Optimization: Theory and Applications (1983); COPS 3.0, problem 4"
LEFT, RIGHT, LENGTH = 1.0, 3.0, 4.0
# Ours, at 1e-10; COPS prints 5.06891 for 200 intervals and 5.06852 for 800.
OPTIMA = {20: (5.083402388, TWO_SOLVERS), 200: (5.068917342, TWO_SOLVERS), 800: (5.068524176, TWO_SOLVERS)}


def hanging_chain(intervals: int = 200) -> Entry:
    """The chain with 2 (intervals + 1) variables and intervals + 1 equalities.

    Args:
        intervals: number of equal intervals, at least 2.

    Returns:
        Entry; x is a dict of "height" and "slope", each of shape (intervals + 1,).

    Raises:
        ValueError: fewer than two intervals.

    >>> hanging_chain(200).n
    402
    """
    if intervals < 2:
        raise ValueError(f"hanging_chain: intervals is {intervals}, expected at least 2.")
    h = 1 / intervals
    s = h * np.arange(intervals + 1)
    # A parabola through both ends with its lowest point at a quarter of the way.
    sag = 4 * (RIGHT - LEFT)
    problem = lagrad.Problem(
        lambda x: h * jnp.sum(mean(x["height"] * jnp.sqrt(1 + x["slope"] ** 2))),
        {"height": sag * s * (0.5 * s - 0.25) + LEFT, "slope": sag * (s - 0.25)},
        {
            "slope": lagrad.Equality(lambda x: jnp.diff(x["height"]) - h * mean(x["slope"])),
            "length": lagrad.Equality(lambda x: h * jnp.sum(mean(jnp.sqrt(1 + x["slope"] ** 2))), LENGTH),
        },
        bounds=(
            {"height": ends(-np.inf, intervals), "slope": -np.inf},
            {"height": ends(np.inf, intervals), "slope": np.inf},
        ),
        name=f"hanging_chain({intervals})",
    )
    return Entry(
        "hanging_chain", problem, "calculus of variations", source=SOURCE, **known_at(intervals, OPTIMA)
    )


def ends(free: float, intervals: int) -> np.ndarray:
    """Bounds of the heights: fixed at both ends, `free` between."""
    return np.r_[LEFT, np.full(intervals - 1, free), RIGHT]
