"""asdex: its detection, coloring and compressed evaluation, each compiled whole; solved by cyipopt."""

from __future__ import annotations

import asdex
import jax
import numpy as np

from benchmarks.cases import Case
from benchmarks.contenders.jax_model import JaxModel, warm_up

__all__ = ["build", "refuses", "warm_up"]


def refuses(case: Case) -> str | None:
    """Nothing: limits of time and memory decide."""
    return None


class AsdexModel(JaxModel):
    """Jacobian and Lagrangian Hessian by asdex's own plan."""

    def __init__(self, case: Case):
        super().__init__(case)
        self.jacobian_coloring = asdex.jacobian_coloring(self.c, case.start)
        compressed = asdex.compressed_jacobian_from_coloring(self.c, self.jacobian_coloring)
        self.compiled_jacobian = jax.jit(
            lambda x: asdex.decompress_data(compressed(x), self.jacobian_coloring)
        )
        sparsity = self.jacobian_coloring.sparsity
        self.jacobian_structure = np.asarray(sparsity.rows), np.asarray(sparsity.cols)
        self.build_hessian(case)

    def build_hessian(self, case: Case) -> None:
        """Star coloring; Ipopt wants one triangle, taken inside the compiled function."""
        arguments = case.start, np.ones(case.m), 1.0
        coloring = asdex.hessian_coloring(self.lagrangian, *arguments, argnums=0)
        compressed = asdex.compressed_hessian_from_coloring(self.lagrangian, coloring)
        rows, cols = np.asarray(coloring.sparsity.rows), np.asarray(coloring.sparsity.cols)
        lower = np.flatnonzero(rows >= cols)
        self.compiled_hessian = jax.jit(lambda *a: asdex.decompress_data(compressed(*a), coloring)[lower])
        self.hessian_structure = rows[lower], cols[lower]

    def jacobian(self, x) -> np.ndarray:
        """Values in the order of `jacobian_structure`."""
        return np.asarray(self.compiled_jacobian(x))

    def hessian(self, x, multipliers, objective_weight=1.0) -> np.ndarray:
        """Values in the order of `hessian_structure`."""
        return np.asarray(self.compiled_hessian(x, multipliers, objective_weight))


def build(case: Case) -> AsdexModel:
    """Detect, color, and compile at the first call."""
    return AsdexModel(case)
