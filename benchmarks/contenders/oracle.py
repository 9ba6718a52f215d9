"""The oracle: derivatives by hand in vectorised JAX, compiled ahead of time; what an expert could reach."""

from __future__ import annotations

import jax
import numpy as np

from benchmarks.cases import Case
from benchmarks.contenders.hand_derived import (
    cart_pole,
    chained_rosenbrock,
    elliptic_control,
    gather_network,
)
from benchmarks.contenders.hand_derived_power import acopf
from benchmarks.contenders.jax_model import JaxModel, warm_up

__all__ = ["build", "refuses", "warm_up"]

FORMULAS = {f.__name__: f for f in (chained_rosenbrock, cart_pole, elliptic_control, gather_network, acopf)}


def refuses(case: Case) -> str | None:
    """Refuse what nobody derived by hand."""
    return None if case.family in FORMULAS else f"no hand-derived formulas for {case.family}"


class OracleModel(JaxModel):
    """Jacobian and Hessian by hand."""

    def __init__(self, case: Case):
        super().__init__(case)
        formulas = FORMULAS[case.family](case)
        self.jacobian_structure, self.hessian_structure = (
            formulas.jacobian_structure,
            formulas.hessian_structure,
        )
        x, multipliers = case.start, np.ones(case.m)
        # Ahead of time: a compiled object skips the look-up by signature at every call.
        self.compiled_jacobian = jax.jit(formulas.jacobian).lower(x).compile()
        self.compiled_hessian = jax.jit(formulas.hessian).lower(x, multipliers, np.float64(1)).compile()

    def jacobian(self, x) -> np.ndarray:
        """Values in the order of `jacobian_structure`."""
        return np.asarray(self.compiled_jacobian(x))

    def hessian(self, x, multipliers, objective_weight=1.0) -> np.ndarray:
        """Values in the order of `hessian_structure`."""
        return np.asarray(self.compiled_hessian(x, multipliers, np.float64(objective_weight)))


def build(case: Case) -> OracleModel:
    """Compile the hand-derived functions."""
    return OracleModel(case)
