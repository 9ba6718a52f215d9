"""CasADi with scalar symbols (SX): one scalar graph of everything, differentiated and interpreted."""

from __future__ import annotations

import casadi

from benchmarks.cases import Case
from benchmarks.contenders import casadi_model

# A scalar graph of more variables takes minutes to declare.
LARGEST = 400_000


def warm_up(case: Case) -> None:
    """Load the Ipopt plugin, which CasADi does at the first solver."""
    casadi_model.warm_up()


def refuses(case: Case) -> str | None:
    """Refuse what takes minutes."""
    return f"n over {LARGEST}: minutes of declaration" if case.n > LARGEST else None


def build(case: Case) -> casadi_model.CasadiModel:
    """Declare in SX and let CasADi differentiate."""
    return casadi_model.build(case, casadi.SX)
