"""Schittkowski's second collection, problems with two variables: a table of formulas.

Problems that repeat one of the first collection are left out.
"""

from __future__ import annotations

from math import log, sqrt

import jax.numpy as jnp
from jax.numpy import exp

from lagrad_problems.entry import CLOSED_FORM, TWO_SOLVERS
from lagrad_problems.formula import Formula, scalars


def _rosenbrock(x1, x2):
    """Rosenbrock's valley."""
    return 100 * (x2 - x1**2) ** 2 + (1 - x1) ** 2


def _ellipse(number: int, b: float, optimum: float) -> Formula:
    """Problems 316 to 322: distance of an ellipse of half axes 10 and b to the point (20, -20)."""
    return scalars(
        number,
        optimum,
        (0.0, 0.0),
        lambda x1, x2: (x1 - 20) ** 2 + (x2 + 20) ** 2,
        equal=lambda x1, x2: 0.01 * x1**2 + x2**2 / b**2 - 1,
        note="The start is a singular point of the constraint: its gradient vanishes there.",
        difficulty="difficult",
    )


PLANE = [
    scalars(
        215,
        0.0,
        (1.0, 1.0),
        lambda x1, x2: x2,
        positive=lambda x1, x2: x2 - x1**2,
        lower=(0.0, -jnp.inf),
        evidence=CLOSED_FORM,
    ),
    scalars(
        216,
        0.9993752929,
        (-1.2, 1.0),
        lambda x1, x2: 100 * (x1**2 - x2) ** 2 + (x1 - 1) ** 2,
        equal=lambda x1, x2: x1 * (x1 - 4) - 2 * x2 + 12,
        evidence=TWO_SOLVERS,
    ),
    scalars(
        217,
        -0.8,
        (10.0, 10.0),
        lambda x1, x2: -x2,
        equal=lambda x1, x2: x1**2 + x2**2 - 1,
        positive=lambda x1, x2: 1 + x1 - 2 * x2,
        lower=(0.0, -jnp.inf),
        evidence=CLOSED_FORM,
    ),
    scalars(
        218,
        0.0,
        (9.0, 100.0),
        lambda x1, x2: x2,
        positive=lambda x1, x2: x2 - x1**2,
        lower=(-jnp.inf, 0.0),
        evidence=CLOSED_FORM,
    ),
    scalars(
        220,
        1.0,
        (25000.0, 25000.0),
        lambda x1, x2: x1,
        equal=lambda x1, x2: (x1 - 1) ** 3 - x2,
        lower=(1.0, 0.0),
        evidence=CLOSED_FORM,
        note="The gradients of the constraint and the active bound are parallel at the solution.",
        tolerance=1e-2,
        difficulty="difficult",
    ),
    scalars(
        221,
        -1.0,
        (0.25, 0.25),
        lambda x1, x2: -x1,
        positive=lambda x1, x2: -((x1 - 1) ** 3) - x2,
        lower=0.0,
        upper=1.0,
        evidence=CLOSED_FORM,
        note="No multipliers of the cubic row exist; the bound x1 <= 1 saves the conditions.",
    ),
    scalars(
        222,
        -1.5,
        (1.3, 0.2),
        lambda x1, x2: -x1,
        positive=lambda x1, x2: 0.125 - (x1 - 1) ** 3 - x2,
        lower=0.0,
        evidence=CLOSED_FORM,
    ),
    scalars(
        223,
        -log(log(10.0)),
        (0.1, 3.3),
        lambda x1, x2: -x1,
        positive=lambda x1, x2: (exp(exp(x1)), x2 - exp(exp(x1))),
        lower=0.0,
        upper=(1.0, 10.0),
        evidence=CLOSED_FORM,
    ),
    scalars(
        224,
        -304.0,
        (0.1, 0.1),
        lambda x1, x2: 2 * x1**2 + x2**2 - 48 * x1 - 40 * x2,
        positive=lambda x1, x2: (x1 + 3 * x2, 18 - x1 - 3 * x2, x1 + x2, 8 - x1 - x2),
        lower=0.0,
        upper=6.0,
    ),
    scalars(
        225,
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
    ),
    scalars(
        226,
        -0.5,
        (0.8, 0.05),
        lambda x1, x2: -x1 * x2,
        positive=lambda x1, x2: (x1**2 + x2**2, 1 - x1**2 - x2**2),
        lower=0.0,
        evidence=CLOSED_FORM,
    ),
    scalars(
        227,
        1.0,
        (0.5, 0.5),
        lambda x1, x2: (x1 - 2) ** 2 + (x2 - 1) ** 2,
        positive=lambda x1, x2: (x2 - x1**2, x1 - x2**2),
    ),
    scalars(
        228,
        -3.0,
        (0.0, 0.0),
        lambda x1, x2: x1**2 + x2,
        positive=lambda x1, x2: (1 - x1 - x2, 9 - x1**2 - x2**2),
    ),
    scalars(
        230,
        0.375,
        (0.0, 0.0),
        lambda x1, x2: x2,
        positive=lambda x1, x2: (
            -2 * x1**2 + x1**3 + x2,
            -2 * (1 - x1) ** 2 + (1 - x1) ** 3 + x2,
        ),
        evidence=CLOSED_FORM,
    ),
    scalars(
        231,
        0.0,
        (-1.2, 1.0),
        _rosenbrock,
        positive=lambda x1, x2: (x1 / 3 + x2 + 0.1, -x1 / 3 + x2 + 0.1),
        evidence=CLOSED_FORM,
    ),
    scalars(
        233,
        0.0,
        (1.2, 1.0),
        _rosenbrock,
        positive=lambda x1, x2: x1**2 + x2**2 - 0.25,
        evidence=CLOSED_FORM,
    ),
    scalars(
        234,
        -0.8,
        (1.0, 1.0),
        lambda x1, x2: (x2 - x1) ** 4 - (1 - x1),
        positive=lambda x1, x2: 1 - x1**2 - x2**2,
        lower=0.2,
        upper=2.0,
        evidence=CLOSED_FORM,
        note="The quartic is flat at the solution x1 = x2 = 0.2.",
    ),
    scalars(
        315,
        -0.8,
        (-0.1, -0.9),
        lambda x1, x2: -x2,
        positive=lambda x1, x2: (1 - 2 * x2 + x1, x1**2 + x2**2, 1 - x1**2 - x2**2),
        evidence=CLOSED_FORM,
    ),
    _ellipse(316, 10.0, 400 * (sqrt(2.0) - 0.5) ** 2),
    _ellipse(317, 8.0, 372.4666057),
    _ellipse(318, 6.0, 412.7500540),
    _ellipse(319, 4.0, 452.4043958),
    _ellipse(320, 2.0, 485.5314625),
    _ellipse(321, 1.0, 496.1123659),
    _ellipse(322, 0.1, 499.9600120),
    scalars(
        323,
        3.798944535,
        (0.0, 1.0),
        lambda x1, x2: x1**2 + x2**2 - 4 * x1 + 4,
        positive=lambda x1, x2: (x1 - x2 + 2, -(x1**2) + x2 - 1),
        lower=0.0,
    ),
    scalars(
        324,
        5.0,
        (2.0, 2.0),
        lambda x1, x2: 0.01 * x1**2 + x2**2,
        positive=lambda x1, x2: (x1 * x2 - 25, x1**2 + x2**2 - 25),
        lower=(2.0, -jnp.inf),
    ),
    scalars(
        325,
        3.791341443,
        (-3.0, 0.0),
        lambda x1, x2: x1**2 + x2,
        equal=lambda x1, x2: x1**2 + x2**2 - 9,
        positive=lambda x1, x2: (1 - x1 - x2, 1 - x1 - x2**2),
    ),
    scalars(
        326,
        -79.80782085,
        (4.0, 3.0),
        lambda x1, x2: x1**2 + x2**2 - 16 * x1 - 10 * x2,
        positive=lambda x1, x2: (
            11 - x1**2 + 6 * x1 - 4 * x2,
            x1 * x2 - 3 * x2 - exp(x1 - 3) + 1,
        ),
        lower=0.0,
        upper=10.0,
    ),
    scalars(
        329,
        -6961.813876,
        (14.35, 8.6),
        lambda x1, x2: (x1 - 10) ** 3 + (x2 - 20) ** 3,
        positive=lambda x1, x2: (
            (x1 - 5) ** 2 + (x2 - 5) ** 2 - 100,
            (x1 - 6) ** 2 + (x2 - 5) ** 2,
            82.81 - (x1 - 6) ** 2 - (x2 - 5) ** 2,
        ),
        lower=(13.0, 0.0),
        upper=(16.0, 15.0),
    ),
    scalars(
        330,
        1.620583318,
        (2.5, 2.5),
        lambda x1, x2: 0.044 * x1**3 / x2**2 + 1 / x1 + 0.0592 * x1 / x2**3,
        positive=lambda x1, x2: 1 - 8.62 * x2**3 / x1,
        lower=1e-6,
        upper=5.0,
        note="The book bounds the variables by zero, where the objective is not defined.",
    ),
]
