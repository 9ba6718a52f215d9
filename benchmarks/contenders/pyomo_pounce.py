"""Pyomo: scalar expressions, written to a .nl file and solved by the POUNCE executable, a port of Ipopt.

Pyomo shows no derivatives without AMPL's library, so only its whole solves are compared.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

import pyomo.environ as pyo

from benchmarks.cases import Case
from benchmarks.contenders.contender import Solved
from benchmarks.declarations import in_pyomo


def warm_up(case: Case) -> None:
    """Nothing is compiled or loaded."""


def refuses(case: Case) -> str | None:
    """Families that are not declared in Pyomo."""
    return None if case.family in in_pyomo.DECLARATIONS else f"{case.family} is not declared in Pyomo"


def executable() -> str:
    """Path of the `pounce` command.

    Raises:
        RuntimeError: it is neither beside this Python nor on the path.
    """
    beside = Path(sys.executable).with_name("pounce")
    found = str(beside) if beside.exists() else shutil.which("pounce")
    if found is None:
        raise RuntimeError("pyomo: found no executable `pounce`. Get it by `pip install pounce-solver`.")
    return found


class PyomoModel:
    """A declared model."""

    def __init__(self, case: Case):
        self.model = pyo.ConcreteModel()
        in_pyomo.declare(case, self.model)

    def solve(self) -> Solved:
        """Write, solve in a process of its own, read back; the number of iterations is not told."""
        solver = pyo.SolverFactory(f"asl:{executable()}")
        solver.options["tol"] = 1e-8
        solver.options["max_iter"] = 3000
        begin = time.perf_counter()
        results = solver.solve(self.model)
        seconds = time.perf_counter() - begin
        success = results.solver.termination_condition == pyo.TerminationCondition.optimal
        return Solved(success, float(pyo.value(self.model.f)), -1, seconds)


def build(case: Case) -> PyomoModel:
    """Declare; derivatives are made by the solver when it reads the file."""
    return PyomoModel(case)
