"""Hock-Schittkowski problems with equality constraints, up to number 63: a table of formulas."""

from __future__ import annotations

from math import asin, inf, pi, sqrt

from jax.numpy import cos, exp, log, sin

from lagrad_problems.formula import Formula, scalars

SQRT2, SQRT3 = sqrt(2.0), sqrt(3.0)

SMALL: tuple[Formula, ...] = (
    scalars(
        6,
        0.0,
        (-1.2, 1.0),
        lambda x1, x2: (1 - x1) ** 2,
        equal=lambda x1, x2: 10 * (x2 - x1**2),
    ),
    scalars(
        7,
        -SQRT3,
        (2.0, 2.0),
        lambda x1, x2: log(1 + x1**2) - x2,
        equal=lambda x1, x2: (1 + x1**2) ** 2 + x2**2 - 4,
    ),
    scalars(
        8,
        -1.0,
        (2.0, 1.0),
        lambda x1, x2: -1.0,
        equal=lambda x1, x2: (x1**2 + x2**2 - 25, x1 * x2 - 9),
        note="Two equations in two unknowns: the objective is constant.",
    ),
    scalars(
        9,
        -0.5,
        (0.0, 0.0),
        lambda x1, x2: sin(pi * x1 / 12) * cos(pi * x2 / 16),
        equal=lambda x1, x2: 4 * x1 - 3 * x2,
        note="Infinitely many minimizers, (12 k - 3, 16 k - 4).",
    ),
    scalars(
        14,
        9 - 2.875 * sqrt(7.0),
        (2.0, 2.0),
        lambda x1, x2: (x1 - 2) ** 2 + (x2 - 1) ** 2,
        equal=lambda x1, x2: x1 - 2 * x2 + 1,
        positive=lambda x1, x2: -0.25 * x1**2 - x2**2 + 1,
    ),
    scalars(
        26,
        0.0,
        (-2.6, 2.0, 2.0),
        lambda x1, x2, x3: (x1 - x2) ** 2 + (x2 - x3) ** 4,
        equal=lambda x1, x2, x3: (1 + x2**2) * x1 + x3**4 - 3,
        note="The reduced Hessian is singular at the solution: Newton converges linearly.",
    ),
    scalars(
        27,
        0.04,
        (2.0, 2.0, 2.0),
        lambda x1, x2, x3: 0.01 * (x1 - 1) ** 2 + (x2 - x1**2) ** 2,
        equal=lambda x1, x2, x3: x1 + x3**2 + 1,
    ),
    scalars(
        28,
        0.0,
        (-4.0, 1.0, 1.0),
        lambda x1, x2, x3: (x1 + x2) ** 2 + (x2 + x3) ** 2,
        equal=lambda x1, x2, x3: x1 + 2 * x2 + 3 * x3 - 1,
    ),
    scalars(
        32,
        1.0,
        (0.1, 0.7, 0.2),
        lambda x1, x2, x3: (x1 + 3 * x2 + x3) ** 2 + 4 * (x1 - x2) ** 2,
        equal=lambda x1, x2, x3: 1 - x1 - x2 - x3,
        positive=lambda x1, x2, x3: 6 * x2 + 4 * x3 - x1**3 - 3,
        lower=0.0,
    ),
    scalars(
        39,
        -1.0,
        (2.0, 2.0, 2.0, 2.0),
        lambda x1, x2, x3, x4: -x1,
        equal=lambda x1, x2, x3, x4: (x2 - x1**3 - x3**2, x1**2 - x2 - x4**2),
    ),
    scalars(
        40,
        -0.25,
        (0.8, 0.8, 0.8, 0.8),
        lambda x1, x2, x3, x4: -x1 * x2 * x3 * x4,
        equal=lambda x1, x2, x3, x4: (x1**3 + x2**2 - 1, x1**2 * x4 - x3, x4**2 - x2),
    ),
    scalars(
        41,
        52 / 27,
        (2.0, 2.0, 2.0, 2.0),
        lambda x1, x2, x3, x4: 2 - x1 * x2 * x3,
        equal=lambda x1, x2, x3, x4: x1 + 2 * x2 + 2 * x3 - x4,
        lower=0.0,
        upper=(1.0, 1.0, 1.0, 2.0),
        note="x = 0 is a stationary point with objective 2.",
    ),
    scalars(
        42,
        28 - 10 * SQRT2,
        (1.0, 1.0, 1.0, 1.0),
        lambda x1, x2, x3, x4: (x1 - 1) ** 2 + (x2 - 2) ** 2 + (x3 - 3) ** 2 + (x4 - 4) ** 2,
        equal=lambda x1, x2, x3, x4: (x1 - 2, x3**2 + x4**2 - 2),
    ),
    scalars(
        46,
        0.0,
        (SQRT2 / 2, 1.75, 0.5, 2.0, 2.0),
        lambda x1, x2, x3, x4, x5: (x1 - x2) ** 2 + (x3 - 1) ** 2 + (x4 - 1) ** 4 + (x5 - 1) ** 6,
        equal=lambda x1, x2, x3, x4, x5: (x1**2 * x4 + sin(x4 - x5) - 1, x2 + x3**4 * x4**2 - 2),
        note="The reduced Hessian is singular at the solution.",
    ),
    scalars(
        47,
        0.0,
        (2.0, SQRT2, -1.0, 2 - SQRT2, 0.5),
        lambda x1, x2, x3, x4, x5: (x1 - x2) ** 2 + (x2 - x3) ** 3 + (x3 - x4) ** 4 + (x4 - x5) ** 4,
        equal=lambda x1, x2, x3, x4, x5: (x1 + x2**2 + x3**3 - 3, x2 - x3**2 + x4 - 1, x1 * x5 - 1),
        note="The cube makes the book's solution (1, ..., 1) a saddle on the feasible curve.",
    ),
    scalars(
        48,
        0.0,
        (3.0, 5.0, -3.0, 2.0, -2.0),
        lambda x1, x2, x3, x4, x5: (x1 - 1) ** 2 + (x2 - x3) ** 2 + (x4 - x5) ** 2,
        equal=lambda x1, x2, x3, x4, x5: (x1 + x2 + x3 + x4 + x5 - 5, x3 - 2 * (x4 + x5) + 3),
    ),
    scalars(
        49,
        0.0,
        (10.0, 7.0, 2.0, -3.0, 0.8),
        lambda x1, x2, x3, x4, x5: (x1 - x2) ** 2 + (x3 - 1) ** 2 + (x4 - 1) ** 4 + (x5 - 1) ** 6,
        equal=lambda x1, x2, x3, x4, x5: (x1 + x2 + x3 + 4 * x4 - 7, x3 + 5 * x5 - 6),
        note="The reduced Hessian is singular at the solution.",
    ),
    scalars(
        50,
        0.0,
        (35.0, -31.0, 11.0, 5.0, -5.0),
        lambda x1, x2, x3, x4, x5: (x1 - x2) ** 2 + (x2 - x3) ** 2 + (x3 - x4) ** 4 + (x4 - x5) ** 2,
        equal=lambda x1, x2, x3, x4, x5: (
            x1 + 2 * x2 + 3 * x3 - 6,
            x2 + 2 * x3 + 3 * x4 - 6,
            x3 + 2 * x4 + 3 * x5 - 6,
        ),
    ),
    scalars(
        51,
        0.0,
        (2.5, 0.5, 2.0, -1.0, 0.5),
        lambda x1, x2, x3, x4, x5: (x1 - x2) ** 2 + (x2 + x3 - 2) ** 2 + (x4 - 1) ** 2 + (x5 - 1) ** 2,
        equal=lambda x1, x2, x3, x4, x5: (x1 + 3 * x2 - 4, x3 + x4 - 2 * x5, x2 - x5),
    ),
    scalars(
        52,
        1859 / 349,
        (2.0, 2.0, 2.0, 2.0, 2.0),
        lambda x1, x2, x3, x4, x5: (4 * x1 - x2) ** 2 + (x2 + x3 - 2) ** 2 + (x4 - 1) ** 2 + (x5 - 1) ** 2,
        equal=lambda x1, x2, x3, x4, x5: (x1 + 3 * x2, x3 + x4 - 2 * x5, x2 - x5),
    ),
    scalars(
        53,
        176 / 43,
        (2.0, 2.0, 2.0, 2.0, 2.0),
        lambda x1, x2, x3, x4, x5: (x1 - x2) ** 2 + (x2 + x3 - 2) ** 2 + (x4 - 1) ** 2 + (x5 - 1) ** 2,
        equal=lambda x1, x2, x3, x4, x5: (x1 + 3 * x2, x3 + x4 - 2 * x5, x2 - x5),
        lower=-10.0,
        upper=10.0,
    ),
    scalars(
        54,
        -0.9080747574,
        (6e3, 1.5, 4e6, 2.0, 3e-3, 5e7),
        lambda x1, x2, x3, x4, x5, x6: (
            -exp(
                -0.5
                * (
                    ((x1 - 1e4) ** 2 / 6.4e7 + (x1 - 1e4) * (x2 - 1) / 2e4 + (x2 - 1) ** 2) / 0.96
                    + (x3 - 2e6) ** 2 / 4.9e13
                    + (x4 - 10) ** 2 / 2.5e3
                    + (x5 - 1e-3) ** 2 / 2.5e-3
                    + (x6 - 1e8) ** 2 / 2.5e17
                )
            )
        ),
        equal=lambda x1, x2, x3, x4, x5, x6: x1 + 4e3 * x2 - 1.76e4,
        lower=(0.0, -10.0, 0.0, 0.0, -1.0, 0.0),
        upper=(2e4, 10.0, 1e7, 20.0, 1.0, 2e8),
        note="Variables from 1e-3 to 1e8, and an objective that is flat far from the solution.",
    ),
    scalars(
        55,
        19 / 3,
        (1.0, 2.0, 0.0, 0.0, 0.0, 2.0),
        lambda x1, x2, x3, x4, x5, x6: x1 + 2 * x2 + 4 * x5 + exp(x1 * x4),
        equal=lambda x1, x2, x3, x4, x5, x6: (
            x1 + 2 * x2 + 5 * x5 - 6,
            x1 + x2 + x3 - 3,
            x4 + x5 + x6 - 2,
            x1 + x4 - 1,
            x2 + x5 - 2,
            x3 + x6 - 2,
        ),
        lower=0.0,
        upper=(1.0, inf, inf, 1.0, inf, inf),
        note="The six linear equalities have rank five.",
        other_optima=(20 / 3,),
    ),
    scalars(
        56,
        -3.456,
        (1.0, 1.0, 1.0, *(3 * [asin(sqrt(1 / 4.2))]), asin(sqrt(5 / 7.2))),
        lambda x1, x2, x3, x4, x5, x6, x7: -x1 * x2 * x3,
        equal=lambda x1, x2, x3, x4, x5, x6, x7: (
            x1 - 4.2 * sin(x4) ** 2,
            x2 - 4.2 * sin(x5) ** 2,
            x3 - 4.2 * sin(x6) ** 2,
            x1 + 2 * x2 + 2 * x3 - 7.2 * sin(x7) ** 2,
        ),
    ),
    scalars(
        60,
        0.03256820025,
        (2.0, 2.0, 2.0),
        lambda x1, x2, x3: (x1 - 1) ** 2 + (x1 - x2) ** 2 + (x2 - x3) ** 4,
        equal=lambda x1, x2, x3: x1 * (1 + x2**2) + x3**4 - 4 - 3 * SQRT2,
        lower=-10.0,
        upper=10.0,
    ),
    scalars(
        61,
        -143.6461422,
        (0.0, 0.0, 0.0),
        lambda x1, x2, x3: 4 * x1**2 + 2 * x2**2 + 2 * x3**2 - 33 * x1 + 16 * x2 - 24 * x3,
        equal=lambda x1, x2, x3: (3 * x1 - 2 * x2**2 - 7, 4 * x1 - x3**2 - 11),
    ),
    scalars(
        62,
        -26272.51448,
        (0.7, 0.2, 0.1),
        lambda x1, x2, x3: (
            -32.174
            * (
                255 * log((x1 + x2 + x3 + 0.03) / (0.09 * x1 + x2 + x3 + 0.03))
                + 280 * log((x2 + x3 + 0.03) / (0.07 * x2 + x3 + 0.03))
                + 290 * log((x3 + 0.03) / (0.13 * x3 + 0.03))
            )
        ),
        equal=lambda x1, x2, x3: x1 + x2 + x3 - 1,
        lower=0.0,
        upper=1.0,
    ),
    scalars(
        63,
        961.7151721,
        (2.0, 2.0, 2.0),
        lambda x1, x2, x3: 1000 - x1**2 - 2 * x2**2 - x3**2 - x1 * x2 - x1 * x3,
        equal=lambda x1, x2, x3: (8 * x1 + 14 * x2 + 7 * x3 - 56, x1**2 + x2**2 + x3**2 - 25),
        lower=0.0,
    ),
)
