"""Say which functions of a problem have dense derivatives, and at which lines they became so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lagrad.display.text import plural
from lagrad.errors import DerivativeError
from lagrad.problem.functions import OBJECTIVE, arguments, functions
from lagrad.problem.problem import Problem
from lagrad.program.trace import operations
from lagrad.sparsity.density import DensePart, dense_parts, is_dense, located
from lagrad.sparsity.deps import TooDense
from lagrad.sparsity.rules import with_users

MATRICES = ("Jacobian", "Hessian")


@dataclass(frozen=True)
class Density:
    """A dense part of a matrix.

    Args:
        matrix: "Jacobian" or "Hessian".
        function: whose it is, such as "constraints['dynamics']".
        part: how large it is, and where it comes from.
    """

    matrix: str
    function: str
    part: DensePart

    def __str__(self) -> str:
        rows, columns = plural(self.part.rows, "row"), plural(self.part.columns, "column")
        return f"{rows} of up to {columns}, from {'; '.join(self.part.places) or 'an unknown line'}"


def densities(derivatives: Any) -> list[Density]:
    """Dense parts of the Jacobian of the constraints and of the Hessian.

    Args:
        derivatives: Derivatives; patterns that the user gave are not looked at.

    Returns:
        One Density for each matrix and function in which many rows have many entries.

    >>> problem = lagrad.Problem(lambda x: jnp.sum(x) ** 2, np.ones(60))
    >>> [(each.matrix, each.function) for each in densities(lagrad.differentiate(problem))]
    [('Hessian', 'objective')]
    """
    matrices = [name for name in MATRICES if may_be_dense(derivatives, name)]
    return list(looked_up(derivatives.problem, matrices, derivatives.plan.rules)) if matrices else []


def may_be_dense(derivatives: Any, matrix: str) -> bool:
    """Whether many rows of a matrix have many entries."""
    name = matrix.lower()
    if name in derivatives.plan.given:
        return False
    rows, cols = getattr(derivatives, f"{name}_structure")
    counts = np.bincount(np.concatenate([rows, cols]) if name == "hessian" else rows, minlength=1)
    return bool(is_dense(counts, derivatives.n).any())


def too_dense(error: TooDense, problem: Problem, rules: Any) -> DerivativeError:
    """The error of a pattern that does not fit, with the function's name and the user's lines."""
    inputs = arguments(problem, problem.start)
    for name, function in functions(problem).items():
        found = located(error, function, inputs, with_users(rules))
        if found is not error:
            return DerivativeError(f"`{name}`: {found}")
    return error


def looked_up(problem: Problem, matrices: list[str], rules: Any) -> Iterator[Density]:
    """Dense parts of these matrices, function by function."""
    inputs = arguments(problem, problem.start)
    for name, function in functions(problem).items():
        program = operations(function, inputs, rules_whole=True)
        for matrix, part in zip(MATRICES, dense_parts(program, with_users(rules)), strict=True):
            is_gradient = matrix == "Jacobian" and name == OBJECTIVE
            if part is not None and matrix in matrices and not is_gradient:
                yield Density(matrix, name, part)
