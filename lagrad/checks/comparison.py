"""Compare assembled matrices with other computations of the same entries.

J v and H v are computed by plain JAX, F(x + hv) by differences, along random directions v; a row that is off
is searched for its entry. What disagrees by less than rounding explains is no mismatch: entries that cancel,
as a gradient does at a minimum, are off by rounding errors of the size they have a little away from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from lagrad.annotations import Pytree
from lagrad.checks.differences import Slopes, inward, slopes
from lagrad.checks.kinks import Kink, find_kinks
from lagrad.checks.oracle import Oracle
from lagrad.derivatives import Derivatives
from lagrad.problem.functions import OBJECTIVE, arguments, functions
from lagrad.problem.problem import Problem

AUTODIFF, DIFFERENCES = "plain JAX", "finite differences"
AGREEMENT = {AUTODIFF: 1e-9, DIFFERENCES: 1e-5}
MATRICES = {1: "gradient and jacobian", 2: "hessian"}
# Part of a row's size near the point which rounding, and the steps of differences, may leave of nothing.
ROUNDING = {AUTODIFF: 1e-13, DIFFERENCES: 1e-9}
# Points at which that size is looked at.
AROUND = 3
# Rows that are searched for the entry to blame, in each comparison.
SEARCHED = 4
# What JAX raises where a custom rule has no forward mode, or a loop no reverse mode.
NO_MODE = (TypeError, ValueError, NotImplementedError)


@dataclass(frozen=True)
class Mismatch:
    """An entry of a derivative on which two computations disagree.

    Args:
        matrix: "gradient", "jacobian" or "hessian".
        against: "plain JAX" or "finite differences".
        row: name of the row, such as `flow[3]`.
        column: name of the variable.
        found: lagrad's value.
        expected: the other's.
        error: their difference relative to the size of the row.
        is_stored: whether the entry is in the pattern.
        on_kink: whether a function has a kink at the point, so that differences prove nothing.
    """

    matrix: str
    against: str
    row: str
    column: str
    found: float
    expected: float
    error: float
    is_stored: bool
    on_kink: bool = False

    def __str__(self) -> str:
        entry = f"{self.matrix} of {self.row} by {self.column}"
        stored = "" if self.is_stored else ", not in the pattern"
        kink = " (on a kink)" if self.on_kink else ""
        return (
            f"{entry}: found {self.found:.10g}{stored}, but {self.against} gives {self.expected:.10g}, "
            f"{self.error:.1e} of the row{kink}"
        )


@dataclass(frozen=True, eq=False)
class Setting:
    """What every comparison needs.

    Args:
        derivatives: to be judged.
        oracle: plain JAX.
        multipliers: shape (m,).
        random: of the directions.
        params: or None for the problem's own.
        kinked: names of the functions with a kink at the point.
        sizes: order -> size of each row of that matrix near the point, see `sizes_around`.
    """

    derivatives: Derivatives
    oracle: Oracle
    multipliers: np.ndarray
    random: np.random.Generator
    params: object
    kinked: frozenset[str]
    sizes: dict[int, np.ndarray] = field(default_factory=dict)

    @property
    def weights(self) -> np.ndarray:
        """Of F = [f, c] in the Lagrangian, shape (m + 1,)."""
        return np.concatenate([[1.0], self.multipliers])

    def first(self, x: np.ndarray) -> Any:
        """Assembled derivative of F, shape (m + 1, n)."""
        gradient = self.derivatives.gradient(x, self.params)
        return sp.vstack(
            [sp.csr_array(gradient[None]), self.derivatives.jacobian(x, self.params)], format="csr"
        )

    def second(self, x: np.ndarray) -> Any:
        """Assembled Hessian of the Lagrangian, shape (n, n)."""
        return self.derivatives.hessian(x, self.multipliers, 1.0, self.params)

    def rounding(self, order: int, against: str) -> np.ndarray:
        """What rounding errors of each row of a matrix may come to."""
        sizes = self.sizes[order]
        return ROUNDING[against] * np.maximum(sizes, 0.1 * sizes.max(initial=0.0))

    def is_kinked(self, order: int, row: int) -> bool:
        """Whether a function that takes part in a row has a kink at the point: in a Hessian's, all do."""
        problem = self.oracle.problem
        if order == 2:
            return bool(self.kinked)
        names = [name for name in problem.constraints if problem.rows(name).start < row]
        return (names[-1] if names else OBJECTIVE) in self.kinked

    def name(self, order: int, row: int) -> tuple[str, str]:
        """Which matrix a row belongs to, and the row's name."""
        if order == 2:
            return "hessian", self.oracle.problem.variables.describe(row)
        return (
            ("gradient", "the objective")
            if row == 0
            else ("jacobian", self.oracle.problem.describe_row(row - 1))
        )


@dataclass(eq=False)
class Comparison:
    """What has been found so far."""

    mismatches: list[Mismatch]
    counts: dict[str, int]
    notes: list[str]
    orders: dict[str, float]
    asymmetric: set[str] = field(default_factory=set)


def sizes_around(setting: Setting, x: np.ndarray) -> dict[int, np.ndarray]:
    """Largest product of each row with max(|x|, 1) near x: shape (m + 1,) for order 1, (n,) for order 2."""
    reach, found = np.maximum(1.0, np.abs(x)), {1: np.zeros(setting.weights.size), 2: np.zeros(x.size)}
    for place in nearby(setting.oracle.problem, x, AROUND, np.random.default_rng(1)):
        for order, assembled in ((1, setting.first), (2, setting.second)):
            size = abs(assembled(place)) @ reach
            found[order] = np.maximum(found[order], np.where(np.isfinite(size), size, 0.0))
    return found


def compare_beside(setting: Setting, x: np.ndarray, found: Comparison) -> None:
    """Differences at a point near one with kinks, where they prove something again."""
    problem, params = setting.oracle.problem, setting.params
    beside = list(nearby(problem, x, 2, setting.random))[1]
    if np.isfinite(setting.oracle.values(beside)).all():
        kinked = frozenset(kinks_of(problem, beside, params))
        compare_differences(replace(setting, kinked=kinked), beside, found)


def kinks_of(problem: Problem, x: np.ndarray, params: Pytree) -> dict[str, list[Kink]]:
    """Kinks of each function at x, functions without any left out."""
    given = arguments(problem, x, params)
    found = {name: find_kinks(function, given) for name, function in functions(problem).items()}
    return {name: kinks for name, kinks in found.items() if kinks}


def nearby(problem: Problem, x: np.ndarray, count: int, random: np.random.Generator) -> Iterator[np.ndarray]:
    """x itself, then points around it and within the bounds."""
    yield x
    for _ in range(count - 1):
        step = 0.05 * np.maximum(1.0, np.abs(x)) * random.normal(size=x.size)
        one, other = (np.clip(x + way * step, problem.lower, problem.upper) for way in (1.0, -1.0))
        # A variable on its bound moves inside, or what depends on it would look linear.
        yield np.where(np.abs(one - x) >= np.abs(other - x), one, other)


def compare_products(setting: Setting, x: np.ndarray, found: Comparison) -> None:
    """Hold both matrices against plain JAX along one random direction."""
    oracle, direction = setting.oracle, setting.random.normal(size=x.size)

    def dense_row(row: int) -> np.ndarray:
        return oracle.vjp(x, unit_like(setting.weights, row))

    def dense_hessian_row(row: int) -> np.ndarray:
        return oracle.hvp(x, setting.weights, unit_like(x, row))

    cases = (
        (1, setting.first, lambda: oracle.jvp(x, direction), dense_row),
        (2, setting.second, lambda: oracle.hvp(x, setting.weights, direction), dense_hessian_row),
    )
    for order, assembled, product, row_of in cases:
        matrix = assembled(x)
        try:
            expected = product()
        except NO_MODE as error:
            found.notes.append(f"{MATRICES[order]}: not compared with plain JAX: {first_line(error)}")
            continue
        scale = abs(matrix) @ abs(direction) + abs(expected)
        error = abs(matrix @ direction - expected)
        # At nearby points a function may leave its domain: that is no disagreement.
        error, known = np.where(np.isfinite(expected), error, 0.0), int(np.isfinite(expected).sum())
        found.counts[AUTODIFF] += known
        bad = rows_off(error, AGREEMENT[AUTODIFF] * scale + setting.rounding(order, AUTODIFF))
        blame_entries(setting, found, (order, AUTODIFF), matrix, [(row, row_of(row)) for row in bad])
        if order == 2 and bad and found.mismatches[-1].error <= AGREEMENT[AUTODIFF]:
            found.mismatches[-len(bad) :] = []
            found.asymmetric.update(setting.name(2, row)[1] for row in bad)


def compare_differences(setting: Setting, x: np.ndarray, found: Comparison) -> None:
    """Hold both matrices against finite differences along one random direction."""
    problem, oracle = setting.oracle.problem, setting.oracle
    direction = setting.random.uniform(0.5, 1.0, x.size) * setting.random.choice([-1.0, 1.0], x.size)
    direction = inward(x, direction * np.maximum(1.0, np.abs(x)) * 0.1, problem.lower, problem.upper)

    def slope(x: np.ndarray) -> np.ndarray:
        return oracle.vjp(x, setting.weights)

    for order, assembled, function in ((1, setting.first, oracle.values), (2, setting.second, slope)):
        matrix = assembled(x)
        try:
            seen = slopes(function, x, direction, matrix)
        except NO_MODE as error:
            found.notes.append(f"{MATRICES[order]}: not compared with differences: {first_line(error)}")
            continue
        found.counts[DIFFERENCES] += matrix.shape[0]
        if order == 1:
            note_orders(problem, seen.orders, found.orders)
        expected, size = matrix @ direction, abs(matrix) @ abs(direction)
        rows = rows_unlike(expected, size, seen, setting.rounding(order, DIFFERENCES))
        blamed = [(row, *search(function, matrix, x, direction, row)) for row in rows]
        blame_entries(
            setting, found, (order, DIFFERENCES), matrix, [(r, only(x.size, j, v)) for r, j, v in blamed]
        )


def rows_unlike(expected: np.ndarray, size: np.ndarray, seen: Slopes, rounding: np.ndarray) -> list[int]:
    """Rows whose differences disagree with the expected slope, worst first."""
    slope = np.where(np.isfinite(seen.values), seen.values, expected)
    scale, error = size + abs(slope), abs(slope - expected)
    return rows_off(error, AGREEMENT[DIFFERENCES] * scale + seen.noise + rounding)


def search(
    function: Callable[..., Any], matrix: sp.csr_array, x: np.ndarray, direction: np.ndarray, row: int
) -> tuple[int, float]:
    """The column in which a row disagrees most with differences, by halving, and the entry's difference."""

    def slope(columns: np.ndarray) -> np.ndarray:
        part = np.zeros_like(direction)
        part[columns] = direction[columns]
        value = slopes(function, x, part, matrix).consensus[row]
        return np.array([abs(value - (matrix @ part)[row]), value])

    columns = np.arange(x.size)
    while columns.size > 1:
        half = columns.size // 2
        left, right = columns[:half], columns[half:]
        columns = left if slope(left)[0] >= slope(right)[0] else right
    return int(columns[0]), float(slope(columns)[1] / direction[columns[0]])


def blame_entries(
    setting: Setting,
    found: Comparison,
    kind: tuple[int, str],
    matrix: sp.csr_array,
    rows: list[tuple[int, np.ndarray]],
) -> None:
    """Add the worst entry of each row that disagrees; nan in an expected row is an entry nobody knows."""
    order, against = kind
    for row, expected in rows:
        mine = matrix[[row]].toarray().ravel()
        error = np.nan_to_num(abs(mine - expected))
        column = int(np.argmax(error))
        name, label = setting.name(order, row)
        found.mismatches.append(
            Mismatch(
                matrix=name,
                against=against,
                row=label,
                column=setting.oracle.problem.variables.describe(column),
                found=float(mine[column]),
                expected=float(expected[column]),
                error=float(error[column] / max(np.abs(mine).max(), abs(expected[column]), 1e-300)),
                is_stored=column in matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]],
                on_kink=against == DIFFERENCES and setting.is_kinked(order, row),
            )
        )


def note_orders(problem: Problem, orders: np.ndarray, known: dict[str, float]) -> None:
    """Keep the lowest Taylor order of each function."""
    ranges = {name: problem.rows(name) for name in problem.constraints}
    shifted = {name: slice(rows.start + 1, rows.stop + 1) for name, rows in ranges.items()}
    for name, rows in ({OBJECTIVE: slice(0, 1)} | shifted).items():
        mine = orders[rows][np.isfinite(orders[rows])]
        known[name] = float(np.fmin(known.get(name, np.nan), mine.min() if mine.size else np.nan))


def rows_off(error: np.ndarray, allowed: np.ndarray) -> list[int]:
    """Rows whose error is beyond what is allowed, worst first, a few at most."""
    bad = np.flatnonzero(~(error <= allowed))
    return [int(row) for row in bad[np.argsort(-error[bad])][:SEARCHED]]


def only(size: int, index: int, value: float) -> np.ndarray:
    """nan but for one entry, shape (size,)."""
    found = np.full(size, np.nan)
    found[index] = value
    return found


def unit_like(vector: np.ndarray, index: int) -> np.ndarray:
    """Unit vector of the same shape."""
    found = np.zeros_like(vector)
    found[index] = 1.0
    return found


def first_line(error: BaseException) -> str:
    """The first line of an error's text."""
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
