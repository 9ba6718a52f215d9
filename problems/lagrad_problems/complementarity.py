"""Declare mathematical programs with complementarity, as inequalities.

    min f(x)     s.t.  G(x) >= 0,  H(x) >= 0,  G_i(x) H_i(x) <= 0

No feasible point is strictly feasible, so no constraint qualification of Mangasarian and Fromovitz holds and
the set of multipliers is unbounded: all are marked difficult. The two sides G and H are called "sides", their
products "product".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

import lagrad
from lagrad_problems.entry import CLOSED_FORM, PUBLISHED, Entry
from lagrad_problems.formula import limit

SOURCE = "S. Leyffer, MacMPEC: AMPL collection of MPECs (2000), {}"


@dataclass(frozen=True, eq=False)
class Complementarity:
    """A small problem.

    Args:
        objective: function of the vector x.
        sides: x -> (G, H), both of shape (k,).
        start: x, n numbers.
        optimum: published objective.
        equal: x -> rows that vanish; None if there are none.
        lower, upper: bounds of x.
        evidence, other_optima: as in `Entry`.
    """

    objective: Callable[[Array], Any]
    sides: Callable[[Array], tuple[Array, Array]]
    start: Sequence[float]
    optimum: float
    equal: Callable[[Array], Array] | None = None
    lower: float | Sequence[float] = -inf
    upper: float | Sequence[float] = inf
    evidence: str = PUBLISHED
    other_optima: tuple[float, ...] = ()


def rows(*values: Any) -> Array:
    """Scalars as a vector."""
    return jnp.stack([jnp.asarray(value) for value in values])


def bard1_sides(v: Array) -> tuple[Array, Array]:
    """Lower level: three linear inequalities and y >= 0 against their multipliers."""
    x, y, a, b, c, d = v
    return rows(3 * x - y - 3, -x + 0.5 * y + 4, -x - y + 7, y), rows(a, b, c, d)


def bard1_equal(v: Array) -> Array:
    """Stationarity of the lower level."""
    x, y, a, b, c, d = v
    return rows(2 * (y - 1) - 1.5 * x + a - 0.5 * b + c - d)


def desilva_equal(v: Array) -> Array:
    """Stationarity of both followers."""
    return 2 * (v[2:4] - v[:2]) + 2 * (v[2:4] - 1) * v[4:]


COMPLEMENTARITY: dict[str, Complementarity] = {
    "bard1": Complementarity(
        lambda v: (v[0] - 5) ** 2 + (2 * v[1] + 1) ** 2,
        bard1_sides,
        (0.0,) * 6,
        17.0,
        equal=bard1_equal,
    ),
    "desilva": Complementarity(
        lambda v: jnp.sum(v[:2] ** 2 - 2 * v[:2] + v[2:4] ** 2),
        lambda v: (0.25 - (v[2:4] - 1) ** 2, v[4:]),
        (0.0, 0.0, 1.0, 1.0, 0.0, 0.0),
        -1.0,
        equal=desilva_equal,
        lower=(0.0, 0.0, -inf, -inf, -inf, -inf),
        upper=(2.0, 2.0, inf, inf, inf, inf),
    ),
    "gauvin": Complementarity(
        lambda v: v[0] ** 2 + (v[1] - 10) ** 2,
        lambda v: (rows(20 - v[0] - v[1], v[1]), v[2:]),
        (7.5, 5.0, 1.0, 1.0),
        20.0,
        equal=lambda v: rows(4 * (v[0] + 2 * v[1] - 30) + v[2] - v[3]),
        lower=(0.0, -inf, -inf, -inf),
        upper=(15.0, inf, inf, inf),
    ),
    "jr1": Complementarity(
        lambda v: (v[0] - 1) ** 2 + v[1] ** 2,
        lambda v: (v[1:], v[1:] - v[:1]),
        (0.0, 0.0),
        0.5,
    ),
    "jr2": Complementarity(
        lambda v: (v[1] - 1) ** 2 + v[0] ** 2,
        lambda v: (v[1:], v[1:] - v[:1]),
        (0.0, 0.0),
        0.5,
    ),
    "kth1": Complementarity(
        lambda v: v[0] + v[1], lambda v: (v[:1], v[1:]), (0.0, 1.0), 0.0, evidence=CLOSED_FORM
    ),
    "kth2": Complementarity(
        lambda v: v[0] + (v[1] - 1) ** 2, lambda v: (v[:1], v[1:]), (0.0, 1.0), 0.0, evidence=CLOSED_FORM
    ),
    "kth3": Complementarity(
        lambda v: 0.5 * (v[0] - 1) ** 2 + (v[1] - 1) ** 2,
        lambda v: (v[:1], v[1:]),
        (0.0, 1.0),
        0.5,
        evidence=CLOSED_FORM,
        other_optima=(1.0,),
    ),
    "ralph2": Complementarity(
        lambda v: v[0] ** 2 + v[1] ** 2 - 4 * v[0] * v[1],
        lambda v: (v[:1], v[1:]),
        (1.0, 1.0),
        0.0,
        evidence=CLOSED_FORM,
    ),
    "scholtes3": Complementarity(
        lambda v: 0.5 * jnp.sum((v - 1) ** 2),
        lambda v: (v[:1], v[1:]),
        (0.0, 2.0),
        0.5,
        evidence=CLOSED_FORM,
    ),
    "stackelberg": Complementarity(
        lambda v: 0.5 * v[0] ** 2 + 0.5 * v[0] * v[1] - 95 * v[0],
        lambda v: (v[1:], 2 * v[1:] + 0.5 * v[:1] - 100),
        (0.0, 0.0),
        -9800 / 3,
        lower=0.0,
        upper=200.0,
    ),
}


def complementarity(name: str) -> Entry:
    """One problem of the table.

    Args:
        name: see `COMPLEMENTARITY`.

    Returns:
        Entry named "mpec_" and the name; x has shape (n,).

    Raises:
        KeyError: there is no such problem.

    >>> complementarity("bard1").n
    6
    """
    one = COMPLEMENTARITY[name]
    constraints: dict[str, Any] = {
        "sides": lagrad.Inequality(one.sides, lower=0.0),
        "product": lagrad.Inequality(lambda x: jnp.multiply(*one.sides(x)), upper=0.0),
    }
    if one.equal is not None:
        constraints["equal"] = lagrad.Equality(one.equal)
    problem = lagrad.Problem(
        one.objective,
        np.asarray(one.start, float),
        constraints,
        bounds=(limit(one.lower), limit(one.upper)),
        name=f"mpec_{name}",
    )
    return Entry(
        f"mpec_{name}",
        problem,
        "complementarity",
        one.optimum,
        SOURCE.format(name),
        other_optima=one.other_optima,
        # The products are allowed 1e-8, and f changes with the root of that.
        tolerance=1e-3,
        evidence=one.evidence,
        difficulty="difficult",
    )
