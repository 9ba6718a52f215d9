"""lagrad without elements, by `strategy="colored"`: what its plan must never be slower than."""

from __future__ import annotations

from benchmarks.cases import Case
from benchmarks.contenders.lagrad_engine import LagradModel, refuses, warm_up

__all__ = ["build", "refuses", "warm_up"]


def build(case: Case) -> LagradModel:
    """Declare, detect, color and compile."""
    return LagradModel(case, "colored")
