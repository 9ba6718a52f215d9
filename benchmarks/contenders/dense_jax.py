"""Dense JAX: `jacfwd` or `jacrev` and `hessian` as they come, for small n only; solved by cyipopt."""

from __future__ import annotations

import jax
import numpy as np

from benchmarks.cases import Case
from benchmarks.contenders.jax_model import JaxModel, warm_up

__all__ = ["build", "refuses", "warm_up"]

LARGEST = 2000


def refuses(case: Case) -> str | None:
    """Refuse matrices of more than a few million entries."""
    return f"n over {LARGEST}: dense matrices" if case.n > LARGEST else None


class DenseModel(JaxModel):
    """Every entry is a nonzero."""

    def __init__(self, case: Case):
        super().__init__(case)
        derivative = jax.jacrev if case.m < case.n / 2 else jax.jacfwd
        lower = np.tril_indices(case.n)
        self.compiled_jacobian = jax.jit(lambda x: derivative(self.c)(x).ravel())
        self.compiled_hessian = jax.jit(lambda *arguments: jax.hessian(self.lagrangian)(*arguments)[lower])
        self.hessian_structure = lower
        rows, cols = np.indices((case.m, case.n))
        self.jacobian_structure = rows.ravel(), cols.ravel()

    def jacobian(self, x) -> np.ndarray:
        """All m n values, by rows."""
        return np.asarray(self.compiled_jacobian(x))

    def hessian(self, x, multipliers, objective_weight=1.0) -> np.ndarray:
        """The lower triangle, by rows."""
        return np.asarray(self.compiled_hessian(x, multipliers, objective_weight))


def build(case: Case) -> DenseModel:
    """Nothing to detect; compiled at the first call."""
    return DenseModel(case)
