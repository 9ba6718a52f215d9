"""Declare problems on which solvers may stumble, each for one reason.

Without constraint qualification, without interior, rank-deficient, badly scaled, unbounded, infeasible.
What a solver ought to say is the entry's `outcome`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

import lagrad
from lagrad import Equality, Inequality, Status
from lagrad_problems.entry import CLOSED_FORM, Entry
from lagrad_problems.formula import limit

BARRIER = (
    "A. Waechter, L. T. Biegler, Failure of Global Convergence for a Class of Interior Point Methods (2000)"
)
SECOND = "N. Maratos, Exact Penalty Function Algorithms (1978)"


@dataclass(frozen=True, eq=False)
class Pathology:
    """A problem with one fault.

    Args:
        fault: what is wrong with it, a sentence.
        objective: function of the vector x.
        start: x, n numbers.
        constraints: by name.
        optimum: by hand; None where there is no solution.
        lower, upper: bounds of x.
        outcome, difficulty, tolerance, source: as in `Entry`.
    """

    fault: str
    objective: Callable[[Array], Any]
    start: Sequence[float]
    constraints: Mapping[str, Equality | Inequality] = field(default_factory=dict)
    optimum: float | None = None
    lower: float | Sequence[float] = -inf
    upper: float | Sequence[float] = inf
    outcome: Status = Status.OPTIMAL
    difficulty: str = "difficult"
    tolerance: float = 1e-6
    source: str = "Ours"


def distance(x: Array) -> Array:
    """Squared distance to the point of ones."""
    return jnp.sum((x - 1) ** 2)


RANDOM = np.random.default_rng(0)
REDUNDANT = RANDOM.normal(size=(3, 6))
REPEATED = np.vstack([REDUNDANT, RANDOM.normal(size=(2, 3)) @ REDUNDANT])

PATHOLOGIES: dict[str, Pathology] = {
    "cusp": Pathology(
        "The only active gradients at the solution are opposite: no multipliers exist.",
        lambda x: x[0],
        (2.0, 1.0),
        {"cusp": Inequality(lambda x: x[0] ** 3 - x[1] ** 2, lower=0.0)},
        0.0,
        tolerance=1e-2,
    ),
    "duplicate_rows": Pathology(
        "The same equality twice: the Jacobian has rank one.",
        lambda x: jnp.sum(x**2),
        (3.0, 0.0),
        {"first": Equality(lambda x: x[0] + x[1], 1.0), "again": Equality(lambda x: x[0] + x[1], 1.0)},
        0.5,
        difficulty="normal",
    ),
    "dependent_rows": Pathology(
        "Five consistent equalities of rank three in six variables.",
        distance,
        (0.0,) * 6,
        {"rows": Equality(lambda x: REPEATED @ (x - 1))},
        0.0,
    ),
    "overdetermined": Pathology(
        "Three nonlinear equalities in two variables, which meet in one point.",
        lambda x: jnp.sum(x),
        (2.0, 0.5),
        {"rows": Equality(lambda x: jnp.stack([x[0] ** 2 + x[1] ** 2 - 2, x[0] - x[1], x[0] * x[1] - 1]))},
        2.0,
    ),
    "touching_circles": Pathology(
        "Two discs with one point in common: no interior, and no multipliers.",
        lambda x: x[1],
        (0.5, 0.5),
        {
            "left": Inequality(lambda x: (x[0] + 1) ** 2 + x[1] ** 2, upper=1.0),
            "right": Inequality(lambda x: (x[0] - 1) ** 2 + x[1] ** 2, upper=1.0),
        },
        0.0,
        tolerance=1e-2,
    ),
    "single_point": Pathology(
        "x1^2 + x2^2 <= 0 leaves one point, where the gradient of the row vanishes.",
        lambda x: x[0] + x[1],
        (1.0, 2.0),
        {"ball": Inequality(lambda x: jnp.sum(x**2), upper=0.0)},
        0.0,
        tolerance=1e-2,
    ),
    "squared_equality": Pathology(
        "(x1 + x2 - 1)^2 = 0: the row's gradient vanishes on the whole feasible set.",
        lambda x: jnp.sum(x**2),
        (2.0, 3.0),
        {"line": Equality(lambda x: (x[0] + x[1] - 1) ** 2)},
        0.5,
        tolerance=1e-2,
    ),
    "opposite_inequalities": Pathology(
        "An equality written as two inequalities: no interior, multipliers unbounded.",
        lambda x: jnp.sum(x**2),
        (3.0, 4.0),
        {
            "above": Inequality(lambda x: x[0] * x[1], lower=1.0),
            "below": Inequality(lambda x: x[0] * x[1], upper=1.0),
        },
        2.0,
    ),
    "many_redundant": Pathology(
        "A thousand nearly parallel half planes in two variables.",
        lambda x: -x[0] - x[1],
        (0.0, 0.0),
        {
            "planes": Inequality(
                lambda x: (
                    jnp.cos(np.linspace(0, np.pi / 2, 1000)) * x[0]
                    + jnp.sin(np.linspace(0, np.pi / 2, 1000)) * x[1]
                ),
                upper=1.0,
            )
        },
        # The two planes nearest to the diagonal are half a step away from it.
        -math.sqrt(2) / math.cos(math.pi / 4 / 999),
        difficulty="normal",
    ),
    "maratos": Pathology(
        "Full steps raise objective and violation at once near the solution.",
        lambda x: 2 * (x[0] ** 2 + x[1] ** 2 - 1) - x[0],
        (float(np.cos(1.0)), float(np.sin(1.0))),
        {"circle": Equality(lambda x: jnp.sum(x**2), 1.0)},
        -1.0,
        difficulty="normal",
        source=SECOND,
    ),
    "waechter_biegler": Pathology(
        "Steps of an interior method without a filter run into the bounds and jam.",
        lambda x: x[0],
        (-2.0, 3.0, 1.0),
        {
            "parabola": Equality(lambda x: x[0] ** 2 - x[1] - 1),
            "line": Equality(lambda x: x[0] - x[2] - 0.5),
        },
        1.0,
        lower=(-inf, 0.0, 0.0),
        source=BARRIER,
    ),
    "ill_scaled": Pathology(
        "Variables and rows from 1e-6 to 1e6 in size.",
        lambda x: 1e6 * (1e6 * x[0] - 1) ** 2 + (1e-6 * x[1] - 2) ** 2,
        (0.0, 0.0),
        {"row": Equality(lambda x: 1e6 * x[0] + 1e-6 * x[1], 3.0)},
        0.0,
    ),
    "flat": Pathology(
        "The eighth power is flat: the Hessian vanishes at the solution.",
        lambda x: jnp.sum((x - 1) ** 8),
        (3.0, -2.0, 4.0),
        {"sum": Equality(jnp.sum, 3.0)},
        0.0,
        difficulty="normal",
    ),
    "saddle_start": Pathology(
        "The start is a stationary point, a maximum on the circle.",
        lambda x: x[1],
        (0.0, 1.0),
        {"circle": Equality(lambda x: jnp.sum(x**2), 1.0)},
        -1.0,
    ),
    "linear_degenerate": Pathology(
        "A linear program with four rows through a vertex in the plane.",
        lambda x: -x[0] - x[1],
        (0.0, 0.0),
        {"rows": Inequality(lambda x: np.array([[1.0, 1], [1, 2], [2, 1], [3, 1]]) @ (x - 1), upper=0.0)},
        -2.0,
        lower=0.0,
        difficulty="normal",
    ),
    "infeasible_lines": Pathology(
        "Two parallel lines.",
        lambda x: jnp.sum(x**2),
        (0.0, 0.0),
        {"one": Equality(lambda x: x[0] + x[1], 1.0), "two": Equality(lambda x: x[0] + x[1], 2.0)},
        outcome=Status.INFEASIBLE,
    ),
    "infeasible_ball": Pathology(
        "A square below zero.",
        lambda x: x[0],
        (1.0, 1.0),
        {"ball": Inequality(lambda x: jnp.sum(x**2) + 1, upper=0.0)},
        outcome=Status.INFEASIBLE,
    ),
    "infeasible_bounds": Pathology(
        "The equality has its roots outside the bounds.",
        lambda x: x[0] + x[1],
        (0.5, 0.5),
        {"root": Equality(lambda x: x**2, 4.0)},
        lower=0.0,
        upper=1.0,
        outcome=Status.INFEASIBLE,
    ),
    "infeasible_discs": Pathology(
        "Two discs apart from one another.",
        lambda x: x[0] ** 2,
        (0.0, 3.0),
        {
            "left": Inequality(lambda x: (x[0] + 2) ** 2 + x[1] ** 2, upper=1.0),
            "right": Inequality(lambda x: (x[0] - 2) ** 2 + x[1] ** 2, upper=1.0),
        },
        outcome=Status.INFEASIBLE,
    ),
    "unbounded_line": Pathology(
        "Linear, nothing in the way.",
        lambda x: -x[0],
        (1.0, 1.0),
        {"row": Inequality(lambda x: x[0] - x[1], lower=0.0)},
        outcome=Status.UNBOUNDED,
    ),
    "unbounded_parabola": Pathology(
        "The objective falls along a curved feasible set.",
        lambda x: -x[0] - x[1],
        (1.0, 1.0),
        {"curve": Equality(lambda x: x[1] - x[0] ** 2)},
        outcome=Status.UNBOUNDED,
    ),
    "unbounded_cubic": Pathology(
        "A local solution does not exist; x1 may go to minus infinity.",
        lambda x: x[0] ** 3 + x[1] ** 2,
        (-1.0, 1.0),
        {"half": Inequality(lambda x: x[0] + x[1], upper=10.0)},
        outcome=Status.UNBOUNDED,
    ),
}


def pathology(name: str) -> Entry:
    """One problem of the table.

    Args:
        name: see `PATHOLOGIES`.

    Returns:
        Entry named "hard_" and the name; x has shape (n,), and `note` says what the fault is.

    Raises:
        KeyError: there is no such problem.

    >>> pathology("infeasible_ball").outcome
    <Status.INFEASIBLE: 'infeasible'>
    """
    one = PATHOLOGIES[name]
    problem = lagrad.Problem(
        one.objective,
        np.asarray(one.start, float),
        dict(one.constraints),
        bounds=(limit(one.lower), limit(one.upper)),
        name=f"hard_{name}",
    )
    return Entry(
        f"hard_{name}",
        problem,
        "pathological",
        one.optimum,
        one.source,
        note=one.fault,
        tolerance=one.tolerance,
        evidence="" if one.optimum is None else CLOSED_FORM,
        difficulty=one.difficulty,
        outcome=one.outcome,
    )
