"""CasADi with matrix symbols (MX): its `nlpsol` with Ipopt, and the derivative functions inside it."""

from __future__ import annotations

import casadi

from benchmarks.cases import Case
from benchmarks.contenders import casadi_model


def warm_up(case: Case) -> None:
    """Load the Ipopt plugin, which CasADi does at the first solver."""
    casadi_model.warm_up()


def refuses(case: Case) -> str | None:
    """Nothing is too large."""
    return None


def build(case: Case) -> casadi_model.CasadiModel:
    """Declare in MX and let CasADi differentiate."""
    return casadi_model.build(case, casadi.MX)
