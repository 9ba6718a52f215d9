"""Look at derivatives at a point: cheaply by differences first, and by JAX where something looks wrong.

What is compared with what, where and on which scale, is in this folder's README.
"""

from __future__ import annotations

import numpy as np

from lagrad.derivatives.verification.differences import STEP, Slope, glance, values_agree
from lagrad.derivatives.verification.doubts import RULE_CURE, Derivatives, Doubt, describer
from lagrad.derivatives.verification.exact import examine
from lagrad.derivatives.verification.given_patterns import missing_entries
from lagrad.errors import DerivativeError
from lagrad.problem.problem import Problem
from lagrad.source_location import warn_user

# With more variables than this, a look is dear, and one nearby says more than one at the start.
SMALL = 1000
# How far from the start derivatives are looked at once more, as a share of 1 + |x|.
NEARBY = 0.1
UNSEEN = "values of f and c: too many equations to compile for a look; `derivatives.verify()` takes it"


def look_at_set_up(derivatives: Derivatives) -> None:
    """Look at the start, and at a point nearby, where entries that vanish at the start show.

    Raises:
        DerivativeError: something is proven wrong. A mere doubt is a warning.
    """
    problem = derivatives.problem
    multipliers = np.random.default_rng(1).uniform(0.5, 1.5, problem.m)
    doubts: list[Doubt] = []
    looks = [(problem.start, False), (nearby(problem), True)]
    for point, thorough in looks if problem.n <= SMALL else looks[1:]:
        if not doubts and derivatives.plan.given:
            doubts = missing_entries(derivatives, point, multipliers)
        doubts = doubts or look(derivatives, point, multipliers, thorough=thorough)
    refuse([doubt for doubt in doubts if doubt.is_proven])
    if doubts:
        warn_user(" ".join(map(str, doubts)))


def look(derivatives: Derivatives, x: np.ndarray, multipliers: np.ndarray, *, thorough: bool) -> list[Doubt]:
    """Compare matrices with differences, which need no compilation, and what looks wrong there with JAX.

    Args:
        derivatives: what is looked at.
        x: point, shape (n,).
        multipliers: weights of the constraint rows, shape (m,).
        thorough: whether values are looked at, too, and matrices along several directions.

    Returns:
        Doubts, empty if all looks right.
    """
    with np.errstate(all="ignore"):
        loose = derivatives.reference.has_loose_rules
        slopes = glance(derivatives, x, multipliers, thorough)
        unlike = [slope for slope in slopes if slope.suspects(loose).size]
        suspected = {slope.matrix for slope in unlike}
        agree = values_agree(derivatives, x) if thorough else True
        if agree is None:
            derivatives.unseen.append(UNSEEN)
        elif not agree:
            suspected.add("values")
        proven = examine(derivatives, x, multipliers, suspected)
        if proven or not unlike or not derivatives.reference.has_own_rules:
            return proven
        contradicted = [(slope, rows) for slope in unlike if (rows := slope.contradicted(loose)).size]
        return [rule_doubt(derivatives, slope, rows) for slope, rows in contradicted[:1]]


def rule_doubt(derivatives: Derivatives, slope: Slope, rows: np.ndarray) -> Doubt:
    """The doubt that differences cast on a rule of the user's, by the rows that they contradict."""
    rows = rows[np.argsort(-np.abs(slope.found - slope.differences)[rows])]
    describe = describer(derivatives.problem, slope.matrix)
    names = ("the objective",) if slope.matrix == "gradient" else tuple(map(describe, rows.tolist()))
    found, expected = (float(side[rows[0]]) / STEP for side in (slope.found, slope.differences))
    return Doubt(slope.matrix, names, found, expected, "finite differences", RULE_CURE, is_proven=False)


def refuse(doubts: list[Doubt]) -> None:
    """Raise what is proven.

    Raises:
        DerivativeError: anything is.
    """
    if doubts:
        raise DerivativeError(" ".join(map(str, doubts)))


def nearby(problem: Problem) -> np.ndarray:
    """A random point within the bounds near the start, shape (n,): entries that vanish there show here."""
    step = NEARBY * (1.0 + np.abs(problem.start)) * np.random.default_rng(2).normal(size=problem.n)
    return np.clip(problem.start + step, problem.lower, problem.upper)
