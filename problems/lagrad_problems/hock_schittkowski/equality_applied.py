"""Hock-Schittkowski problems with equality constraints from number 68 on: a table of formulas.

Most of them come from engineering: cattle feed (73), power dispatch (74, 75, 107, 109), a nonlinear circuit
(87), trajectory control (99), chemical equilibrium (111, 112), alkylation (114).
"""

from __future__ import annotations

from math import cos as _cos
from math import inf, sqrt
from math import sin as _sin

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.numpy import cos, exp, log, sin
from jax.scipy.special import ndtr

from lagrad_problems.formula import Formula, scalars

SQRT2 = sqrt(2.0)


def _inspection(number: int, a: float, b: float, d: float, n: int, optimum: float) -> Formula:
    """Cost-optimal inspection plan, problems 68 and 69: x3 and x4 are normal probabilities."""
    return scalars(
        number,
        optimum,
        (1.0, 1.0, 1.0, 1.0),
        lambda x1, x2, x3, x4: (a * n - (b * (exp(x1) - 1) - x3) * x4 / (exp(x1) - 1 + x4)) / x1,
        equal=lambda x1, x2, x3, x4: (
            x3 - 2 * ndtr(-x2),
            x4 - ndtr(-x2 + d * sqrt(n)) - ndtr(-x2 - d * sqrt(n)),
        ),
        lower=(1e-4, 0.0, 0.0, 0.0),
        upper=(100.0, 100.0, 2.0, 2.0),
    )


def _two_generators(number: int, a: float, optimum: float) -> Formula:
    """Dispatch of two generators over three lines, problems 74 and 75: `a` limits the angles."""
    return scalars(
        number,
        optimum,
        (0.0, 0.0, 0.0, 0.0),
        lambda x1, x2, x3, x4: 3 * x1 + 1e-6 * x1**3 + 2 * x2 + 2e-6 / 3 * x2**3,
        equal=lambda x1, x2, x3, x4: (
            1000 * sin(-x3 - 0.25) + 1000 * sin(-x4 - 0.25) + 894.8 - x1,
            1000 * sin(x3 - 0.25) + 1000 * sin(x3 - x4 - 0.25) + 894.8 - x2,
            1000 * sin(x4 - 0.25) + 1000 * sin(x4 - x3 - 0.25) + 1294.8,
        ),
        positive=lambda x1, x2, x3, x4: x4 - x3,
        span=(-a, a),
        lower=(0.0, 0.0, -a, -a),
        upper=(1200.0, 1200.0, a, a),
    )


def _on_sphere(x1, x2, x3, x4, x5):
    """The three equalities of problems 78, 80 and 81."""
    return x1**2 + x2**2 + x3**2 + x4**2 + x5**2 - 10, x2 * x3 - 5 * x4 * x5, x1**3 + x2**3 + 1


_CIRCUIT = {"a": 131.078, "b": 1.48477, "c": 0.90798, "d": _cos(1.47588), "e": _sin(1.47588)}


def _circuit_cost(x1, x2, x3, x4, x5, x6):
    """Prices per unit rise at 300 (x1) and at 100 and 200 (x2): the cost jumps there."""
    price1 = jnp.where(x1 < 300, 30.0, 31.0)
    price2 = jnp.where(x2 < 100, 28.0, jnp.where(x2 < 200, 29.0, 30.0))
    return price1 * x1 + price2 * x2


def _circuit_laws(x1, x2, x3, x4, x5, x6):
    """Real and reactive power at the two ends of the line."""
    a, b, c, d, e = _CIRCUIT.values()
    return (
        300 - x1 - x3 * x4 / a * cos(b - x6) + c * x3**2 / a * d,
        -x2 - x3 * x4 / a * cos(b + x6) + c * x4**2 / a * d,
        -x5 - x3 * x4 / a * sin(b + x6) + c * x4**2 / a * e,
        200 - x3 * x4 / a * sin(b - x6) + c * x3**2 / a * e,
    )


_TIMES = np.array([0.0, 25, 50, 100, 150, 200, 290, 380])
_THRUST = np.array([50.0, 50, 75, 75, 75, 100, 100])
_GRAVITY = 32.0


def _range(x: Array) -> Array:
    """Minus the square of the horizontal distance: thrust times duration times cosine of the pitch."""
    return -(jnp.sum(_THRUST * np.diff(_TIMES) * cos(x)) ** 2)


def _burnout(x: Array) -> Array:
    """Height minus 1e5 and climb rate minus 1e3 at the end, integrated over the seven phases."""
    h = np.diff(_TIMES)
    climb = _THRUST * sin(x) - _GRAVITY
    speed = jnp.cumsum(h * climb)
    before = jnp.concatenate([jnp.zeros(1), speed[:-1]])
    return jnp.stack([jnp.sum(0.5 * h**2 * climb + h * before) - 1e5, speed[-1] - 1e3])


_C107, _D107 = 48.4 / 50.176 * _sin(0.25), 48.4 / 50.176 * _cos(0.25)


def _three_buses(x1, x2, x3, x4, x5, x6, x7, x8, x9):
    """Real, then reactive balance of a power network with three buses, problem 107."""
    c, d = _C107, _D107
    y1, y2, y3, y4, y5, y6 = sin(x8), cos(x8), sin(x9), cos(x9), sin(x8 - x9), cos(x8 - x9)
    return (
        0.4 - x1 + 2 * c * x5**2 - x5 * x6 * (d * y1 + c * y2) - x5 * x7 * (d * y3 + c * y4),
        0.4 - x2 + 2 * c * x6**2 + x5 * x6 * (d * y1 - c * y2) + x6 * x7 * (d * y5 - c * y6),
        0.8 + 2 * c * x7**2 + x5 * x7 * (d * y3 - c * y4) - x6 * x7 * (d * y5 + c * y6),
        0.2 - x3 + 2 * d * x5**2 + x5 * x6 * (c * y1 - d * y2) + x5 * x7 * (c * y3 - d * y4),
        0.2 - x4 + 2 * d * x6**2 - x5 * x6 * (c * y1 + d * y2) - x6 * x7 * (c * y5 + d * y6),
        -0.337 + 2 * d * x7**2 - x5 * x7 * (c * y3 + d * y4) + x6 * x7 * (c * y5 - d * y6),
    )


def _three_voltages(x1, x2, x3, x4, x5, x6, x7, x8, x9):
    """The same kind of network in volts and megawatts, problem 109."""
    a, b, c = 50.176, _sin(0.25), _cos(0.25)
    return (
        x5 * x6 * sin(-x3 - 0.25) + x5 * x7 * sin(-x4 - 0.25) + 2 * b * x5**2 - a * x1 + 400 * a,
        x5 * x6 * sin(x3 - 0.25) + x6 * x7 * sin(x3 - x4 - 0.25) + 2 * b * x6**2 - a * x2 + 400 * a,
        x5 * x7 * sin(x4 - 0.25) + x6 * x7 * sin(x4 - x3 - 0.25) + 2 * b * x7**2 + 881.779 * a,
        a * x8
        + x5 * x6 * cos(-x3 - 0.25)
        + x5 * x7 * cos(-x4 - 0.25)
        - 200 * a
        - 2 * c * x5**2
        + 0.7533e-3 * a * x5**2,
        a * x9
        + x5 * x6 * cos(x3 - 0.25)
        + x6 * x7 * cos(x3 - x4 - 0.25)
        - 2 * c * x6**2
        + 0.7533e-3 * a * x6**2
        - 200 * a,
        x5 * x7 * cos(x4 - 0.25)
        + x6 * x7 * cos(x4 - x3 - 0.25)
        - 2 * c * x7**2
        - 22.938 * a
        + 0.7533e-3 * a * x7**2,
    )


_FREE_ENERGY = np.array(
    [-6.089, -17.164, -34.054, -5.914, -24.721, -14.986, -24.1, -10.708, -26.662, -22.179]
)
_ATOMS = np.array(
    [
        [1.0, 2, 2, 0, 0, 1, 0, 0, 0, 1],
        [0.0, 0, 0, 1, 2, 1, 1, 0, 0, 0],
        [0.0, 0, 1, 0, 0, 0, 1, 1, 2, 1],
    ]
)
_AVAILABLE = np.array([2.0, 1, 1])


def _gibbs(moles: Array) -> Array:
    """Gibbs free energy of a mixture of ten species."""
    return jnp.sum(moles * (_FREE_ENERGY + log(moles / jnp.sum(moles))))


def _alkylation(x1, x2, x3, x4, x5, x6, x7, x8, x9, x10):
    """Four regressions of problem 114, each allowed to be off by a factor of 0.99 or 0.9 both ways."""
    a, b = 0.99, 0.9
    g1 = 35.82 - 0.222 * x10 - b * x9
    g2 = -133 + 3 * x7 - a * x10
    g5 = 1.12 * x1 + 0.13167 * x1 * x8 - 0.00667 * x1 * x8**2 - a * x4
    g6 = 57.425 + 1.098 * x8 - 0.038 * x8**2 + 0.325 * x6 - a * x7
    slack_a = 1 / a - a
    return g1, g2, x9 * (1 / b - b) - g1, slack_a * x10 - g2, g5, g6, slack_a * x4 - g5, slack_a * x7 - g6


# Pairs (i, j), counted from one, whose terms (x_i^2 + x_i + 1)(x_j^2 + x_j + 1) problem 119 sums.
_PAIRS = (
    "1,1 1,4 1,7 1,8 1,16 2,2 2,3 2,7 2,10 3,3 3,7 3,9 3,10 3,14 4,4 4,7 4,11 4,15 5,5 5,6 5,10 5,12 5,16 "
    "6,6 6,8 6,15 7,7 7,11 7,13 8,8 8,10 8,15 9,9 9,12 9,16 10,10 10,14 11,11 11,13 12,12 12,14 13,13 13,14 "
    "14,14 15,15 16,16"
)
_I119, _J119 = (np.array(_PAIRS.replace(",", " ").split(), int) - 1).reshape(-1, 2).T
_B119 = np.hstack(
    [
        np.array(
            [
                [0.22, 0.20, 0.19, 0.25, 0.15, 0.11, 0.12, 0.13],
                [-1.46, 0, -1.30, 1.82, -1.15, 0, 0.80, 0],
                [1.29, -0.89, 0, 0, -1.16, -0.96, 0, -0.49],
                [-1.10, -1.06, 0.95, -0.54, 0, -1.78, -0.41, 0],
                [0, 0, 0, -1.43, 1.51, 0.59, -0.33, -0.43],
                [0, -1.72, -0.33, 0, 1.62, 1.24, 0.21, -0.26],
                [1.12, 0, 0, 0.31, 0, 0, 1.12, 0],
                [0, 0.45, 0.26, -1.10, 0.58, 0, -1.03, 0.10],
            ]
        ),
        np.eye(8),
    ]
)
_B119[6, 8] = -0.36
_C119 = np.array([2.5, 1.1, -3.1, -3.5, 1.3, 2.1, 2.3, -1.5])


def _pair_products(x: Array) -> Array:
    """Sum over the pairs of problem 119."""
    terms = x**2 + x + 1
    return jnp.sum(terms[_I119] * terms[_J119])


APPLIED: tuple[Formula, ...] = (
    _inspection(68, 1e-4, 1.0, 1.0, 24, -0.920425026),
    _inspection(69, 0.1, 1000.0, 1.0, 4, -956.71288),
    scalars(
        71,
        17.01401729,
        (1.0, 5.0, 5.0, 1.0),
        lambda x1, x2, x3, x4: x1 * x4 * (x1 + x2 + x3) + x3,
        equal=lambda x1, x2, x3, x4: x1**2 + x2**2 + x3**2 + x4**2 - 40,
        positive=lambda x1, x2, x3, x4: x1 * x2 * x3 * x4 - 25,
        lower=1.0,
        upper=5.0,
    ),
    scalars(
        73,
        29.894378,
        (1.0, 1.0, 1.0, 1.0),
        lambda x1, x2, x3, x4: 24.55 * x1 + 26.75 * x2 + 39 * x3 + 40.5 * x4,
        equal=lambda x1, x2, x3, x4: x1 + x2 + x3 + x4 - 1,
        positive=lambda x1, x2, x3, x4: (
            2.3 * x1 + 5.6 * x2 + 11.1 * x3 + 1.3 * x4 - 5,
            12 * x1
            + 11.9 * x2
            + 41.8 * x3
            + 52.1 * x4
            - 21
            - 1.645 * jnp.sqrt(0.28 * x1**2 + 0.19 * x2**2 + 20.5 * x3**2 + 0.62 * x4**2),
        ),
        lower=0.0,
    ),
    _two_generators(74, 0.55, 5126.4981),
    _two_generators(75, 0.48, 5174.4129),
    scalars(
        77,
        0.24150513,
        (2.0, 2.0, 2.0, 2.0, 2.0),
        lambda x1, x2, x3, x4, x5: (
            (x1 - 1) ** 2 + (x1 - x2) ** 2 + (x3 - 1) ** 2 + (x4 - 1) ** 4 + (x5 - 1) ** 6
        ),
        equal=lambda x1, x2, x3, x4, x5: (
            x1**2 * x4 + sin(x4 - x5) - 2 * SQRT2,
            x2 + x3**4 * x4**2 - 8 - SQRT2,
        ),
    ),
    scalars(
        78,
        -2.91970041,
        (-2.0, 1.5, 2.0, -1.0, -1.0),
        lambda x1, x2, x3, x4, x5: x1 * x2 * x3 * x4 * x5,
        equal=_on_sphere,
    ),
    scalars(
        79,
        0.0787768209,
        (2.0, 2.0, 2.0, 2.0, 2.0),
        lambda x1, x2, x3, x4, x5: (
            (x1 - 1) ** 2 + (x1 - x2) ** 2 + (x2 - x3) ** 2 + (x3 - x4) ** 4 + (x4 - x5) ** 4
        ),
        equal=lambda x1, x2, x3, x4, x5: (
            x1 + x2**2 + x3**3 - 2 - 3 * SQRT2,
            x2 - x3**2 + x4 + 2 - 2 * SQRT2,
            x1 * x5 - 2,
        ),
    ),
    scalars(
        80,
        0.0539498478,
        (-2.0, 2.0, 2.0, -1.0, -1.0),
        lambda x1, x2, x3, x4, x5: exp(x1 * x2 * x3 * x4 * x5),
        equal=_on_sphere,
        lower=(-2.3, -2.3, -3.2, -3.2, -3.2),
        upper=(2.3, 2.3, 3.2, 3.2, 3.2),
    ),
    scalars(
        81,
        0.0539498478,
        (-2.0, 2.0, 2.0, -1.0, -1.0),
        lambda x1, x2, x3, x4, x5: exp(x1 * x2 * x3 * x4 * x5) - 0.5 * (x1**3 + x2**3 + 1) ** 2,
        equal=_on_sphere,
        lower=(-2.3, -2.3, -3.2, -3.2, -3.2),
        upper=(2.3, 2.3, 3.2, 3.2, 3.2),
    ),
    scalars(
        87,
        8927.597735,
        (390.0, 1000.0, 419.5, 340.5, 198.175, 0.5),
        _circuit_cost,
        equal=_circuit_laws,
        lower=(0.0, 0.0, 340.0, 340.0, -1000.0, 0.0),
        upper=(400.0, 1000.0, 420.0, 420.0, 1000.0, 0.5236),
        note="The cost jumps at x1 = 300, x2 = 100 and x2 = 200. The book prints b = 1.48577, which does "
        "not fit its own solution; b is Himmelblau's.",
    ),
    Formula(
        99,
        -0.831079892e9,
        (0.5,) * 7,
        _range,
        equal=_burnout,
        lower=0.0,
        upper=1.58,
    ),
    scalars(
        107,
        5055.011803,
        (0.8, 0.8, 0.2, 0.2, 1.0454, 1.0454, 1.0454, 0.0, 0.0),
        lambda x1, x2, x3, x4, x5, x6, x7, x8, x9: (
            3000 * x1 + 1000 * x1**3 + 2000 * x2 + 666.66666667 * x2**3
        ),
        equal=_three_buses,
        lower=(0.0, 0.0, -inf, -inf, 0.90909, 0.90909, 0.90909, -inf, -inf),
        upper=(inf, inf, inf, inf, 1.0909, 1.0909, 1.0909, inf, inf),
    ),
    scalars(
        109,
        5362.069181,
        (1000.0, 1000.0, 0.0, 0.0, 224.0, 224.0, 224.0, 0.0, 0.0),
        lambda x1, x2, x3, x4, x5, x6, x7, x8, x9: 3 * x1 + 1e-6 * x1**3 + 2 * x2 + 0.522074e-6 * x2**3,
        equal=_three_voltages,
        positive=lambda x1, x2, x3, x4, x5, x6, x7, x8, x9: (
            x4 - x3 + 0.55,
            x3 - x4 + 0.55,
            2250000 - x1**2 - x8**2,
            2250000 - x2**2 - x9**2,
        ),
        lower=(0.0, 0.0, -0.55, -0.55, 196.0, 196.0, 196.0, -400.0, -400.0),
        upper=(inf, inf, 0.55, 0.55, 252.0, 252.0, 252.0, 800.0, 800.0),
        note="The start is ours: from the book's, x = 0, IPOPT's monotone barrier wanders for thousands of "
        "iterations. The sign of 22.938 is the one that fits the book's solution.",
    ),
    Formula(
        111,
        -47.76109026,
        (-2.3,) * 10,
        lambda x: _gibbs(exp(x)),
        equal=lambda x: _ATOMS @ exp(x) - _AVAILABLE,
        lower=-100.0,
        upper=100.0,
        note="Problem 112 in the logarithms of the moles.",
    ),
    Formula(
        112,
        -47.76109026,
        (0.1,) * 10,
        _gibbs,
        equal=lambda x: _ATOMS @ x - _AVAILABLE,
        lower=1e-6,
    ),
    scalars(
        114,
        -1768.80696,
        (1745.0, 12000.0, 110.0, 3048.0, 1974.0, 89.2, 92.8, 8.0, 3.6, 145.0),
        lambda x1, x2, x3, x4, x5, x6, x7, x8, x9, x10: (
            5.04 * x1 + 0.035 * x2 + 10 * x3 + 3.36 * x5 - 0.063 * x4 * x7
        ),
        equal=lambda x1, x2, x3, x4, x5, x6, x7, x8, x9, x10: (
            1.22 * x4 - x1 - x5,
            98000 * x3 / (x4 * x9 + 1000 * x3) - x6,
            (x2 + x5) / x1 - x8,
        ),
        positive=_alkylation,
        lower=(1e-5, 1e-5, 1e-5, 1e-5, 1e-5, 85.0, 90.0, 3.0, 1.2, 145.0),
        upper=(2000.0, 16000.0, 120.0, 5000.0, 2000.0, 93.0, 95.0, 12.0, 4.0, 162.0),
    ),
    Formula(
        119,
        244.899698,
        (10.0,) * 16,
        _pair_products,
        equal=lambda x: _B119 @ x - _C119,
        lower=0.0,
        upper=5.0,
    ),
)
