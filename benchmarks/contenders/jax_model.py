"""What the contenders on plain JAX share: objective and constraints compiled, Ipopt by cyipopt."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.cases import Case
from benchmarks.contenders import with_cyipopt
from benchmarks.contenders.contender import Solved
from benchmarks.declarations import in_jax

jax.config.update("jax_enable_x64", True)


def warm_up(case: Case) -> None:
    """Start JAX's backend and compiler, which every JAX process pays once, and declare the functions.

    The functions are lagrad_problems' own: declaring them checks shapes for lagrad, which is lagrad's cost.
    """
    in_jax.declare(case)
    jax.jit(lambda x: jnp.sin(x) + 1)(np.zeros(3)).block_until_ready()


class JaxModel:
    """Compiled f, its gradient and c; a contender adds Jacobian and Hessian."""

    jacobian_structure: tuple[np.ndarray, np.ndarray]
    hessian_structure: tuple[np.ndarray, np.ndarray]
    jacobian: Callable[..., np.ndarray]
    hessian: Callable[..., np.ndarray]

    def __init__(self, case: Case):
        self.case = case
        self.f, self.c = in_jax.declare(case)
        self.compiled_objective = jax.jit(self.f)
        self.compiled_gradient = jax.jit(jax.grad(self.f))
        self.compiled_constraints = jax.jit(self.c)

    def lagrangian(self, x, multipliers, objective_weight):
        """objective_weight f(x) + multipliers' c(x)."""
        return objective_weight * self.f(x) + jnp.vdot(multipliers, self.c(x))

    def objective(self, x) -> float:
        """f(x)."""
        return float(self.compiled_objective(x))

    def gradient(self, x) -> np.ndarray:
        """Gradient of f, shape (n,)."""
        return np.asarray(self.compiled_gradient(x))

    def constraints(self, x) -> np.ndarray:
        """c(x), shape (m,)."""
        return np.asarray(self.compiled_constraints(x))

    def solve(self) -> Solved:
        """Solve by cyipopt."""
        return with_cyipopt.solve(self.case, self)
