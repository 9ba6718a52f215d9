"""Explain infeasibility: which rows cannot hold together, by how much and where.

The elastic problem lets every row give way and asks for as little of that as possible (bounds stay hard):

    minimise  sum(a + b)   subject to   lower <= c(x) + a - b <= upper,   a, b >= 0

Rows with a or b above zero are those that give way; rows with a multiplier are those that push against one
another. Toy version: x <= 1 and x >= 3 gives a = 2 in one of the two, and multipliers in both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.annotations import Pytree
from lagrad.checks.oracle import Oracle
from lagrad.display.markup import preformatted
from lagrad.display.text import listed
from lagrad.problem.constraints import Inequality
from lagrad.problem.problem import Problem, problem_of
from lagrad.solution.solution import Solution
from lagrad.solvers import solve

# Violations and multipliers below these do not count.
GIVES_WAY = 1e-6
PUSHES = 1e-3
MOST_ROWS = 5


@dataclass(frozen=True)
class Violation:
    """A row that has to give way.

    Args:
        name: such as `flow[3]`.
        constraint: name of the constraint it belongs to.
        value: c at the point.
        side: the side it misses.
        amount: by how much, positive.
        is_equality: whether its other side is the same.
    """

    name: str
    constraint: str
    value: float
    side: float
    amount: float
    is_equality: bool = False

    def __str__(self) -> str:
        above = "" if self.is_equality else "at most " if self.value > self.side else "at least "
        return f"{self.name} is {self.value:.6g}, should be {above}{self.side:.6g}: off by {self.amount:.4g}"


@dataclass(frozen=True, repr=False)
class Infeasibility:
    """Why constraints cannot hold together near a point; prints as a page.

    Args:
        is_feasible: whether they can after all.
        violations: rows that have to give way, the worst first; least in sum.
        conflict: rows that push against one another, the strongest first.
        bounds: variables whose bounds take part in that.
        x: the point, a pytree like x0.
        solution: of the elastic problem.
        limits: the same written out, those of one array together: `x['T'] <= 1`, `x['u'] >= -1 (19 of 40)`.
        sizes: name of each constraint -> number of its rows.
        has_own_params: whether it is about the params with which the problem was declared.
    """

    is_feasible: bool
    violations: tuple[Violation, ...]
    conflict: tuple[str, ...]
    bounds: tuple[str, ...]
    x: Any
    solution: Solution
    limits: tuple[str, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)
    has_own_params: bool = False

    def by_constraint(self) -> dict[str, float]:
        """Sum of violations under each constraint's name, the largest first."""
        found: dict[str, float] = {}
        for violation in self.violations:
            found[violation.constraint] = found.get(violation.constraint, 0.0) + violation.amount
        return dict(sorted(found.items(), key=lambda pair: -pair[1]))

    def __repr__(self) -> str:
        return f"Infeasibility(is_feasible={self.is_feasible}, {len(self.violations)} rows give way)"

    def _repr_html_(self) -> str:
        return preformatted(str(self))

    def __str__(self) -> str:
        if self.is_feasible:
            mine = " with the problem's own params (give `params=` for others)" if self.has_own_params else ""
            return f"The constraints can hold together{mine}: a feasible point is in `x`; start from there."
        lines = ["The constraints cannot hold together near this point. With least violation in sum:"]
        lines += [f"  gives way  {line}" for line in summed_up(self)]
        lines += (
            [f"  conflict   {listed(constraints_of(self.conflict, self.sizes))}"] if self.conflict else []
        )
        lines += [f"  against    {listed(self.limits)}"] if self.limits else []
        several = [each for each in self.violations if self.sizes.get(each.constraint, 1) > 1]
        lines += [f"  row        {violation}" for violation in several[:MOST_ROWS]]
        lines += [f"  and        {len(several) - MOST_ROWS} rows more"] if len(several) > MOST_ROWS else []
        if not self.solution.status.is_converged:
            lines.append(f"  note       the elastic solve itself stopped with {self.solution.status}")
        return "\n".join(lines)


def summed_up(found: Infeasibility) -> list[str]:
    """A line a constraint that gives way: its only row, or how many do, and the worst."""
    lines = []
    for name in found.by_constraint():
        rows = [violation for violation in found.violations if violation.constraint == name]
        worst, size = rows[0], found.sizes.get(name, len(rows))
        several = f"{name}: {len(rows):,} of {size:,} rows, worst {worst.amount:.4g} at {worst.name}"
        lines.append(several if size > 1 else str(worst))
    return lines


def constraints_of(rows: Sequence[str], sizes: Mapping[str, int]) -> list[str]:
    """Constraints that some rows belong to, with how many of each, in the order of their first.

    >>> constraints_of(["flow[3]", "cap", "flow[0]"], {"flow": 5, "cap": 1})
    ['flow (2 of 5 rows)', 'cap']
    """
    owners = [
        next((name for name in sizes if row == name or row.startswith(f"{name}[")), row) for row in rows
    ]
    counts = Counter(owners)
    return [
        f"{name} ({count:,} of {sizes[name]:,} rows)" if sizes.get(name, 1) > 1 else name
        for name, count in counts.items()
    ]


def explain_infeasibility(
    problem: Problem,
    x: Pytree = None,
    *,
    params: Pytree = None,
    method: str | None = None,
    max_iterations: int | None = None,
) -> Infeasibility:
    """Find the rows that cannot hold together: an elastic re-solve.

    Args:
        problem: with at least one constraint; its Derivatives will do.
        x: where to begin, a pytree like x0 or flat, such as the failed `solution.x`.
        params: in place of the problem's.
        method: of `lagrad.solve`; IPOPT if it is installed, else trust-constr.
        max_iterations: of that solve.

    Returns:
        Infeasibility: the verdict is local, like the solver's own.

    Raises:
        ProblemError: x or params do not fit the problem.

    >>> low, high = lagrad.Inequality(lambda x: x[0], upper=1.0), lagrad.Inequality(lambda x: x[0], 3.0)
    >>> problem = lagrad.Problem(lambda x: x[0], [0.0], {"low": low, "high": high})
    >>> found = explain_infeasibility(problem, method="trust-constr")
    >>> found.is_feasible, sorted(found.conflict)
    (False, ['high', 'low'])
    """
    problem = problem_of(problem)
    changes = {name: value for name, value in (("x0", x), ("params", params)) if value is not None}
    problem = problem.replace(**changes) if changes else problem
    solution = solve(elastic(problem), method=method, max_iterations=max_iterations)
    point = np.asarray(solution.x["x"])
    away = np.asarray(solution.x["raise"]) - np.asarray(solution.x["lower"])
    values = np.asarray(solution.constraints["rows"]) - away
    found = explain(problem, solution, point, values)
    return replace(found, has_own_params=problem.has_params and params is None)


def elastic(problem: Problem) -> Problem:
    """The problem in x, a and b whose solution violates the rows least in sum."""
    values = Oracle(problem).values(problem.start)[1:]
    lacks = np.maximum(problem.constraint_lower - values, 0.0)
    exceeds = np.maximum(values - problem.constraint_upper, 0.0)
    start = {"x": np.array(problem.start), "raise": np.array(lacks), "lower": np.array(exceeds)}
    nothing, endless = np.zeros(problem.m), np.full(problem.m, np.inf)
    low = {"x": problem.lower, "raise": nothing, "lower": nothing}
    high = {"x": problem.upper, "raise": endless, "lower": endless}

    def amount(z: dict[str, Any], params: Pytree = None) -> jax.Array:
        return jnp.sum(z["raise"]) + jnp.sum(z["lower"])

    def rows(z: dict[str, Any], params: Pytree = None) -> jax.Array:
        return problem.flat_constraints(z["x"], params) + z["raise"] - z["lower"]

    given = Inequality(rows, problem.constraint_lower, problem.constraint_upper)
    return Problem(amount, start, {"rows": given}, (low, high), problem.params, name="elastic")


def explain(problem: Problem, solution: Solution, x: np.ndarray, values: np.ndarray) -> Infeasibility:
    """The report of an elastic solution."""
    lower, upper = problem.constraint_lower, problem.constraint_upper
    amounts = np.maximum(np.maximum(lower - values, values - upper), 0.0)
    scale = np.maximum(1.0, np.abs(np.where(values > upper, upper, np.where(values < lower, lower, 0.0))))
    bad = np.flatnonzero(amounts > GIVES_WAY * scale)
    worst = bad[np.argsort(-amounts[bad], kind="stable")]
    sides = np.where(values > upper, upper, lower)
    violations = tuple(
        Violation(
            problem.describe_row(i),
            owner(problem, i),
            float(values[i]),
            float(sides[i]),
            float(amounts[i]),
            bool(lower[i] == upper[i]),
        )
        for i in map(int, worst)
    )
    pushes = np.abs(np.asarray(solution.multipliers["rows"]))
    from_below, from_above = (np.asarray(part["x"]) for part in solution.bound_multipliers)
    bounds = from_below + from_above
    is_feasible = not violations
    return Infeasibility(
        is_feasible=is_feasible,
        violations=violations,
        conflict=() if is_feasible else named(strongest(pushes), problem.describe_row),
        bounds=() if is_feasible else named(strongest(bounds), problem.variables.describe),
        limits=() if is_feasible else limits(problem, strongest(bounds), from_above > from_below),
        sizes={name: layout.size for name, layout in problem.row_layouts.items()},
        x=problem.variables.unflatten(x),
        solution=solution,
    )


def limits(problem: Problem, variables: np.ndarray, is_upper: np.ndarray) -> tuple[str, ...]:
    """Bounds written out, those of one array, side and value as one.

    Args:
        problem: whose bounds they are.
        variables: flat indices, in the order in which they are to be told.
        is_upper: whether it is the upper bound that pushes, for each variable of the problem, shape (n,).
    """
    layout, groups = problem.variables, dict[tuple[int, str, float], list[int]]()
    for i in variables.tolist():
        low, high = problem.lower[i], problem.upper[i]
        sign = "=" if low == high else "<=" if is_upper[i] else ">="
        groups.setdefault((layout.leaf(i), sign, float(high if is_upper[i] else low)), []).append(i)
    return tuple(
        f"{layout.describe(found[0])} {sign} {value:.6g}"
        if len(found) == 1
        else f"{layout.paths[leaf]} {sign} {value:.6g} ({len(found):,} of {layout.sizes[leaf]:,})"
        for (leaf, sign, value), found in groups.items()
    )


def owner(problem: Problem, row: int) -> str:
    """Name of the constraint that a row belongs to."""
    return next(name for name in problem.constraints if row < problem.rows(name).stop)


def strongest(forces: np.ndarray) -> np.ndarray:
    """Indices of the entries that push, the strongest first."""
    active = np.flatnonzero(forces > PUSHES)
    return active[np.argsort(-forces[active], kind="stable")]


def named(indices: np.ndarray, describe: Callable[[int], str]) -> tuple[str, ...]:
    """Names of entries."""
    return tuple(map(describe, indices.tolist()))
