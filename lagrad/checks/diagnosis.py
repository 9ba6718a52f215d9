"""Diagnose a problem before a solve: what a solver will stumble over, by name and with the cure.

functions   not finite, changing from call to call or since they were compiled, with a kink at the point
counts      more equalities than variables, variables and rows that nothing depends on
bounds      fixed variables; linear rows that bounds make redundant or impossible
rows        dependent equalities, rows and columns of very different size, dense parts and their lines
point       violated constraints, the worst first
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lagrad.annotations import Pytree
from lagrad.checks.comparison import kinks_of, nearby
from lagrad.checks.derivatives import unchecked
from lagrad.checks.finding import ERROR, NOTE, WARNING, Finding, View
from lagrad.checks.findings import (
    bound_findings,
    count_findings,
    density_findings,
    dependence_findings,
    range_findings,
    scaling_findings,
    unused_findings,
    violation_findings,
)
from lagrad.checks.nonfinite import nonfinite_derivatives, nonfinite_values
from lagrad.checks.oracle import Oracle
from lagrad.derivatives import Derivatives
from lagrad.display.markup import html_table, titled
from lagrad.display.text import plural
from lagrad.errors import DerivativeError
from lagrad.problem.problem import Problem, problem_of

QUESTIONS = (
    violation_findings,
    count_findings,
    dependence_findings,
    range_findings,
    scaling_findings,
    unused_findings,
    bound_findings,
    density_findings,
)
RANKS = {ERROR: 0, WARNING: 1, NOTE: 2}
# Points at which matrices are looked at: what holds at all of them is taken to hold everywhere.
POINTS = 3


@dataclass(frozen=True, repr=False)
class Diagnosis:
    """What was found, errors first; prints as a page.

    Args:
        findings: each with severity, kind, message and names.
        title: what was looked at.
    """

    findings: tuple[Finding, ...]
    title: str

    @property
    def ok(self) -> bool:
        """Whether nothing was found that stops every solver."""
        return not any(finding.severity == ERROR for finding in self.findings)

    def of(self, kind: str) -> list[Finding]:
        """Findings of one kind."""
        return [finding for finding in self.findings if finding.kind == kind]

    def __repr__(self) -> str:
        counts = {level: sum(f.severity == level for f in self.findings) for level in RANKS}
        return f"Diagnosis({', '.join(plural(count, level) for level, count in counts.items())})"

    def __str__(self) -> str:
        lines = [f"  {finding}" for finding in self.findings] or ["  nothing found"]
        return "\n".join([self.title, *lines])

    def _repr_html_(self) -> str:
        rows = [{"severity": f.severity, "kind": f.kind, "what was found": f.message} for f in self.findings]
        return titled(self.title, html_table(rows) or "<br>nothing found")


def diagnose(problem: Problem | Derivatives, x: Pytree = None, *, params: Pytree = None) -> Diagnosis:
    """Look for what makes solvers fail: at a point, and in the declaration.

    Args:
        problem: a Problem, or its Derivatives, which saves set-up.
        x: point, a pytree like x0 or flat, such as `solution.x`; the problem's start if not given.
        params: in place of the problem's.

    Returns:
        Diagnosis; print it. `ok` is False if a finding stops every solver.

    Raises:
        ProblemError: x or params do not fit the problem.

    >>> problem = lagrad.Problem(lambda x: jnp.log(x[0]), [0.0])
    >>> diagnose(problem).findings[0].kind
    'nonfinite'
    """
    declared = problem_of(problem)
    x = declared.start if x is None else declared.variables.flatten(declared.read_x0(x))
    try:
        found = [*function_findings(declared, x, params)]
    except DerivativeError as error:
        return report(declared, [Finding(ERROR, "not_differentiable", str(error))])
    bad = nonfinite_values(declared, x, params)
    found += [Finding(ERROR, "nonfinite", f"{fault}.", (fault.what,)) for fault in bad]
    try:
        derivatives = unchecked(problem)
    except DerivativeError as error:
        return report(declared, [*found, Finding(ERROR, "not_differentiable", str(error))])
    if not bad:
        found += derivative_findings(derivatives, x, params)
    return report(declared, found)


def report(problem: Problem, found: list[Finding]) -> Diagnosis:
    """The diagnosis, errors first."""
    found = [*found, *(Finding(NOTE, "converted", note) for note in problem.notes)]
    return Diagnosis(tuple(sorted(found, key=lambda finding: RANKS[finding.severity])), f"{problem!r}")


def function_findings(problem: Problem, x: np.ndarray, params: Pytree) -> Iterator[Finding]:
    """Functions that change from call to call, and kinks."""
    once, again = Oracle(problem, params), Oracle(problem, params)
    values = [once.values(x), once.values(x), again.values(x)]
    for other, cause in ((values[1], "evaluated twice"), (values[2], "traced twice")):
        changed = np.flatnonzero(~np.isclose(values[0], other, rtol=0, atol=0, equal_nan=True))
        if changed.size:
            names = tuple("objective" if i == 0 else problem.describe_row(int(i - 1)) for i in changed)
            text = (
                f"{names[0]} changes from {values[0][changed[0]]:.10g} to {other[changed[0]]:.10g} when "
                f"{cause}: it uses random numbers, a clock or something that changes. Pass it as params."
            )
            yield Finding(ERROR, "changing", text, names)
            break
    for name, kinks in kinks_of(problem, x, params).items():
        for kink in kinks:
            yield Finding(WARNING, "kink", f"{name} has a kink here: {kink}.", (name,))


def derivative_findings(derivatives: Derivatives, x: np.ndarray, params: Pytree) -> list[Finding]:
    """Everything that needs derivatives."""
    ones = np.ones(derivatives.m)
    bad = nonfinite_derivatives(derivatives, x, ones, params)
    if bad:
        return [Finding(ERROR, "nonfinite", f"{fault}.", (fault.what,)) for fault in bad]
    view = look(derivatives, x, params)
    return [*stale(view, params), *(finding for question in QUESTIONS for finding in question(view))]


def look(derivatives: Derivatives, x: np.ndarray, params: Pytree) -> View:
    """Values and first derivatives at x and at points nearby where they are finite."""
    random = np.random.default_rng(0)
    gradients, jacobians = [], []
    for point in nearby(derivatives.problem, x, POINTS, random):
        gradient, jacobian = derivatives.gradient(point, params), derivatives.jacobian(point, params)
        if np.isfinite(gradient).all() and np.isfinite(jacobian.data).all():
            gradients.append(gradient)
            jacobians.append(jacobian)
    return View(derivatives, x, derivatives.constraints(x, params), gradients, jacobians)


def stale(view: View, params: Pytree) -> Iterator[Finding]:
    """Functions that have changed since they were compiled: a global, a captured array."""
    problem, oracle, random = view.problem, Oracle(view.problem, params), np.random.default_rng(0)
    for point in nearby(problem, view.x, POINTS, random):
        f, c = view.derivatives.values(point, params)
        compiled, fresh = np.append(f, c), oracle.values(point)
        # How far rounding reaches: what a change of x in its twelfth digit does.
        step = 1.0 + 1e-12 * random.choice([-1.0, 1.0], point.size)
        allowed = 1e-9 * np.abs(fresh) + 100.0 * np.abs(oracle.values(point * step) - fresh) + 1e-12
        changed = np.flatnonzero(np.abs(compiled - fresh) > allowed)
        if changed.size:
            names = tuple("objective" if i == 0 else problem.describe_row(int(i - 1)) for i in changed)
            now, then = fresh[changed[0]], compiled[changed[0]]
            text = (
                f"{names[0]} is {now:.10g} now, {then:.10g} as it was compiled: something that it captured "
                "has changed. Differentiate again, or pass what varies as params."
            )
            yield Finding(ERROR, "stale", text, names)
            return
