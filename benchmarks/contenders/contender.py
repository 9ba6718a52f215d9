"""State what every contender offers: build(case) gives a model with the same verbs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Solved:
    """What a solve came to.

    Args:
        success: whether the solver calls the point optimal.
        objective: value at the end.
        iterations: number of iterations, -1 where the contender does not tell.
        seconds: wall time of the solve.
        callback_seconds: share of it spent in derivative code, nan where the contender does not tell.
    """

    success: bool
    objective: float
    iterations: int
    seconds: float
    callback_seconds: float = float("nan")


class Model(Protocol):
    """A declared, differentiated and compiled problem.

    Values come in the order of the structure; repeated entries are summed. The Hessian is that of
    objective_weight f + multipliers' c, one triangle of it.
    """

    jacobian_structure: tuple[np.ndarray, np.ndarray]
    hessian_structure: tuple[np.ndarray, np.ndarray]

    def objective(self, x) -> float: ...
    def gradient(self, x) -> np.ndarray: ...
    def constraints(self, x) -> np.ndarray: ...
    def jacobian(self, x) -> np.ndarray: ...
    def hessian(self, x, multipliers, objective_weight=1.0) -> np.ndarray: ...
    def solve(self) -> Solved | None: ...


# One tolerance and one linear solver for all, and no options read from the working directory. MUMPS does not
# scale, as lagrad has it; what that changes `benchmarks.linear_solvers` measures.
IPOPT_OPTIONS = {
    "tol": 1e-8,
    "max_iter": 3000,
    "linear_solver": "mumps",
    "mumps_scaling": 0,
    "print_level": 0,
    "sb": "yes",
    "option_file_name": "",
}
