"""Look for findings in counts, bounds, rows, sizes and violations."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import scipy.sparse as sp

from lagrad.checks.finding import ERROR, NOTE, WARNING, Finding, View
from lagrad.checks.inertia import rank, unit_rows
from lagrad.checks.matrices import Dependence, constant_rows, dependences, ranges, row_sizes
from lagrad.derivatives.density import densities
from lagrad.display.text import listed, plural
from lagrad.solvers.violation import name_of, violations

# Sizes beyond these make solvers slow or inexact; IPOPT scales gradients down from 100 by itself.
LARGE, SMALL = 1e4, 1e-4
VIOLATED = 1e-6
SAME = 1e-8


def count_findings(view: View) -> Iterator[Finding]:
    """More equalities than free variables; rows that depend on no free variable."""
    equalities, free = int(view.is_equality.sum()), int(view.is_free.sum())
    if equalities > free:
        yield Finding(
            ERROR,
            "too_many_equalities",
            f"{plural(equalities, 'equality row')} but only {plural(free, 'free variable')}: "
            "drop rows that follow from others, or free variables.",
        )
    empty = np.flatnonzero(np.bincount(view.derivatives.jacobian_structure[0], minlength=view.problem.m) == 0)
    if empty.size:
        names = view.rows(empty)
        yield Finding(WARNING, "constant_rows", f"rows that depend on no variable: {listed(names)}.", names)


def unused_findings(view: View) -> Iterator[Finding]:
    """Variables that no function depends on."""
    used = ~view.is_free
    used[view.derivatives.jacobian_structure[1]] = True
    for index in view.derivatives.hessian_structure:
        used[index] = True
    for gradient in view.gradients:
        used |= gradient != 0
    idle = np.flatnonzero(~used)
    if idle.size:
        names = view.variables(idle)
        text = f"variables that nothing depends on: {listed(names)}. Leave them out, or fix them by bounds."
        yield Finding(WARNING, "unused_variables", text, names)


def density_findings(view: View) -> Iterator[Finding]:
    """Many rows with many entries, and the lines that made it so."""
    for found in densities(view.derivatives):
        text = (
            f"the {found.matrix} of {found.function} is dense: {found}. What many variables enter through, "
            "such as a running sum or a product with a full matrix, can be variables of its own, bound by "
            "constraints: that makes it sparse."
        )
        yield Finding(NOTE, "dense", text, (found.function,))


def bound_findings(view: View) -> Iterator[Finding]:
    """Fixed variables, and a point outside its bounds."""
    fixed = np.flatnonzero(~view.is_free)
    if fixed.size:
        names = view.variables(fixed)
        yield Finding(NOTE, "fixed_variables", f"fixed by their bounds: {listed(names)}.", names)


def range_findings(view: View) -> Iterator[Finding]:
    """Linear rows that the bounds make impossible, redundant, or into bounds themselves."""
    problem, jacobian = view.problem, view.jacobians[0]
    linear = constant_rows(view.jacobians) if problem.m else np.zeros(0, bool)
    offset = view.constraints - jacobian @ view.x
    low, high = ranges(jacobian, problem.lower, problem.upper)
    low, high = low + offset, high + offset
    slack = SAME * np.maximum(1.0, np.abs(offset))
    impossible = linear & (
        (low > problem.constraint_upper + slack) | (high < problem.constraint_lower - slack)
    )
    for row in np.flatnonzero(impossible)[:5]:
        yield Finding(
            ERROR,
            "impossible_rows",
            f"{view.rows([row])[0]} lies in [{low[row]:.6g}, {high[row]:.6g}] for all x within the bounds, "
            f"but must be in [{problem.constraint_lower[row]:.6g}, {problem.constraint_upper[row]:.6g}]. "
            "Widen one of them.",
            view.rows([row]),
        )
    holds = (
        linear & ~view.is_equality & (low >= problem.constraint_lower) & (high <= problem.constraint_upper)
    )
    yield from named_rows(view, holds, "redundant_rows", "hold for all x within the bounds, so they can go")
    count = np.bincount(sp.coo_array(jacobian).row[sp.coo_array(jacobian).data != 0], minlength=problem.m)
    single = linear & (count == 1) & ~holds & ~impossible
    text = "concern one variable and are linear: declare them as bounds, which solvers keep more cheaply"
    yield from named_rows(view, single, "rows_that_are_bounds", text)


def named_rows(view: View, which: np.ndarray, kind: str, text: str) -> Iterator[Finding]:
    """A note on some rows, if there are any."""
    names = view.rows(np.flatnonzero(which))
    if names:
        yield Finding(NOTE, kind, f"rows that {text}: {listed(names)}.", names)


def dependence_findings(view: View) -> Iterator[Finding]:
    """Equality rows whose gradients depend on others, here and nearby."""
    rows = np.flatnonzero(view.is_equality)
    matrices = [matrix[rows][:, view.is_free] for matrix in view.jacobians]
    if not rows.size:
        return
    here = dependences(matrices[0])
    if here is None:
        yield from large_dependence(rows.size, rank(unit_rows(matrices[0])))
        return
    linear = constant_rows(matrices)
    nearby = [dependences(matrix) or [] for matrix in matrices[1:]]
    lasting = min((len(found) for found in nearby), default=0)
    for dependence in here[:5]:
        yield dependent(view, dependence, rows, linear, len(here) <= lasting)
    if len(here) > 5:
        yield Finding(
            WARNING, "dependent_rows", f"and {len(here) - 5} more equality rows that follow from others."
        )


def large_dependence(count: int, independent: int | None) -> Iterator[Finding]:
    """What can be said of many rows: how many depend on others."""
    if independent is None:
        yield Finding(NOTE, "dependent_rows", f"rank of the {count:,} equality rows: not known, too large.")
    elif independent < count:
        text = f"{plural(count - independent, 'equality row')} of {count:,} follow from others."
        yield Finding(WARNING, "dependent_rows", text)


def dependent(view: View, found: Dependence, rows: np.ndarray, linear: np.ndarray, lasts: bool) -> Finding:
    """The finding of one dependent row: superfluous, contradictory, or only so at this point."""
    problem, row = view.problem, int(rows[found.row])
    parts = list(found.coefficients.items())
    names = view.rows([row, *(rows[index] for index, _ in parts)])
    formula = " + ".join(f"{factor:.4g} {name}" for (_, factor), name in zip(parts, names[1:], strict=True))
    what = f"{names[0]} = {formula}" if parts else f"{names[0]} depends on no free variable"
    residual = view.constraints - problem.constraint_lower
    gap = float(residual[row] - sum(factor * residual[rows[index]] for index, factor in parts))
    if linear[[found.row, *found.coefficients]].all() and abs(gap) > VIOLATED:
        text = f"contradictory equality rows: {what}, but their values differ by {abs(gap):.4g}."
        return Finding(ERROR, "contradictory_rows", text, names)
    where = "here and nearby" if lasts else "at this point only"
    text = f"dependent equality rows, {where}: the gradients satisfy {what}. Drop one if that is always so."
    return Finding(WARNING, "dependent_rows", text, names)


def scaling_findings(view: View) -> Iterator[Finding]:
    """Rows, columns and an objective of very different size."""
    problem = view.problem
    describe_row, describe = problem.describe_row, problem.variables.describe
    rows = typical([row_sizes(jacobian) for jacobian in view.jacobians])
    yield from sizes(rows, describe_row, "badly_scaled_rows", "rows of the Jacobian")
    columns = typical(
        [
            np.maximum(row_sizes(sp.csr_array(jacobian.T)), np.abs(gradient))
            for jacobian, gradient in zip(view.jacobians, view.gradients, strict=True)
        ]
    )
    yield from sizes(columns, describe, "badly_scaled_columns", "columns (derivatives by one variable)")
    here = float(np.abs(view.gradients[0]).max(initial=0.0))
    # Near its minimum any gradient is small; one that is small nearby, too, belongs to a small function.
    nearby = max(float(np.abs(gradient).max(initial=0.0)) for gradient in view.gradients)
    if here > LARGE or 0.0 < nearby < SMALL:
        text = f"gradient of the objective is {nearby:.1e}: divide the objective by about that."
        yield Finding(WARNING, "badly_scaled_objective", text)


def typical(found: list[np.ndarray]) -> np.ndarray:
    """Sizes at the point, but those nearby where one happens to vanish there, as a square does at 0."""
    return np.where(found[0] < SMALL, np.max(found, axis=0), found[0])


def sizes(values: np.ndarray, describe: Callable[[int], str], kind: str, text: str) -> Iterator[Finding]:
    """A warning if some sizes are far from 1, the farthest first."""
    away = np.abs(np.log10(np.where(values > 0, values, 1.0)))
    bad = np.flatnonzero((values > LARGE) | ((values < SMALL) & (values > 0)))
    if bad.size:
        worst = bad[np.argsort(-away[bad], kind="stable")]
        names = tuple(describe(int(index)) for index in worst)
        shown = listed([f"{name} {values[index]:.1e}" for name, index in zip(names, worst, strict=True)])
        there = np.flatnonzero(values > 0)
        ends = there[np.argmin(values[there])], there[np.argmax(values[there])]
        reach = " to ".join(f"{values[index]:.1e} ({describe(int(index))})" for index in ends)
        both = f"; they reach from {reach}" if there.size > 1 else ""
        message = f"{text} far from 1: {shown}{both}. Change units so that they are about 1."
        yield Finding(WARNING, kind, message, names)


def violation_findings(view: View) -> Iterator[Finding]:
    """Constraints and bounds that do not hold at the point, the worst first."""
    problem = view.problem
    outside = violations(problem, view.x, view.constraints)
    bad = np.flatnonzero(outside > VIOLATED)
    if bad.size:
        worst = bad[np.argsort(-outside[bad], kind="stable")]
        names = tuple(name_of(problem, int(i)) for i in worst)
        shown = listed([f"{name} by {outside[i]:.4g}" for name, i in zip(names, worst, strict=True)])
        advice = "If no solver can repair that, ask lagrad.explain_infeasibility."
        text = f"{plural(bad.size, 'row or bound')} violated at this point: {shown}. {advice}"
        yield Finding(NOTE, "violated", text.replace("row or bounds", "rows or bounds"), names)
