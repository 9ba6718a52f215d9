"""Hock-Schittkowski problems with inequalities or bounds from number 88 on: a table of formulas.

Heat conduction (88 to 92), geometric programs (101 to 104), maximum likelihood (105), heat exchangers (106),
the largest hexagon of unit diameter (108), membrane separation (116), production planning (118).
"""

from __future__ import annotations

from math import inf, pi

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.numpy import exp, log
from scipy.optimize import brentq

from lagrad_problems.formula import Formula, scalars
from lagrad_problems.hock_schittkowski.inequality_medium import (
    CUBIC_86,
    LIMITS_86,
    LINEAR_86,
    QUADRATIC_86,
    ROWS_86,
)

# The first thirty positive roots of mu tan(mu) = 1.
_MU = np.array(
    [brentq(lambda t: t * np.sin(t) - np.cos(t), k * pi, (k + 0.5) * pi, xtol=1e-15) for k in range(30)]
)
_A88 = 2 * np.sin(_MU) / (_MU + np.sin(_MU) * np.cos(_MU))


def _heating_gram() -> np.ndarray:
    """Integrals over [0, 1] of products of the modes cos(mu_i s), weighted, shape (30, 30)."""
    total, difference = np.add.outer(_MU, _MU), np.subtract.outer(_MU, _MU)
    overlap = (np.sin(total) / total + np.sinc(difference / pi)) / 2
    weights = _MU**2 * _A88
    return weights[:, None] * overlap * weights


_GRAM88 = _heating_gram()
_LINEAR88 = _MU**2 * _A88 * (2 * np.sin(_MU) / _MU**3 - 2 * np.cos(_MU) / _MU**2)


def _heating_margin(x: Array) -> Array:
    """1e-4 minus the squared distance of the final temperature from its target, problems 88 to 92."""
    n = x.shape[0]
    signs = np.array([1.0] + [2.0 * (-1) ** k for k in range(1, n)])
    tails = jnp.cumsum(x[::-1] ** 2)[::-1]
    rho = -(exp(-np.outer(_MU**2, np.ones(n)) * tails) @ signs + (-1) ** n) / _MU**2
    return 1e-4 - (rho @ (_GRAM88 @ rho) - _LINEAR88 @ rho + 2 / 15)


def _heating(number: int, n: int) -> Formula:
    """Time-optimal heat conduction with n switches: squared switching intervals."""
    start = tuple(0.5 * (-1.0) ** k for k in range(n))
    return Formula(
        number,
        1.362656815,
        start,
        lambda x: jnp.sum(x**2),
        positive=_heating_margin,
        tolerance=2e-5,
        note="The multiplier is about 1000: IPOPT relaxes the limit by 1e-8 and the objective moves by 1e-5.",
    )


def _posynomial_cost(a: float):
    """Objective of problems 101 to 103 as a function of seven variables."""

    def cost(x1, x2, x3, x4, x5, x6, x7):
        return (
            10 * x1 * x4**2 * x7**a / (x2 * x6**3)
            + 15 * x3 * x4 / (x1 * x2**2 * x5 * x7**0.5)
            + 20 * x2 * x6 / (x1**2 * x4 * x5**2)
            + 25 * x1**2 * x2**2 * x5**0.5 * x7 / (x3 * x6**2)
        )

    return cost


def _posynomials(x1, x2, x3, x4, x5, x6, x7):
    """The four sums of monomials that problems 101 to 103 keep below one."""
    return (
        0.5 * x1**0.5 * x7 / (x3 * x6**2)
        + 0.7 * x1**3 * x2 * x6 * x7**0.5 / x3**2
        + 0.2 * x3 * x6 ** (2 / 3) * x7**0.25 / (x2 * x4**0.5),
        1.3 * x2 * x6 / (x1**0.5 * x3 * x5)
        + 0.8 * x3 * x6**2 / (x4 * x5)
        + 3.1 * x2**0.5 * x6 ** (1 / 3) / (x1 * x4**2 * x5),
        2 * x1 * x5 * x7 ** (1 / 3) / (x3**1.5 * x6)
        + 0.1 * x2 * x5 / (x3**0.5 * x6 * x7**0.5)
        + x2 * x3**0.5 * x5 / x1
        + 0.65 * x3 * x5 * x7 / (x2**2 * x6),
        0.2 * x2 * x5**0.5 * x7 ** (1 / 3) / (x1**2 * x4)
        + 0.3 * x1**0.5 * x2**2 * x3 * x4 ** (1 / 3) * x7**0.25 / x5 ** (2 / 3)
        + 0.4 * x3 * x5 * x7**0.75 / (x1**3 * x2**2)
        + 0.5 * x4 * x7**0.5 / x3**2,
    )


def _geometric(number: int, a: float, optimum: float) -> Formula:
    """Geometric program, problems 101 to 103, which differ in one exponent."""
    cost = _posynomial_cost(a)
    return scalars(
        number,
        optimum,
        (6.0,) * 7,
        cost,
        positive=lambda *x: (*_posynomials(*x), cost(*x)),
        span=((-inf, -inf, -inf, -inf, 100.0), (1.0, 1.0, 1.0, 1.0, 3000.0)),
        lower=(0.1,) * 6 + (0.01,),
        upper=10.0,
    )


def _reactor_104(x1, x2, x3, x4, x5, x6, x7, x8):
    """Yield of two reactors in series."""
    return 0.4 * x1**0.67 * x7**-0.67 + 0.4 * x2**0.67 * x8**-0.67 + 10 - x1 - x2


_MEASURED = np.repeat(
    [95.0, *range(105, 225, 5), 230, 235, 240, 245, 250],
    [1, 1, 4, 4, 15, 15, 15, 13, 21, 12, 17, 4, 20, 8, 17, 8, 6, 6, 7, 4, 3, 3, 8, 1, 6, 5, 1, 7, 1, 2],
)


def _mixture_likelihood(x: Array) -> Array:
    """Minus the log-likelihood of 235 measurements under a mixture of three normal laws, problem 105."""
    shares = jnp.stack([x[0], x[1], 1 - x[0] - x[1]])
    means, deviations = x[2:5], x[5:8]
    densities = exp(-((_MEASURED[:, None] - means) ** 2) / (2 * deviations**2)) / deviations
    return -jnp.sum(log(densities @ shares / jnp.sqrt(2 * pi)))


def _dual_cost_117(x: Array) -> Array:
    """Objective of problem 117, the dual of problem 86; x = (multipliers, primal variables)."""
    y, z = x[:10], x[10:]
    return jnp.sum(-LIMITS_86 * y) + jnp.sum(z * (QUADRATIC_86 @ z)) + 2 * jnp.sum(CUBIC_86 * z**3)


def _dual_feasibility_117(x: Array) -> Array:
    """Stationarity of problem 86 as five inequalities."""
    y, z = x[:10], x[10:]
    return jnp.asarray(3 * CUBIC_86 * z**2 + 2 * QUADRATIC_86 @ z + LINEAR_86 - ROWS_86.T @ y)


def _hexagon(x1, x2, x3, x4, x5, x6, x7, x8, x9):
    """Diameters at most one, and signed areas, of the hexagon of problem 108."""
    return (
        1 - x3**2 - x4**2,
        1 - x5**2 - x6**2,
        1 - x9**2,
        1 - x1**2 - (x2 - x9) ** 2,
        1 - (x1 - x5) ** 2 - (x2 - x6) ** 2,
        1 - (x1 - x7) ** 2 - (x2 - x8) ** 2,
        1 - (x3 - x7) ** 2 - (x4 - x8) ** 2,
        1 - (x3 - x5) ** 2 - (x4 - x6) ** 2,
        1 - x7**2 - (x8 - x9) ** 2,
        x1 * x4 - x2 * x3,
        x3 * x9,
        -x5 * x9,
        x5 * x8 - x6 * x7,
    )


def _wong(x1, x2, x3, x4, x5, x6, x7, x8, x9, x10):
    """The eight inequalities of problem 113."""
    return (
        105 - 4 * x1 - 5 * x2 + 3 * x7 - 9 * x8,
        -10 * x1 + 8 * x2 + 17 * x7 - 2 * x8,
        8 * x1 - 2 * x2 - 5 * x9 + 2 * x10 + 12,
        -3 * (x1 - 2) ** 2 - 4 * (x2 - 3) ** 2 - 2 * x3**2 + 7 * x4 + 120,
        -5 * x1**2 - 8 * x2 - (x3 - 6) ** 2 + 2 * x4 + 40,
        -0.5 * (x1 - 8) ** 2 - 2 * (x2 - 4) ** 2 - 3 * x5**2 + x6 + 30,
        -(x1**2) - 2 * (x2 - 2) ** 2 + 2 * x1 * x2 - 14 * x5 + 6 * x6,
        3 * x1 - 6 * x2 - 12 * (x9 - 8) ** 2 + 7 * x10,
    )


def _membranes(x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13):
    """Three-stage membrane separation, problem 116."""
    a, b, c, d, e, f = 0.002, 1.262626, 1.231059, 0.03475, 0.975, 0.00975
    return (
        x3 - x2,
        x2 - x1,
        1 - a * x7 + a * x8,
        x11 + x12 + x13 - 50,
        250 - x11 - x12 - x13,
        x13 - b * x10 + c * x3 * x10,
        x5 - d * x2 - e * x2 * x5 + f * x2**2,
        x6 - d * x3 - e * x3 * x6 + f * x3**2,
        x4 - d * x1 - e * x1 * x4 + f * x1**2,
        x12 - b * x9 + c * x2 * x9,
        x11 - b * x8 + c * x1 * x8,
        x5 * x7 - x1 * x8 - x4 * x7 + x4 * x8,
        1 - a * (x2 * x9 + x5 * x8 - x1 * x8 - x6 * x9) - x5 - x6,
        x2 * x9 - x3 * x10 - x6 * x9 - 500 * x2 + 500 * x6 + x2 * x10,
        x2 - 0.9 - a * (x2 * x10 - x3 * x10),
    )


def _production_118(x: Array) -> Array:
    """Cost of three products in five months."""
    return jnp.sum(
        x.reshape(5, 3) * np.array([2.3, 1.7, 2.2]) + x.reshape(5, 3) ** 2 * np.array([1e-4, 1e-4, 1.5e-4])
    )


def _plan_118(x: Array) -> Array:
    """Month-to-month changes, then monthly totals, shape (17,)."""
    months = x.reshape(5, 3)
    return jnp.concatenate([jnp.diff(months, axis=0).ravel(), months.sum(axis=1)])


LARGE: tuple[Formula, ...] = (
    *(_heating(86 + n, n) for n in range(2, 7)),
    scalars(
        100,
        680.6300573,
        (1.0, 2.0, 0.0, 4.0, 0.0, 1.0, 1.0),
        lambda x1, x2, x3, x4, x5, x6, x7: (
            (x1 - 10) ** 2
            + 5 * (x2 - 12) ** 2
            + x3**4
            + 3 * (x4 - 11) ** 2
            + 10 * x5**6
            + 7 * x6**2
            + x7**4
            - 4 * x6 * x7
            - 10 * x6
            - 8 * x7
        ),
        positive=lambda x1, x2, x3, x4, x5, x6, x7: (
            127 - 2 * x1**2 - 3 * x2**4 - x3 - 4 * x4**2 - 5 * x5,
            282 - 7 * x1 - 3 * x2 - 10 * x3**2 - x4 + x5,
            196 - 23 * x1 - x2**2 - 6 * x6**2 + 8 * x7,
            -4 * x1**2 - x2**2 + 3 * x1 * x2 - 2 * x3**2 - 5 * x6 + 11 * x7,
        ),
    ),
    _geometric(101, -0.25, 1809.76476),
    _geometric(102, 0.125, 911.880571),
    _geometric(103, 0.5, 543.667958),
    scalars(
        104,
        3.9511634396,
        (6.0, 3.0, 0.4, 0.2, 6.0, 6.0, 1.0, 0.5),
        _reactor_104,
        positive=lambda x1, x2, x3, x4, x5, x6, x7, x8: (
            1 - 0.0588 * x5 * x7 - 0.1 * x1,
            1 - 0.0588 * x6 * x8 - 0.1 * x1 - 0.1 * x2,
            1 - 4 * x3 / x5 - 2 / (x3**0.71 * x5) - 0.0588 * x7 / x3**1.3,
            1 - 4 * x4 / x6 - 2 / (x4**0.71 * x6) - 0.0588 * x8 / x4**1.3,
            _reactor_104(x1, x2, x3, x4, x5, x6, x7, x8),
        ),
        span=((0.0, 0.0, 0.0, 0.0, 0.1), (inf, inf, inf, inf, 4.2)),
        lower=0.1,
        upper=10.0,
    ),
    Formula(
        105,
        1136.360984,
        (0.1, 0.2, 100.0, 125.0, 175.0, 11.2, 13.2, 15.8),
        _mixture_likelihood,
        positive=lambda x: 1 - x[0] - x[1],
        lower=(0.001, 0.001, 100.0, 130.0, 170.0, 5.0, 5.0, 5.0),
        upper=(0.499, 0.449, 180.0, 210.0, 240.0, 25.0, 25.0, 25.0),
        note="The book prints 1138.41624, which is not a minimum of its formula.",
    ),
    scalars(
        106,
        7049.248021,
        (5000.0, 5000.0, 5000.0, 200.0, 350.0, 150.0, 225.0, 425.0),
        lambda x1, x2, x3, x4, x5, x6, x7, x8: x1 + x2 + x3,
        positive=lambda x1, x2, x3, x4, x5, x6, x7, x8: (
            1 - 0.0025 * (x4 + x6),
            1 - 0.0025 * (x5 + x7 - x4),
            1 - 0.01 * (x8 - x5),
            x1 * x6 - 833.33252 * x4 - 100 * x1 + 83333.333,
            x2 * x7 - 1250 * x5 - x2 * x4 + 1250 * x4,
            x3 * x8 - 1250000 - x3 * x5 + 2500 * x5,
        ),
        lower=(100.0, 1000.0, 1000.0, 10.0, 10.0, 10.0, 10.0, 10.0),
        upper=(10000.0, 10000.0, 10000.0, 1000.0, 1000.0, 1000.0, 1000.0, 1000.0),
        note="The book prints 7049.330923, short of the optimum.",
    ),
    scalars(
        108,
        -0.8660254038,
        (1.0,) * 9,
        lambda x1, x2, x3, x4, x5, x6, x7, x8, x9: (
            -0.5 * (x1 * x4 - x2 * x3 + x3 * x9 - x5 * x9 + x5 * x8 - x6 * x7)
        ),
        positive=_hexagon,
        lower=(-inf,) * 8 + (0.0,),
        note="Many solutions and many local optima.",
        other_optima=(-0.6749814429,),
    ),
    Formula(
        110,
        -45.77846971,
        (9.0,) * 10,
        lambda x: jnp.sum(log(x - 2) ** 2 + log(10 - x) ** 2) - jnp.prod(x) ** 0.2,
        lower=2.001,
        upper=9.999,
    ),
    scalars(
        113,
        24.3062091,
        (2.0, 3.0, 5.0, 5.0, 1.0, 2.0, 7.0, 3.0, 6.0, 10.0),
        lambda x1, x2, x3, x4, x5, x6, x7, x8, x9, x10: (
            x1**2
            + x2**2
            + x1 * x2
            - 14 * x1
            - 16 * x2
            + (x3 - 10) ** 2
            + 4 * (x4 - 5) ** 2
            + (x5 - 3) ** 2
            + 2 * (x6 - 1) ** 2
            + 5 * x7**2
            + 7 * (x8 - 11) ** 2
            + 2 * (x9 - 10) ** 2
            + (x10 - 7) ** 2
            + 45
        ),
        positive=_wong,
    ),
    scalars(
        116,
        97.58750956,
        (0.5, 0.8, 0.9, 0.1, 0.14, 0.5, 489.0, 80.0, 650.0, 450.0, 150.0, 150.0, 150.0),
        lambda x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13: x11 + x12 + x13,
        positive=_membranes,
        lower=(0.1, 0.1, 0.1, 1e-4, 0.1, 0.1, 0.1, 0.1, 500.0, 0.1, 1.0, 1e-4, 1e-4),
        upper=(1.0, 1.0, 1.0, 0.1, 0.9, 0.9, 1000.0, 1000.0, 1000.0, 500.0, 150.0, 150.0, 150.0),
        note="The book prints 97.588409, short of the optimum.",
    ),
    Formula(
        117,
        32.34867897,
        (0.001,) * 6 + (60.0,) + (0.001,) * 8,
        _dual_cost_117,
        positive=_dual_feasibility_117,
        lower=0.0,
        note="The dual of problem 86.",
    ),
    Formula(
        118,
        664.8204500,
        (20.0, 55.0, 15.0) + (20.0, 60.0, 20.0) * 4,
        _production_118,
        positive=_plan_118,
        span=(
            (-7.0,) * 12 + (60.0, 50.0, 70.0, 85.0, 100.0),
            (6.0, 7.0, 6.0) * 4 + (inf,) * 5,
        ),
        lower=(8.0, 43.0, 3.0) + (0.0,) * 12,
        upper=(21.0, 57.0, 16.0) + (90.0, 120.0, 60.0) * 4,
    ),
)
