"""Schittkowski's second collection, problems with three variables: a table of formulas.

Problems that repeat one of the first collection are left out.
"""

from __future__ import annotations

from math import sqrt

import jax.numpy as jnp

from lagrad_problems.entry import CLOSED_FORM
from lagrad_problems.formula import Formula, scalars

SPACE: list[Formula] = [
    scalars(
        235,
        0.04,
        (-2.0, 3.0, 1.0),
        lambda x1, x2, x3: 0.01 * (x1 - 1) ** 2 + (x2 - x1**2) ** 2,
        equal=lambda x1, x2, x3: x1 + x3**2 + 1,
        evidence=CLOSED_FORM,
    ),
    scalars(
        248,
        -0.8,
        (-0.1, -1.0, 0.1),
        lambda x1, x2, x3: -x2,
        equal=lambda x1, x2, x3: x1**2 + x2**2 + x3**2 - 1,
        positive=lambda x1, x2, x3: 1 - 2 * x2 + x1,
        evidence=CLOSED_FORM,
    ),
    scalars(
        249,
        1.0,
        (1.0, 1.0, 1.0),
        lambda x1, x2, x3: x1**2 + x2**2 + x3**2,
        positive=lambda x1, x2, x3: x1**2 + x2**2 - 1,
        lower=(1.0, -jnp.inf, -jnp.inf),
        evidence=CLOSED_FORM,
    ),
    scalars(
        250,
        -3300.0,
        (10.0, 10.0, 10.0),
        lambda x1, x2, x3: -x1 * x2 * x3,
        positive=lambda x1, x2, x3: (x1 + 2 * x2 + 2 * x3, 72 - x1 - 2 * x2 - 2 * x3),
        lower=0.0,
        upper=(20.0, 11.0, 42.0),
        evidence=CLOSED_FORM,
    ),
    scalars(
        251,
        -3456.0,
        (10.0, 10.0, 10.0),
        lambda x1, x2, x3: -x1 * x2 * x3,
        positive=lambda x1, x2, x3: 72 - x1 - 2 * x2 - 2 * x3,
        lower=0.0,
        upper=42.0,
        evidence=CLOSED_FORM,
    ),
    scalars(
        252,
        0.04,
        (-1.0, 2.0, 2.0),
        lambda x1, x2, x3: 0.01 * (x1 - 1) ** 2 + (x2 - x1**2) ** 2,
        equal=lambda x1, x2, x3: x1 + x3**2 + 1,
        upper=(-1.0, jnp.inf, jnp.inf),
        evidence=CLOSED_FORM,
        note="At the solution x3 = 0 the bound and the equality have parallel gradients.",
    ),
    scalars(
        254,
        -sqrt(3.0),
        (1.0, 1.0, 1.0),
        lambda x1, x2, x3: jnp.log10(x3) - x2,
        equal=lambda x1, x2, x3: (x2**2 + x3**2 - 4, x3 - 1 - x1**2),
        lower=(-jnp.inf, -jnp.inf, 1.0),
        evidence=CLOSED_FORM,
        note="At the solution x1 = 0 the bound and the second equality have parallel gradients.",
    ),
    scalars(
        335,
        -0.004472136971,
        (1.0, 1.0, 1.0),
        lambda x1, x2, x3: -(0.001 * x1 + x2),
        equal=lambda x1, x2, x3: (
            -1000 * x1**2 - 100 * x2**2 + x3,
            100 * x1**2 + 400 * x2**2 + x3 - 0.01,
        ),
    ),
    scalars(
        336,
        -0.337895694,
        (0.0, 0.0, 0.0),
        lambda x1, x2, x3: 7 * x1 - 6 * x2 + 4 * x3,
        equal=lambda x1, x2, x3: (x1**2 + 2 * x2**2 + 3 * x3**2 - 1, 5 * x1 + 5 * x2 - 3 * x3 - 6),
    ),
    scalars(
        337,
        6.0,
        (1.0, 1.0, 1.0),
        lambda x1, x2, x3: 9 * x1**2 + x2**2 + 9 * x3**2,
        positive=lambda x1, x2, x3: x1 * x2 - 1,
        lower=(-jnp.inf, 1.0, -jnp.inf),
        upper=(jnp.inf, jnp.inf, 1.0),
        evidence=CLOSED_FORM,
    ),
    scalars(
        338,
        -10.99280625,
        (0.0, 0.0, 0.0),
        lambda x1, x2, x3: -(x1**2 + x2**2 + x3**2),
        equal=lambda x1, x2, x3: (
            0.5 * x1 + x2 + x3 - 1,
            x1**2 + 2 / 3 * x2**2 + 0.25 * x3**2 - 4,
        ),
    ),
    scalars(
        339,
        3.361679689,
        (1.0, 1.0, 1.0),
        lambda x1, x2, x3: 0.2 / (x1 * x2 * x3) + 4 / x1 + 3 / x3,
        positive=lambda x1, x2, x3: 10 - 2 * x1 * x3 - x1 * x2,
        lower=1e-6,
        upper=5.0,
        note="The book bounds the variables by zero, where the objective is not defined.",
    ),
    scalars(
        340,
        -0.054,
        (1.0, 1.0, 1.0),
        lambda x1, x2, x3: -x1 * x2 * x3,
        positive=lambda x1, x2, x3: 1.8 - x1 - 2 * x2 - 2 * x3,
        lower=0.0,
        upper=1.0,
        evidence=CLOSED_FORM,
    ),
    scalars(
        341,
        -16 * sqrt(2.0),
        (1.0, 1.0, 1.0),
        lambda x1, x2, x3: -x1 * x2 * x3,
        positive=lambda x1, x2, x3: 48 - x1**2 - 2 * x2**2 - 4 * x3**2,
        lower=0.0,
        evidence=CLOSED_FORM,
    ),
    scalars(
        342,
        -16 * sqrt(2.0),
        (100.0, 100.0, 100.0),
        lambda x1, x2, x3: -x1 * x2 * x3,
        positive=lambda x1, x2, x3: 48 - x1**2 - 2 * x2**2 - 4 * x3**2,
        lower=0.0,
        upper=100.0,
        evidence=CLOSED_FORM,
    ),
    scalars(
        343,
        -5.684782489,
        (22.3, 0.5, 125.0),
        lambda x1, x2, x3: -2.01e-9 * x1**4 * x2 * x3**2,
        positive=lambda x1, x2, x3: (675 - x1**2 * x2, 0.419 - 1e-7 * x1**2 * x3**2),
        lower=0.0,
        upper=(36.0, 5.0, 125.0),
    ),
    scalars(
        344,
        0.0325682003,
        (2.0, 2.0, 2.0),
        lambda x1, x2, x3: (x1 - 1) ** 2 + (x1 - x2) ** 2 + (x2 - x3) ** 4,
        equal=lambda x1, x2, x3: x1 * (1 + x2**2) + x3**4 - 4 - 3 * sqrt(2.0),
    ),
    scalars(
        345,
        0.0325682003,
        (0.0, 0.0, 0.0),
        lambda x1, x2, x3: (x1 - 1) ** 2 + (x1 - x2) ** 2 + (x2 - x3) ** 4,
        equal=lambda x1, x2, x3: x1 * (1 + x2**2) + x3**4 - 4 - 3 * sqrt(2.0),
        note="The Jacobian at the start is (1, 0, 0).",
    ),
]
