"""The oracle: derivatives by hand in vectorised JAX, compiled ahead of time; what an expert could reach."""

from __future__ import annotations

from collections.abc import Callable

import jax
import numpy as np

from benchmarks.cases import Case
from benchmarks.contenders.hand_derived import (
    Staged,
    cart_pole,
    chained_rosenbrock,
    elliptic_control,
    gather_network,
)
from benchmarks.contenders.hand_derived_power import acopf
from benchmarks.contenders.jax_model import JaxModel, warm_up

__all__ = ["build", "refuses", "warm_up"]

FORMULAS = {f.__name__: f for f in (chained_rosenbrock, cart_pole, elliptic_control, gather_network, acopf)}
FORMULAS["complex_acopf"] = acopf


def refuses(case: Case) -> str | None:
    """Refuse what nobody derived by hand."""
    return None if case.family in FORMULAS else f"no hand-derived formulas for {case.family}"


# Two calls cost 20 us more than one; from here on the work that the second one saves is larger.
SPLIT_FROM = 5000


def compiled(function, *arguments):
    """Ahead of time: a compiled object skips the look-up by signature at every call."""
    return jax.jit(function).lower(*arguments).compile()


def evaluator(staged: Staged, arguments: tuple, is_split: bool) -> Callable[..., np.ndarray]:
    """Function of the values: both stages in one program, or in two."""
    if is_split:
        first = compiled(staged.first, *arguments)
        second = compiled(staged.second, first(*arguments), *arguments)

        def varying(*given):
            return second(first(*given), *given)

    else:
        varying = compiled(lambda *given: staged.second(staged.first(*given), *given), *arguments)
    constant = staged.constant
    if constant is None:
        return lambda *given: np.asarray(varying(*given))
    values = np.concatenate([constant, np.asarray(varying(*arguments))])

    def fill(*given) -> np.ndarray:
        """Only what changes is written; the array is overwritten by the next call."""
        values[constant.size :] = varying(*given)
        return values

    return fill


class OracleModel(JaxModel):
    """Jacobian and Hessian by hand."""

    def __init__(self, case: Case):
        super().__init__(case)
        formulas = FORMULAS[case.family](case)
        self.jacobian_structure = formulas.jacobian_structure
        self.hessian_structure = formulas.hessian_structure
        x, multipliers, is_split = case.start, np.ones(case.m), case.n >= SPLIT_FROM
        self.jacobian = evaluator(formulas.jacobian, (x,), is_split)
        self.weighted_hessian = evaluator(formulas.hessian, (x, multipliers, np.float64(1)), is_split)

    def hessian(self, x, multipliers, objective_weight=1.0) -> np.ndarray:
        """Values in the order of `hessian_structure`."""
        return self.weighted_hessian(x, multipliers, np.float64(objective_weight))


def build(case: Case) -> OracleModel:
    """Compile the hand-derived functions."""
    return OracleModel(case)
