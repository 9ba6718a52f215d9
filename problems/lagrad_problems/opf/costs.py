"""Read MATPOWER's cost tables as polynomials and straight lines.

Polynomials of any degree are taken as they are. A convex piecewise linear cost is the largest of its straight
lines, and becomes one more variable per generator: cost >= slope p + intercept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lagrad_problems.opf.matpower import Case

PIECEWISE, POLYNOMIAL = 1, 2


@dataclass(frozen=True, eq=False)
class Costs:
    """Cost per hour as a function of per-unit power.

    Args:
        polynomial: coefficients by rising power, zero for piecewise generators, shape (gens, degree + 1).
        piecewise: positions of the generators with piecewise linear cost, shape (k,).
        line_gen: generator position of each straight line, shape (lines,).
        line_cost: index into `piecewise` of each straight line, shape (lines,).
        slope, intercept: the straight lines, shape (lines,).
    """

    polynomial: np.ndarray
    piecewise: np.ndarray
    line_gen: np.ndarray
    line_cost: np.ndarray
    slope: np.ndarray
    intercept: np.ndarray

    def marginal(self, power: np.ndarray) -> np.ndarray:
        """Derivative of each generator's cost at some per-unit power, shape (gens,)."""
        rising = np.arange(1, self.polynomial.shape[1])
        found = np.sum(self.polynomial[:, 1:] * rising * power[:, None] ** (rising - 1), axis=1)
        for place, gen in enumerate(self.piecewise):
            mine = self.line_cost == place
            found[gen] = self.slope[mine][np.argmax(self.slope[mine] * power[gen] + self.intercept[mine])]
        return found


def read_costs(case: Case, gens: np.ndarray) -> Costs:
    """Costs of the generators in service.

    Args:
        case: the case; its cost table has one row a generator, or two: then the second half is for reactive
            power.
        gens: rows of the generators in service.

    Returns:
        Costs, per unit of power.

    Raises:
        ValueError: too few rows or numbers, an unknown model, reactive costs that are not zero, or a
            piecewise linear cost that is not convex; the message has the file's name and the line.
    """
    _check_rows(case)
    rows = case.gencost.values[gens]
    models = rows[:, 0]
    unknown = np.flatnonzero((models != PIECEWISE) & (models != POLYNOMIAL))
    if unknown.size:
        line = case.gencost.lines[gens[unknown[0]]]
        raise ValueError(f"{case.name}, line {line}: cost model {models[unknown[0]]:g}, expected 1 or 2.")
    piecewise = np.flatnonzero(models == PIECEWISE)
    straight = [_straight_lines(case, gens[gen]) for gen in piecewise]
    counts = [len(slopes) for slopes, _ in straight]
    return Costs(
        polynomial=_polynomials(case, gens),
        piecewise=piecewise,
        line_gen=np.repeat(piecewise, counts),
        line_cost=np.repeat(np.arange(piecewise.size), counts),
        slope=np.concatenate([slopes for slopes, _ in straight] or [np.zeros(0)]),
        intercept=np.concatenate([intercepts for _, intercepts in straight] or [np.zeros(0)]),
    )


def _check_rows(case: Case) -> None:
    """One row a generator; a second half, for reactive power, must be free of charge."""
    rows, gens = len(case.gencost.lines), len(case.gen.lines)
    if rows not in (gens, 2 * gens):
        raise ValueError(
            f"{case.name}: {rows} rows in `mpc.gencost`, expected {gens} or {2 * gens}, as `mpc.gen` has."
        )
    charged = np.flatnonzero(case.gencost.values[gens:, 4:].any(axis=1))
    if charged.size:
        line = case.gencost.lines[gens + charged[0]]
        raise ValueError(
            f"{case.name}, line {line}: a cost of reactive power, which is not modelled. Set it to 0."
        )


def _numbers(case: Case, row: int, per_item: int) -> np.ndarray:
    """The numbers of a cost row after its count."""
    values, line = case.gencost.values[row], case.gencost.lines[row]
    wanted = values[3] * per_item
    if not 0 <= wanted <= values.size - 4 or wanted % 1:
        raise ValueError(
            f"{case.name}, line {line}: {values.size - 4} cost coefficients, expected {wanted:g}. "
            "Correct the count in the fourth column."
        )
    numbers = values[4 : 4 + int(wanted)]
    if not np.isfinite(numbers).all():
        raise ValueError(f"{case.name}, line {line}: an infinite cost coefficient, expected a finite one.")
    return numbers


def _polynomials(case: Case, gens: np.ndarray) -> np.ndarray:
    """Coefficients by rising power of per-unit power, shape (gens, degree + 1)."""
    coefficients = [
        _numbers(case, row, 1)[::-1] if case.gencost.values[row, 0] == POLYNOMIAL else np.zeros(0)
        for row in gens
    ]
    degree = max([len(row) for row in coefficients], default=0)
    padded = np.zeros((len(gens), max(degree, 1)))
    for place, row in enumerate(coefficients):
        padded[place, : len(row)] = row
    used = np.flatnonzero(padded.any(axis=0))
    padded = padded[:, : used[-1] + 1] if used.size else padded[:, :1]
    return padded * case.base_mva ** np.arange(padded.shape[1])


def _straight_lines(case: Case, row: int) -> tuple[np.ndarray, np.ndarray]:
    """Slopes and intercepts of a convex piecewise linear cost."""
    line = case.gencost.lines[row]
    power, cost = _numbers(case, row, 2).reshape(-1, 2).T
    power = power / case.base_mva
    if power.size < 2 or (np.diff(power) <= 0).any():
        raise ValueError(
            f"{case.name}, line {line}: piecewise linear cost, expected two or more rising powers."
        )
    slope = np.diff(cost) / np.diff(power)
    if (np.diff(slope) < -1e-9 * np.abs(slope).max()).any():
        raise ValueError(
            f"{case.name}, line {line}: a piecewise linear cost that is not convex is not modelled."
        )
    return slope, cost[:-1] - slope * power[:-1]
