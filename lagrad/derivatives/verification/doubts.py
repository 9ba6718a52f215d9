"""Say what speaks against a matrix, against f or c: which rows, what was found, what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lagrad.problem.problem import Problem

# Derivatives uses this room and is handed to it.
Derivatives = Any

NAMES = {
    "values": "Objective and constraints",
    "gradient": "Gradient of the objective",
    "jacobian": "Jacobian",
    "hessian": "Hessian of the Lagrangian",
}
CURE = (
    "Ask lagrad.check_derivatives(problem) whether a custom rule of yours is wrong; if it is not, "
    'differentiate with strategy="dense" to go on, and report the functions.'
)
RULE_CURE = (
    "A custom rule of yours is not the derivative of its function: lagrad.check_derivatives(problem) names "
    "the entry. If that is on purpose, differentiate with check=False."
)
PATTERN_CURE = (
    "The given `{}_pattern` lacks entries there: add them, or leave the argument out: lagrad finds them."
)


@dataclass(frozen=True)
class Doubt:
    """What speaks against a matrix, or against f and c.

    Args:
        matrix: one of `NAMES`.
        names: of the rows that are off, the worst first.
        found: the worst entry or product.
        expected: the same by another computation.
        against: that computation, in words.
        cure: what to do.
        is_proven: whether JAX itself computes something else from the same equations.
    """

    matrix: str
    names: tuple[str, ...]
    found: float
    expected: float
    against: str
    cure: str
    is_proven: bool = True

    def __str__(self) -> str:
        count = len(self.names)
        shown = ", ".join(self.names[:5]) + (", ..." if count > 5 else "")
        many = "1 row differs" if count == 1 else f"{count} rows differ"
        return (
            f"{NAMES[self.matrix]}: {many} from {self.against}: {shown}. "
            f"{self.names[0]}: {self.found:.10g} found, {self.expected:.10g} expected. {self.cure}"
        )


def told(derivatives: Derivatives, matrix: str, rows: dict[int, tuple[Any, ...]]) -> Doubt:
    """The doubt of some rows."""
    order = sorted(rows, key=lambda row: -rows[row][0])
    describe = describer(derivatives.problem, matrix)
    _, found, expected, column = rows[order[0]]
    names = [describe(row) for row in order]
    if column is not None:
        names[0] += f" by {derivatives.problem.variables.describe(column)}"
    given = matrix in derivatives.plan.given
    cure = PATTERN_CURE.format(matrix) if given else CURE
    return Doubt(matrix, tuple(names), float(found), float(expected), "what JAX gives", cure)


def describer(problem: Problem, matrix: str) -> Callable[[int], str]:
    """What names a row."""
    if matrix == "values":
        return lambda row: "the objective" if row == 0 else problem.describe_row(row - 1)
    return problem.describe_row if matrix == "jacobian" else problem.variables.describe
