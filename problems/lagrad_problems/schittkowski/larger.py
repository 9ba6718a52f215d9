"""Schittkowski's second collection, problems with four to fifty variables: a table of formulas.

Problems that repeat one of the first collection are left out.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array

from lagrad_problems.entry import CLOSED_FORM
from lagrad_problems.formula import Formula, scalars


def _hilbert(number: int, n: int) -> Formula:
    """Problems 277 to 280: a linear program with the nearly singular matrix 1 / (i + j - 1), solved by 1."""
    index = np.arange(1.0, n + 1)
    matrix = 1 / (index[:, None] + index - 1)
    sums = matrix.sum(axis=1)
    return Formula(
        number,
        float(sums.sum()),
        np.zeros(n),
        lambda x: jnp.dot(sums, x),
        positive=lambda x: matrix @ x - sums,
        lower=0.0,
        evidence=CLOSED_FORM,
        difficulty="difficult" if n > 8 else "normal",
    )


def _weighted_sphere(number: int, n: int) -> Formula:
    """Problems 394 and 395: a quartic with weights 1 to n on the unit sphere."""
    weights = np.arange(1.0, n + 1)
    return Formula(
        number,
        1.91666667,
        np.full(n, 2.0),
        lambda x: jnp.sum(weights * (x**2 + x**4)),
        equal=lambda x: jnp.sum(x**2) - 1,
    )


def _equilibrium(x: Array) -> Array:
    """Objective of problem 377, chemical equilibrium: Gibbs' energy of ten species."""
    potentials = np.array(
        [-6.089, -17.164, -34.054, -5.914, -24.721, -14.986, -24.1, -10.708, -26.662, -22.179]
    )
    return jnp.sum(x * (potentials + jnp.log(x / jnp.sum(x))))


def _elements(x: Array) -> Array:
    """Moles of hydrogen, nitrogen and oxygen of problem 377."""
    return jnp.stack(
        [
            x[0] - 2 * x[1] + 2 * x[2] + x[5] + x[9] - 2,
            x[3] - 2 * x[4] + x[5] + x[6] - 1,
            x[2] + x[6] + x[7] + 2 * x[8] + x[9] - 1,
        ]
    )


_SAFE_FEED = np.array([12.0, 11.9, 41.8, 52.1])
_SPREAD = np.array([0.53, 0.44, 4.5, 0.79]) ** 2

LARGER: list[Formula] = [
    scalars(
        219,
        -1.0,
        (10.0, 10.0, 10.0, 10.0),
        lambda x1, x2, x3, x4: -x1,
        equal=lambda x1, x2, x3, x4: (x2 - x1**3 - x3**2, x1**2 - x2 - x4**2),
        evidence=CLOSED_FORM,
    ),
    scalars(
        263,
        -1.0,
        (10.0, 10.0, 10.0, 10.0),
        lambda x1, x2, x3, x4: -x1,
        equal=lambda x1, x2, x3, x4: (x2 - x1**3 - x3**2, x1**2 - x2 - x4**2),
        positive=lambda x1, x2, x3, x4: (x2 - x1**3, x1**2 - x2),
        evidence=CLOSED_FORM,
        note="The inequalities follow from the equalities: no point is strictly feasible.",
        difficulty="difficult",
    ),
    scalars(
        269,
        176 / 43,
        (2.0, 2.0, 2.0, 2.0, 2.0),
        lambda x1, x2, x3, x4, x5: (x1 - x2) ** 2 + (x2 + x3 - 2) ** 2 + (x4 - 1) ** 2 + (x5 - 1) ** 2,
        equal=lambda x1, x2, x3, x4, x5: (x1 + 3 * x2, x3 + x4 - 2 * x5, x2 - x5),
    ),
    _hilbert(277, 4),
    _hilbert(278, 6),
    _hilbert(279, 8),
    _hilbert(280, 10),
    scalars(
        353,
        -39.93367348,
        (0.0, 0.0, 0.4, 0.6),
        lambda x1, x2, x3, x4: -(24.55 * x1 + 26.75 * x2 + 39 * x3 + 40.5 * x4),
        equal=lambda x1, x2, x3, x4: x1 + x2 + x3 + x4 - 1,
        positive=lambda x1, x2, x3, x4: (
            2.3 * x1 + 5.6 * x2 + 11.1 * x3 + 1.3 * x4 - 5,
            jnp.dot(_SAFE_FEED, jnp.stack([x1, x2, x3, x4]))
            - 12
            - 1.645 * jnp.sqrt(jnp.dot(_SPREAD, jnp.stack([x1, x2, x3, x4]) ** 2)),
        ),
        lower=0.0,
    ),
    scalars(
        354,
        0.1137838492,
        (3.0, -1.0, 0.0, 1.0),
        lambda x1, x2, x3, x4: (
            (x1 + 10 * x2) ** 2 + 5 * (x3 - x4) ** 2 + (x2 - 2 * x3) ** 4 + 10 * (x1 - x4) ** 4
        ),
        positive=lambda x1, x2, x3, x4: x1 + x2 + x3 + x4 - 1,
        upper=20.0,
    ),
    Formula(
        377,
        -795.0013595,
        np.full(10, 0.1),
        _equilibrium,
        equal=_elements,
        lower=1e-5,
        upper=10.0,
    ),
    _weighted_sphere(394, 20),
    _weighted_sphere(395, 50),
]
