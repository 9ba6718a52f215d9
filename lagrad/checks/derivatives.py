"""Check the derivatives of a problem at a point, entry by entry.

The assembled sparse matrices, patterns and all, are held against two others along random directions:

    J v, H v   by plain JAX products at x and nearby   ->   a missing or misplaced entry, a wrong color
    F(x + hv)  by finite differences at x              ->   a wrong rule of the user's own (custom_jvp)

A row that disagrees is searched for the entry to blame. See the README of this folder for the toy version.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lagrad.annotations import Pytree, Rows
from lagrad.checks.comparison import (
    AUTODIFF,
    DIFFERENCES,
    Comparison,
    Mismatch,
    Setting,
    compare_beside,
    compare_differences,
    compare_products,
    kinks_of,
    nearby,
    sizes_around,
)
from lagrad.checks.kinks import Kink
from lagrad.checks.nonfinite import NonFinite, nonfinite_derivatives, nonfinite_values
from lagrad.checks.oracle import Oracle
from lagrad.derivatives import Derivatives, differentiate
from lagrad.display.markup import html_table, titled
from lagrad.errors import DerivativeError
from lagrad.problem.multipliers import flat_multipliers
from lagrad.problem.problem import Problem, problem_of


@dataclass(frozen=True, repr=False)
class DerivativeCheck:
    """Whether derivatives are right; prints as a page.

    Args:
        mismatches: worst first.
        faults: what is not finite; nothing else is compared then.
        kinks: name of each function -> operations that have no derivative at the point.
        orders: name of each function -> order of its Taylor remainder: 2 if right, 1 if not, nan if linear.
        comparisons: how many rows were compared with each other computation.
        notes: what could not be compared, in sentences.
        asymmetric: variables in whose rows the Hessian that JAX computes is not symmetric.
    """

    mismatches: tuple[Mismatch, ...]
    faults: tuple[NonFinite, ...]
    kinks: dict[str, list[Kink]]
    orders: dict[str, float]
    comparisons: dict[str, int]
    notes: tuple[str, ...] = ()
    asymmetric: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether all that was compared agrees and is finite; disagreements on a kink do not count."""
        is_clean = not self.faults and not self.asymmetric
        return is_clean and all(mismatch.on_kink for mismatch in self.mismatches)

    def __repr__(self) -> str:
        return f"DerivativeCheck(ok={self.ok}, {len(self.mismatches)} mismatches, {len(self.faults)} faults)"

    def __str__(self) -> str:
        return "\n".join(page(self))

    def _repr_html_(self) -> str:
        head, *lines = page(self)
        # A word in the first columns of each line, then a sentence.
        rows = [{"what": line[2:14].strip(), "found": line[14:]} for line in lines]
        return titled(head, html_table(rows))

    def raise_for_errors(self) -> None:
        """Raise DerivativeError, the whole page as its text, unless `ok`."""
        if not self.ok:
            raise DerivativeError(str(self))


def page(check: DerivativeCheck) -> list[str]:
    """A check in lines."""
    lines = [f"derivatives: {'right' if check.ok else 'WRONG' if not check.faults else 'NOT FINITE'}"]
    lines += [f"  compared    {count:,} rows with {against}" for against, count in check.comparisons.items()]
    shown = {name: order for name, order in check.orders.items() if order == order}
    if shown:
        orders = ", ".join(f"{name} {order:.2f}" for name, order in [*shown.items()][:8])
        lines.append(f"  Taylor      remainder of order (2 is right, 1 is wrong): {orders}")
    lines += [f"  not finite  {fault}" for fault in check.faults]
    lines += [f"  mismatch    {mismatch}" for mismatch in check.mismatches]
    if check.asymmetric:
        names = ", ".join(check.asymmetric)
        lines.append(
            f"  asymmetric  JAX's own Hessian in the rows of {names}: a custom rule contradicts itself"
        )
    lines += [f"  kink        {name}: {kink}" for name, kinks in check.kinks.items() for kink in kinks]
    return lines + [f"  note        {note}" for note in check.notes]


def check_derivatives(
    problem: Problem | Derivatives,
    x: Pytree = None,
    *,
    params: Pytree = None,
    multipliers: Rows = None,
    points: int = 3,
    directions: int = 2,
    seed: int = 0,
) -> DerivativeCheck:
    """Hold gradient, Jacobian and Hessian of the Lagrangian against plain JAX and finite differences.

    Args:
        problem: a Problem, or the Derivatives made of one.
        x: point, a pytree like x0 or flat; the problem's start if not given.
        params: in place of the problem's.
        multipliers: of the rows, shape (m,); random if not given.
        points: how many to compare with plain JAX: x, and others near it.
        directions: random directions at each point.
        seed: of the random numbers.

    Returns:
        DerivativeCheck: `ok`, the worst entries by name, kinks at the point; `raise_for_errors()`.

    Raises:
        ProblemError: x or params do not fit the problem.
        DerivativeError: the functions cannot be traced or differentiated at all.

    >>> problem = lagrad.Problem(lambda x: x[0] ** 2 * x[1], [1.0, 2.0])
    >>> check_derivatives(problem).ok
    True
    """
    derivatives = unchecked(problem)
    problem, random = derivatives.problem, np.random.default_rng(seed)
    x = problem.start if x is None else problem.variables.flatten(problem.read_x0(x))
    weights = random.normal(size=problem.m) if multipliers is None else flat_multipliers(problem, multipliers)
    faults = nonfinite_values(problem, x, params) or nonfinite_derivatives(derivatives, x, weights, params)
    if faults:
        return DerivativeCheck((), tuple(faults), {}, {}, {})
    kinks = kinks_of(problem, x, params)
    setting = Setting(derivatives, Oracle(problem, params), weights, random, params, frozenset(kinks))
    setting = replace(setting, sizes=sizes_around(setting, x))
    found = Comparison([], {AUTODIFF: 0, DIFFERENCES: 0}, [], {})
    for point in nearby(problem, x, points, random):
        for _ in range(directions):
            compare_products(setting, point, found)
    for _ in range(directions):
        compare_differences(setting, x, found)
    if kinks:
        compare_beside(setting, x, found)
    return DerivativeCheck(
        mismatches=distinct(found.mismatches),
        faults=(),
        kinks=kinks,
        orders=found.orders,
        comparisons=found.counts,
        notes=tuple(dict.fromkeys(found.notes)),
        asymmetric=tuple(sorted(found.asymmetric)),
    )


def distinct(mismatches: list[Mismatch]) -> tuple[Mismatch, ...]:
    """Each entry once in each comparison; the worst first, Hessians last, what kinks explain at the end."""
    ranked = sorted(mismatches, key=lambda m: (m.on_kink, m.matrix == "hessian", -m.error))
    first: dict[tuple[str, ...], Mismatch] = {}
    for mismatch in ranked:
        first.setdefault((mismatch.matrix, mismatch.row, mismatch.column, mismatch.against), mismatch)
    return tuple(first.values())


def unchecked(problem: Problem | Derivatives) -> Derivatives:
    """Derivatives that have not been looked at: what is wrong with them is for the report to say."""
    return problem if isinstance(problem, Derivatives) else differentiate(problem_of(problem), check=False)
