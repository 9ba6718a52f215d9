"""Hock-Schittkowski problems with inequalities or bounds and four to six variables: a table of formulas."""

from __future__ import annotations

from math import inf

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.numpy import exp

from lagrad_problems.formula import Formula, scalars

_C83 = [85.334407, 0.0056858, 0.0006262, 0.0022053, 80.51249, 0.0071317]
_C83 += [0.0029955, 0.0021813, 9.300961, 0.0047026, 0.0012547, 0.0019085]

# Rows: objective, then three constraints; columns: x1, x1 x2, x1 x3, x1 x4, x1 x5.
_C84 = np.array(
    [
        [8720288.849, -150512.5253, 156.6950325, -476470.3222, -729482.8271],
        [-145421.402, 2931.1506, -40.427932, 5106.192, 15711.36],
        [-155011.1084, 4360.53352, 12.9492344, 10236.884, 13176.786],
        [-326669.5104, 7390.68412, -27.8986976, 16643.076, 30988.146],
    ]
)


def _products_84(x: Array) -> Array:
    """x1 times (1, x2, x3, x4, x5), shape (5,)."""
    return x[0] * jnp.concatenate([jnp.ones(1), x[1:]])


LINEAR_86 = np.array([-15.0, -27, -36, -18, -12])
QUADRATIC_86 = np.array(
    [
        [30.0, -20, -10, 32, -10],
        [-20, 39, -6, -31, 32],
        [-10, -6, 10, -6, -10],
        [32, -31, -6, 39, -20],
        [-10, 32, -10, -20, 30],
    ]
)
CUBIC_86 = np.array([4.0, 8, 10, 6, 2])
ROWS_86 = np.array(
    [
        [-16, 2, 0, 1, 0],
        [0, -2, 0, 0.4, 2],
        [-3.5, 0, 2, 0, 0],
        [0, -2, 0, -4, -1],
        [0, -9, -2, 1, -2.8],
        [2, 0, -4, 0, 0],
        [-1, -1, -1, -1, -1],
        [-1, -2, -3, -2, -1],
        [1, 2, 3, 4, 5],
        [1, 1, 1, 1, 1],
    ]
)
LIMITS_86 = np.array([-40, -2, -0.25, -4, -4, -1, -40, -60, 5, 1])


def _transformer(x1, x2, x3, x4):
    """Core and winding volumes of problem 93."""
    return x1 * x4 * (x1 + x2 + x3), x2 * x3 * (x1 + 1.57 * x2 + x4)


def _rejection(number: int, b: tuple[float, ...], optimum: float) -> Formula:
    """Linear objective over a nonconvex set, problems 95 to 98, which differ in the right-hand side."""
    return scalars(
        number,
        optimum,
        (0.0,) * 6,
        lambda x1, x2, x3, x4, x5, x6: 4.3 * x1 + 31.8 * x2 + 63.3 * x3 + 15.8 * x4 + 68.5 * x5 + 4.7 * x6,
        positive=lambda x1, x2, x3, x4, x5, x6: (
            17.1 * x1
            + 38.2 * x2
            + 204.2 * x3
            + 212.3 * x4
            + 623.4 * x5
            + 1495.5 * x6
            - 169 * x1 * x3
            - 3580 * x3 * x5
            - 3810 * x4 * x5
            - 18500 * x4 * x6
            - 24300 * x5 * x6,
            17.9 * x1
            + 36.8 * x2
            + 113.9 * x3
            + 169.7 * x4
            + 337.8 * x5
            + 1385.2 * x6
            - 139 * x1 * x3
            - 2450 * x4 * x5
            - 16600 * x4 * x6
            - 17200 * x5 * x6,
            -273 * x2 - 70 * x4 - 819 * x5 + 26000 * x4 * x5,
            159.9 * x1 - 311 * x2 + 587 * x4 + 391 * x5 + 2198 * x6 - 14000 * x1 * x6,
        ),
        span=(b, inf),
        lower=0.0,
        upper=(0.31, 0.046, 0.068, 0.042, 0.028, 0.0134),
    )


_CONCENTRATIONS = np.array([0.1, *range(1, 19)])
_OBSERVED = np.array(
    [0.00189, 0.1038, 0.268, 0.506, 0.577, 0.604, 0.725, 0.898, 0.947, 0.845]
    + [0.702, 0.528, 0.385, 0.257, 0.159, 0.0869, 0.0453, 0.01509, 0.00189]
)


def _gamma_peak(shape, rate):
    """Density of a gamma law at the concentrations, with Stirling's formula for the factorial."""
    c = _CONCENTRATIONS / 7.658
    factorial = (1 + 1 / (12 * shape)) * jnp.sqrt(6.2832 / shape)
    return rate**shape / factorial * c ** (shape - 1) * exp(shape * (1 - rate * c))


def _two_peaks_misfit(x: Array) -> Array:
    """Squared misfit of a mixture of two gamma laws to 19 measurements, problem 70."""
    mean = x[2] + (1 - x[2]) * x[3]
    fitted = x[2] * _gamma_peak(x[1], mean) + (1 - x[2]) * _gamma_peak(x[0], mean / x[3])
    return jnp.sum((fitted - _OBSERVED) ** 2)


MEDIUM: tuple[Formula, ...] = (
    scalars(
        38,
        0.0,
        (-3.0, -1.0, -3.0, -1.0),
        lambda x1, x2, x3, x4: (
            100 * (x2 - x1**2) ** 2
            + (1 - x1) ** 2
            + 90 * (x4 - x3**2) ** 2
            + (1 - x3) ** 2
            + 10.1 * ((x2 - 1) ** 2 + (x4 - 1) ** 2)
            + 19.8 * (x2 - 1) * (x4 - 1)
        ),
        lower=-10.0,
        upper=10.0,
    ),
    scalars(
        43,
        -44.0,
        (0.0, 0.0, 0.0, 0.0),
        lambda x1, x2, x3, x4: x1**2 + x2**2 + 2 * x3**2 + x4**2 - 5 * x1 - 5 * x2 - 21 * x3 + 7 * x4,
        positive=lambda x1, x2, x3, x4: (
            8 - x1**2 - x2**2 - x3**2 - x4**2 - x1 + x2 - x3 + x4,
            10 - x1**2 - 2 * x2**2 - x3**2 - 2 * x4**2 + x1 + x4,
            5 - 2 * x1**2 - x2**2 - x3**2 - 2 * x1 + x2 + x4,
        ),
    ),
    scalars(
        44,
        -15.0,
        (0.0, 0.0, 0.0, 0.0),
        lambda x1, x2, x3, x4: x1 - x2 - x3 - x1 * x3 + x1 * x4 + x2 * x3 - x2 * x4,
        positive=lambda x1, x2, x3, x4: (
            8 - x1 - 2 * x2,
            12 - 4 * x1 - x2,
            12 - 3 * x1 - 4 * x2,
            8 - 2 * x3 - x4,
            8 - x3 - 2 * x4,
            5 - x3 - x4,
        ),
        lower=0.0,
        other_optima=(-13.0,),
    ),
    scalars(
        45,
        1.0,
        (2.0, 2.0, 2.0, 2.0, 2.0),
        lambda x1, x2, x3, x4, x5: 2 - x1 * x2 * x3 * x4 * x5 / 120,
        lower=0.0,
        upper=(1.0, 2.0, 3.0, 4.0, 5.0),
    ),
    Formula(
        70,
        0.007498464,
        (2.0, 4.0, 0.04, 2.0),
        _two_peaks_misfit,
        positive=lambda x: x[2] + (1 - x[2]) * x[3],
        lower=1e-5,
        upper=(100.0, 100.0, 1.0, 100.0),
        note="The correction 1 + 1 / (12 x) divides: only so does the book's solution fit.",
    ),
    scalars(
        72,
        727.67937,
        (1.0, 1.0, 1.0, 1.0),
        lambda x1, x2, x3, x4: 1 + x1 + x2 + x3 + x4,
        positive=lambda x1, x2, x3, x4: (
            0.0401 - 4 / x1 - 2.25 / x2 - 1 / x3 - 0.25 / x4,
            0.010085 - 0.16 / x1 - 0.36 / x2 - 0.64 * (1 / x3 + 1 / x4),
        ),
        lower=0.001,
        upper=(4e5, 3e5, 2e5, 1e5),
    ),
    scalars(
        76,
        -4.681818181,
        (0.5, 0.5, 0.5, 0.5),
        lambda x1, x2, x3, x4: (
            x1**2 + 0.5 * x2**2 + x3**2 + 0.5 * x4**2 - x1 * x3 + x3 * x4 - x1 - 3 * x2 + x3 - x4
        ),
        positive=lambda x1, x2, x3, x4: (
            5 - x1 - 2 * x2 - x3 - x4,
            4 - 3 * x1 - x2 - 2 * x3 + x4,
            x2 + 4 * x3 - 1.5,
        ),
        lower=0.0,
    ),
    scalars(
        83,
        -30665.53867,
        (78.0, 33.0, 27.0, 27.0, 27.0),
        lambda x1, x2, x3, x4, x5: 5.3578547 * x3**2 + 0.8356891 * x1 * x5 + 37.293239 * x1 - 40792.141,
        positive=lambda x1, x2, x3, x4, x5: (
            _C83[0] + _C83[1] * x2 * x5 + _C83[2] * x1 * x4 - _C83[3] * x3 * x5,
            _C83[4] + _C83[5] * x2 * x5 + _C83[6] * x1 * x2 + _C83[7] * x3**2,
            _C83[8] + _C83[9] * x3 * x5 + _C83[10] * x1 * x3 + _C83[11] * x3 * x4,
        ),
        span=((0.0, 90.0, 20.0), (92.0, 110.0, 25.0)),
        lower=(78.0, 33.0, 27.0, 27.0, 27.0),
        upper=(102.0, 45.0, 45.0, 45.0, 45.0),
    ),
    Formula(
        84,
        -5280335.133,
        (2.52, 2.0, 37.5, 9.25, 6.8),
        lambda x: 24345 + _C84[0] @ _products_84(x),
        positive=lambda x: _C84[1:] @ _products_84(x),
        span=(0.0, (294000.0, 294000.0, 277200.0)),
        lower=(0.0, 1.2, 20.0, 9.0, 6.5),
        upper=(1000.0, 2.4, 60.0, 9.3, 7.0),
    ),
    Formula(
        86,
        -32.34867897,
        (0.0, 0.0, 0.0, 0.0, 1.0),
        lambda x: LINEAR_86 @ x + x @ (QUADRATIC_86 @ x) + jnp.sum(CUBIC_86 * x**3),
        positive=lambda x: ROWS_86 @ x - LIMITS_86,
        lower=0.0,
    ),
    scalars(
        93,
        135.075961,
        (5.54, 4.4, 12.02, 11.82, 0.702, 0.852),
        lambda x1, x2, x3, x4, x5, x6: (
            (0.0204 + 0.0607 * x5**2) * _transformer(x1, x2, x3, x4)[0]
            + (0.0187 + 0.0437 * x6**2) * _transformer(x1, x2, x3, x4)[1]
        ),
        positive=lambda x1, x2, x3, x4, x5, x6: (
            0.001 * x1 * x2 * x3 * x4 * x5 * x6 - 2.07,
            1
            - 0.00062 * x5**2 * _transformer(x1, x2, x3, x4)[0]
            - 0.00058 * x6**2 * _transformer(x1, x2, x3, x4)[1],
        ),
        lower=0.0,
    ),
    _rejection(95, (4.97, -1.88, -29.08, -78.02), 0.0156195253),
    _rejection(96, (4.97, -1.88, -69.08, -118.02), 0.0156195253),
    _rejection(97, (32.97, 25.12, -29.08, -78.02), 3.135809123),
    _rejection(98, (32.97, 25.12, -124.08, -173.02), 3.135809123),
)
