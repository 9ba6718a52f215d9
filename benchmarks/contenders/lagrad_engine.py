"""lagrad: `lagrad.differentiate` and `lagrad.solve` on the problem as lagrad_problems declares it."""

from __future__ import annotations

import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

import lagrad
from benchmarks.cases import Case, catalog
from benchmarks.contenders.contender import Solved

DECLARATIONS: dict[str, Callable[[], lagrad.Problem]] = {}


def warm_up(case: Case) -> None:
    """Start JAX's backend and compiler, load Ipopt, read the case's file; the declaration itself is timed."""
    jax.jit(lambda x: jnp.sin(x) + 1)(np.zeros(3)).block_until_ready()
    lagrad.solve(lagrad.Problem(lambda x: x[0] ** 2, [1.0]), method="ipopt")
    DECLARATIONS[case.name] = catalog.declare(case.name)


def refuses(case: Case) -> str | None:
    """Nothing: limits of time and memory decide."""
    return None


class LagradModel:
    """The verbs of `Derivatives`."""

    def __init__(self, case: Case, strategy: str = "auto"):
        self.derivatives = lagrad.differentiate(DECLARATIONS[case.name](), strategy=strategy)
        self.jacobian_structure = self.derivatives.jacobian_structure
        self.hessian_structure = self.derivatives.hessian_structure
        self.objective = self.derivatives.objective
        self.gradient = self.derivatives.gradient
        self.constraints = self.derivatives.constraints
        self.jacobian = self.derivatives.jacobian_values
        self.hessian = self.derivatives.hessian_values

    @property
    def timings(self) -> dict[str, float]:
        """Set-up seconds: trace, structure, coloring, compile."""
        return dict(self.derivatives.timings)

    def solve(self) -> Solved:
        """Solve by Ipopt, reusing the derivatives."""
        begin = time.perf_counter()
        solution = lagrad.solve(self.derivatives, method="ipopt", tol=1e-8, max_iterations=3000)
        seconds = time.perf_counter() - begin
        spent = float(solution.timings.get("callbacks", np.nan))
        return Solved(
            bool(solution.success), float(solution.objective), int(solution.iterations), seconds, spent
        )


def build(case: Case) -> LagradModel:
    """Declare, detect, plan and compile."""
    return LagradModel(case)
