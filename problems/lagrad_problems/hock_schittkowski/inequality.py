"""Hock-Schittkowski problems with inequalities or bounds and two or three variables: a table of formulas."""

from __future__ import annotations

from math import inf, pi, sqrt
from math import log as _log

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.numpy import exp, sin

from lagrad_problems.formula import Formula, scalars

SQRT2, SQRT3 = sqrt(2.0), sqrt(3.0)


def _rosenbrock(x1, x2):
    """The curved valley of problems 1, 2, 15, 16, 17 and 20."""
    return 100 * (x2 - x1**2) ** 2 + (1 - x1) ** 2


def _box_volume(x1, x2, x3):
    """Minus the volume of a parcel, problems 29, 36 and 37."""
    return -x1 * x2 * x3


_FRACTIONS = 0.01 * np.arange(1, 100)
_SIZES = 25 + (-50 * np.log(_FRACTIONS)) ** (2 / 3)


def _weibull_misfit(x: Array) -> Array:
    """Squared misfit of a Weibull distribution to 99 of its own quantiles, problem 25."""
    return jnp.sum((exp(-((_SIZES - x[1]) ** x[2]) / x[0]) - _FRACTIONS) ** 2)


_AGES = np.repeat(np.arange(8.0, 43.0, 2.0), [2, 4, 4, 3, 3, 2, 3, 3, 3, 3, 2, 3, 2, 1, 2, 2, 1, 1])
_PERCENT = [49, 49, 48, 47, 48, 47, 46, 46, 45, 43, 45, 43, 43, 44, 43, 43, 46, 45, 42, 42, 43, 41]
_PERCENT += [41, 40, 42, 40, 40, 41, 40, 41, 41, 40, 40, 40, 38, 41, 40, 40, 41, 38, 40, 40, 39, 39]
_CHLORINE = np.array(_PERCENT) / 100


def _chlorine_misfit(x: Array) -> Array:
    """Squared misfit of an exponential decay to 44 measurements, problem 57."""
    return jnp.sum((_CHLORINE - x[0] - (0.49 - x[0]) * exp(-x[1] * (_AGES - 8))) ** 2)


TINY: tuple[Formula, ...] = (
    scalars(1, 0.0, (-2.0, 1.0), _rosenbrock, lower=(-inf, -1.5)),
    scalars(
        2,
        0.0504261879,
        (-2.0, 1.0),
        _rosenbrock,
        lower=(-inf, 1.5),
        other_optima=(4.941229318,),
    ),
    scalars(
        3,
        0.0,
        (10.0, 1.0),
        lambda x1, x2: x2 + 1e-5 * (x2 - x1) ** 2,
        lower=(-inf, 0.0),
    ),
    scalars(4, 8 / 3, (1.125, 0.125), lambda x1, x2: (x1 + 1) ** 3 / 3 + x2, lower=(1.0, 0.0)),
    scalars(
        5,
        -SQRT3 / 2 - pi / 3,
        (0.0, 0.0),
        lambda x1, x2: sin(x1 + x2) + (x1 - x2) ** 2 - 1.5 * x1 + 2.5 * x2 + 1,
        lower=(-1.5, -3.0),
        upper=(4.0, 3.0),
    ),
    scalars(
        10,
        -1.0,
        (-10.0, 10.0),
        lambda x1, x2: x1 - x2,
        positive=lambda x1, x2: -3 * x1**2 + 2 * x1 * x2 - x2**2 + 1,
    ),
    scalars(
        11,
        -8.498464223,
        (4.9, 0.1),
        lambda x1, x2: (x1 - 5) ** 2 + x2**2 - 25,
        positive=lambda x1, x2: -(x1**2) + x2,
    ),
    scalars(
        12,
        -30.0,
        (0.0, 0.0),
        lambda x1, x2: 0.5 * x1**2 + x2**2 - x1 * x2 - 7 * x1 - 7 * x2,
        positive=lambda x1, x2: 25 - 4 * x1**2 - x2**2,
    ),
    scalars(
        13,
        1.0,
        (-2.0, -2.0),
        lambda x1, x2: (x1 - 2) ** 2 + x2**2,
        positive=lambda x1, x2: (1 - x1) ** 3 - x2,
        lower=0.0,
        note="No constraint qualification holds at (1, 0): no multipliers exist there, and solvers creep.",
        tolerance=1e-2,
    ),
    scalars(
        15,
        306.5,
        (-2.0, 1.0),
        _rosenbrock,
        positive=lambda x1, x2: (x1 * x2 - 1, x1 + x2**2),
        upper=(0.5, inf),
        other_optima=(360.3797672,),
    ),
    scalars(
        16,
        0.25,
        (-2.0, 1.0),
        _rosenbrock,
        positive=lambda x1, x2: (x1 + x2**2, x1**2 + x2),
        lower=(-2.0, -inf),
        upper=(0.5, 1.0),
        other_optima=(3.982060454, 404.0),
    ),
    scalars(
        17,
        1.0,
        (-2.0, 1.0),
        _rosenbrock,
        positive=lambda x1, x2: (x2**2 - x1, x1**2 - x2),
        lower=(-2.0, -inf),
        upper=(0.5, 1.0),
    ),
    scalars(
        18,
        5.0,
        (2.0, 2.0),
        lambda x1, x2: 0.01 * x1**2 + x2**2,
        positive=lambda x1, x2: (x1 * x2 - 25, x1**2 + x2**2 - 25),
        lower=(2.0, 0.0),
        upper=50.0,
    ),
    scalars(
        19,
        -6961.81381,
        (20.1, 5.84),
        lambda x1, x2: (x1 - 10) ** 3 + (x2 - 20) ** 3,
        positive=lambda x1, x2: (
            (x1 - 5) ** 2 + (x2 - 5) ** 2 - 100,
            -((x2 - 5) ** 2) - (x1 - 6) ** 2 + 82.81,
        ),
        lower=(13.0, 0.0),
        upper=100.0,
    ),
    scalars(
        20,
        81.5 - 25 * SQRT3,
        (-2.0, 1.0),
        _rosenbrock,
        positive=lambda x1, x2: (x1 + x2**2, x1**2 + x2, x1**2 + x2**2 - 1),
        lower=(-0.5, -inf),
        upper=(0.5, inf),
        other_optima=(40.1987298,),
    ),
    scalars(
        21,
        -99.96,
        (-1.0, -1.0),
        lambda x1, x2: 0.01 * x1**2 + x2**2 - 100,
        positive=lambda x1, x2: 10 * x1 - x2 - 10,
        lower=(2.0, -50.0),
        upper=50.0,
    ),
    scalars(
        22,
        1.0,
        (2.0, 2.0),
        lambda x1, x2: (x1 - 2) ** 2 + (x2 - 1) ** 2,
        positive=lambda x1, x2: (-x1 - x2 + 2, -(x1**2) + x2),
    ),
    scalars(
        23,
        2.0,
        (3.0, 1.0),
        lambda x1, x2: x1**2 + x2**2,
        positive=lambda x1, x2: (
            x1 + x2 - 1,
            x1**2 + x2**2 - 1,
            9 * x1**2 + x2**2 - 9,
            x1**2 - x2,
            x2**2 - x1,
        ),
        lower=-50.0,
        upper=50.0,
        other_optima=(9.472135955,),
    ),
    scalars(
        24,
        -1.0,
        (1.0, 0.5),
        lambda x1, x2: ((x1 - 3) ** 2 - 9) * x2**3 / (27 * SQRT3),
        positive=lambda x1, x2: (x1 / SQRT3 - x2, x1 + SQRT3 * x2, -x1 - SQRT3 * x2 + 6),
        lower=0.0,
    ),
    Formula(
        25,
        0.0,
        (100.0, 12.5, 3.0),
        _weibull_misfit,
        lower=(0.1, 0.0, 0.0),
        upper=(100.0, 25.6, 5.0),
        note="Flat at the start, where the objective is 32.835 and the gradient 0 to machine precision.",
        other_optima=(32.835,),
    ),
    scalars(
        29,
        -16 * SQRT2,
        (1.0, 1.0, 1.0),
        _box_volume,
        positive=lambda x1, x2, x3: -(x1**2) - 2 * x2**2 - 4 * x3**2 + 48,
    ),
    scalars(
        30,
        1.0,
        (1.0, 1.0, 1.0),
        lambda x1, x2, x3: x1**2 + x2**2 + x3**2,
        positive=lambda x1, x2, x3: x1**2 + x2**2 - 1,
        lower=(1.0, -10.0, -10.0),
        upper=10.0,
    ),
    scalars(
        31,
        6.0,
        (1.0, 1.0, 1.0),
        lambda x1, x2, x3: 9 * x1**2 + x2**2 + 9 * x3**2,
        positive=lambda x1, x2, x3: x1 * x2 - 1,
        lower=(-10.0, 1.0, -10.0),
        upper=(10.0, 10.0, 1.0),
    ),
    scalars(
        33,
        SQRT2 - 6,
        (0.0, 0.0, 3.0),
        lambda x1, x2, x3: (x1 - 1) * (x1 - 2) * (x1 - 3) + x3,
        positive=lambda x1, x2, x3: (x3**2 - x2**2 - x1**2, x1**2 + x2**2 + x3**2 - 4),
        lower=0.0,
        upper=(inf, inf, 5.0),
        other_optima=(-4.0, 2.0),
    ),
    scalars(
        34,
        -_log(_log(10.0)),
        (0.0, 1.05, 2.9),
        lambda x1, x2, x3: -x1,
        positive=lambda x1, x2, x3: (x2 - exp(x1), x3 - exp(x2)),
        lower=0.0,
        upper=(100.0, 100.0, 10.0),
    ),
    scalars(
        35,
        1 / 9,
        (0.5, 0.5, 0.5),
        lambda x1, x2, x3: (
            9 - 8 * x1 - 6 * x2 - 4 * x3 + 2 * x1**2 + 2 * x2**2 + x3**2 + 2 * x1 * x2 + 2 * x1 * x3
        ),
        positive=lambda x1, x2, x3: 3 - x1 - x2 - 2 * x3,
        lower=0.0,
    ),
    scalars(
        36,
        -3300.0,
        (10.0, 10.0, 10.0),
        _box_volume,
        positive=lambda x1, x2, x3: 72 - x1 - 2 * x2 - 2 * x3,
        lower=0.0,
        upper=(20.0, 11.0, 42.0),
    ),
    scalars(
        37,
        -3456.0,
        (10.0, 10.0, 10.0),
        _box_volume,
        positive=lambda x1, x2, x3: (72 - x1 - 2 * x2 - 2 * x3, x1 + 2 * x2 + 2 * x3),
        lower=0.0,
        upper=42.0,
    ),
    Formula(
        57,
        0.02845966972,
        (0.42, 5.0),
        _chlorine_misfit,
        positive=lambda x: 0.49 * x[1] - x[0] * x[1] - 0.09,
        lower=(0.4, -4.0),
        other_optima=(0.03064761905,),
    ),
    scalars(
        59,
        -7.802789472,
        (90.0, 10.0),
        lambda x1, x2: (
            -75.196
            + 3.8112 * x1
            - 0.12694 * x1**2
            + 2.0567e-3 * x1**3
            - 1.0345e-5 * x1**4
            + 6.8306 * x2
            - 0.030234 * x1 * x2
            + 1.28134e-3 * x2 * x1**2
            - 3.5256e-5 * x1**3 * x2
            + 2.266e-7 * x1**4 * x2
            - 0.25645 * x2**2
            + 3.4604e-3 * x2**3
            - 1.3514e-5 * x2**4
            + 28.106 / (x2 + 1)
            + 5.2375e-6 * x1**2 * x2**2
            + 6.3e-8 * x1**3 * x2**2
            - 7e-10 * x1**3 * x2**3
            - 3.405e-4 * x1 * x2**2
            + 1.6638e-6 * x1 * x2**3
            + 2.8673 * exp(0.0005 * x1 * x2)
        ),
        positive=lambda x1, x2: (x1 * x2 - 700, x2 - x1**2 / 125, (x2 - 50) ** 2 - 5 * (x1 - 55)),
        lower=0.0,
        upper=(75.0, 65.0),
        note="The book's formula lacks the term in x1^2 and has rounded coefficients; it prints -7.8042263.",
        other_optima=(-6.749505273,),
    ),
    scalars(
        64,
        6299.842428,
        (1.0, 1.0, 1.0),
        lambda x1, x2, x3: 5 * x1 + 5e4 / x1 + 20 * x2 + 7.2e4 / x2 + 10 * x3 + 14.4e4 / x3,
        positive=lambda x1, x2, x3: 1 - 4 / x1 - 32 / x2 - 120 / x3,
        lower=1e-5,
    ),
    scalars(
        65,
        0.9535288567,
        (-5.0, 5.0, 0.0),
        lambda x1, x2, x3: (x1 - x2) ** 2 + (x1 + x2 - 10) ** 2 / 9 + (x3 - 5) ** 2,
        positive=lambda x1, x2, x3: 48 - x1**2 - x2**2 - x3**2,
        lower=(-4.5, -4.5, -5.0),
        upper=(4.5, 4.5, 5.0),
    ),
    scalars(
        66,
        0.5181632741,
        (0.0, 1.05, 2.9),
        lambda x1, x2, x3: 0.2 * x3 - 0.8 * x1,
        positive=lambda x1, x2, x3: (x2 - exp(x1), x3 - exp(x2)),
        lower=0.0,
        upper=(100.0, 100.0, 10.0),
    ),
)
