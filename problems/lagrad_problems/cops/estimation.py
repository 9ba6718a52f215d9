"""Declare problems of COPS that estimate parameters of reactions and populations from measurements.

    min  sum over times of |y(t) - measured|^2     s.t.  y' = rate(y, theta),  theta >= 0

by collocation (`lagrad_problems.collocation`). Theta makes a dense column for every parameter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

import lagrad
from lagrad_problems.collocation import continuity, gauss, hold, stage_values, values_at
from lagrad_problems.cops.measurements import GASOIL, MARINE, METHANOL, PINENE
from lagrad_problems.entry import PUBLISHED, TWO_SOLVERS, Entry, known_at

SOURCE = "E. D. Dolan, J. J. More, T. S. Munson, COPS 3.0 (2004), problem {}"


@dataclass(frozen=True, eq=False)
class Fit:
    """Dynamics and what was measured of them.

    Args:
        name: of the problem.
        rate: function of the states, shape (..., e), and theta, to their time derivatives, (..., e).
        theta: start of the parameters, a pytree; all are nonnegative.
        measured: the first column is time, then one column a state.
        initial: states at time zero, shape (e,); None if they are free.
        stages: of the collocation.
        source: number of the problem in the report.
        optima: intervals -> (objective, evidence).
    """

    name: str
    rate: Callable[[Array, Any], Array]
    theta: Any
    measured: np.ndarray
    initial: np.ndarray | None
    stages: int
    source: int
    optima: dict[int, tuple[float, str]]


def entry(fit: Fit, intervals: int) -> Entry:
    """The fit as a problem; x is a dict of "node", "slope" and "theta"."""
    if intervals < 2:
        raise ValueError(f"{fit.name}: intervals is {intervals}, expected at least 2.")
    times, data = fit.measured[:, 0], fit.measured[:, 1:]
    rule, h = gauss(fit.stages), times[-1] / intervals
    known = data if fit.initial is None else np.vstack([fit.initial, data])
    node = hold(times if fit.initial is None else np.r_[0.0, times], known, intervals)
    lower = {"node": np.full(node.shape, -np.inf), "slope": -np.inf, "theta": 0.0}
    upper = {"node": np.full(node.shape, np.inf), "slope": np.inf, "theta": np.inf}
    if fit.initial is not None:
        lower["node"][0] = upper["node"][0] = fit.initial

    def misfit(x: dict) -> Array:
        return jnp.sum((values_at(rule, times, x["node"], x["slope"], h) - data) ** 2)

    def equation(x: dict) -> Array:
        return x["slope"] - fit.rate(stage_values(rule, x["node"], x["slope"], h), x["theta"])

    problem = lagrad.Problem(
        misfit,
        {"node": node, "slope": np.zeros((intervals, fit.stages, node.shape[1])), "theta": fit.theta},
        {
            "equation": lagrad.Equality(equation),
            "continuity": lagrad.Equality(lambda x: continuity(rule, x["node"], x["slope"], h)),
        },
        bounds=(lower, upper),
        name=f"{fit.name}({intervals})",
    )
    return Entry(
        fit.name,
        problem,
        "parameter estimation",
        source=SOURCE.format(fit.source),
        numbers=fit.measured,
        **known_at(intervals, fit.optima),
    )


def gasoil_rate(y: Array, theta: Array) -> Array:
    """Catalytic cracking of gas oil (first state) to gasoline (second) and other products."""
    oil, gasoline = y[..., 0], y[..., 1]
    return jnp.stack([-(theta[0] + theta[2]) * oil**2, theta[0] * oil**2 - theta[1] * gasoline], axis=-1)


def methanol_rate(y: Array, theta: Array) -> Array:
    """Methanol to hydrocarbons."""
    a, b = y[..., 0], y[..., 1]
    k1, k2, k3, k4, k5 = theta
    shared = k1 / ((k2 + k5) * a + b)
    return jnp.stack(
        [
            -(2 * k2 - shared * b + k3 + k4) * a,
            shared * a * (k2 * a - b) + k3 * a,
            shared * a * (b + k5 * a) + k4 * a,
        ],
        axis=-1,
    )


def pinene_rate(y: Array, theta: Array) -> Array:
    """Thermal isomerization of alpha-pinene."""
    pinene, _, allo, _, dimer = (y[..., k] for k in range(5))
    k1, k2, k3, k4, k5 = theta
    return jnp.stack(
        [
            -(k1 + k2) * pinene,
            k1 * pinene,
            k2 * pinene - (k3 + k4) * allo + k5 * dimer,
            k3 * allo,
            k4 * allo - k5 * dimer,
        ],
        axis=-1,
    )


def marine_rate(y: Array, theta: dict) -> Array:
    """Eight stages of a population: who grows leaves a stage and enters the next."""
    grown = theta["growth"] * y[..., :-1]
    died = theta["mortality"] * y
    stay = -died - jnp.pad(grown, [(0, 0)] * (y.ndim - 1) + [(0, 1)])
    return stay + jnp.pad(grown, [(0, 0)] * (y.ndim - 1) + [(1, 0)])


def gasoil(intervals: int = 20) -> Entry:
    """Catalytic cracking: two states, three parameters, 21 measurements, four stages.

    Args:
        intervals: number of equal intervals, at least 2.

    Raises:
        ValueError: fewer than two intervals.

    >>> gasoil(20).m
    200
    """
    optima = {20: (0.005234524965, TWO_SOLVERS), 100: (0.005236594316, PUBLISHED)}
    fit = Fit("gasoil", gasoil_rate, np.zeros(3), GASOIL, np.array([1.0, 0.0]), 4, 12, optima)
    return entry(fit, intervals)


def methanol(intervals: int = 20) -> Entry:
    """Methanol to hydrocarbons: three states, five parameters, 17 measurements, three stages.

    Args:
        intervals: number of equal intervals, at least 2.

    Raises:
        ValueError: fewer than two intervals.

    >>> methanol(20).m
    240
    """
    optima = {20: (0.009022324989, TWO_SOLVERS), 100: (0.009022291158, PUBLISHED)}
    fit = Fit("methanol", methanol_rate, np.ones(5), METHANOL, np.array([1.0, 0.0, 0.0]), 3, 13, optima)
    return entry(fit, intervals)


def pinene(intervals: int = 20) -> Entry:
    """Isomerization of alpha-pinene: five states, five parameters, 8 measurements, three stages.

    Args:
        intervals: number of equal intervals, at least 2.

    Raises:
        ValueError: fewer than two intervals.

    >>> pinene(20).m
    400
    """
    optima = {20: (19.87289723, TWO_SOLVERS), 100: (19.87217015, PUBLISHED)}
    initial = np.array([100.0, 0.0, 0.0, 0.0, 0.0])
    fit = Fit("pinene", pinene_rate, np.zeros(5), PINENE, initial, 3, 7, optima)
    return entry(fit, intervals)


def marine(intervals: int = 20) -> Entry:
    """Marine population dynamics: eight states, 15 parameters, 21 measurements, one stage.

    Args:
        intervals: number of equal intervals, at least 2.

    Raises:
        ValueError: fewer than two intervals.

    >>> marine(20).m
    320
    """
    theta = {"growth": np.zeros(7), "mortality": np.zeros(8)}
    optima = {20: (19747842.28, TWO_SOLVERS), 100: (19746262.79, PUBLISHED)}
    fit = Fit("marine", marine_rate, theta, MARINE, None, 1, 8, optima)
    return entry(fit, intervals)
