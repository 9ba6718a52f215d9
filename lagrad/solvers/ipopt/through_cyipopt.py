"""IPOPT through cyipopt, where only that is installed."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from lagrad.errors import ProblemError
from lagrad.solvers.evaluation import Multipliers
from lagrad.solvers.ipopt.backend import End, refused
from lagrad.solvers.ipopt.callbacks import Callbacks
from lagrad.solvers.ipopt.mumps import UNSCALED
from lagrad.solvers.ipopt.sides import row_sides
from lagrad.solvers.solver import Option, Options, Task
from lagrad.solvers.wheels import load_package

# What lagrad needs of cyipopt; very old ones, and folders of that name, lack it.
NEEDED = ("Problem", "IPOPT_VERSION")


def load() -> Any:
    """The cyipopt module.

    Raises:
        ImportError: it is not installed, or something else has its name.
    """
    return load_package("cyipopt", NEEDED)


def versions() -> dict[str, str]:
    """Versions of Ipopt and cyipopt."""
    cyipopt = load()
    return {"ipopt": ".".join(map(str, cyipopt.IPOPT_VERSION)), "cyipopt": cyipopt.__version__}


def place() -> str:
    """Where cyipopt is."""
    return f"cyipopt in {load().__file__}"


@cache
def has_mumps() -> bool:
    """Whether Ipopt was built with MUMPS, without which it refuses the options of MUMPS."""
    never_called = SimpleNamespace(objective=lambda x: 0.0, gradient=lambda x: x)
    nlp = load().Problem(n=1, m=0, problem_obj=never_called, lb=[0.0], ub=[0.0])
    try:
        for name, value in UNSCALED.items():
            set_option(nlp, name, value)
    except ProblemError:
        return False
    finally:
        nlp.close()
    return True


def library() -> str:
    """Its name."""
    return "cyipopt"


def solve(task: Task, options: Options) -> End:
    """Run IPOPT."""
    nlp = build(task)
    try:
        for name, value in options.items():
            set_option(nlp, name, value)
        rows, lower, upper = task.start.multipliers or ((), (), ())
        x, end = nlp.solve(task.start.x, lagrange=rows, zl=lower, zu=upper)
    finally:
        nlp.close()
    return End(end["status"], x, (end["mult_g"], end["mult_x_L"], end["mult_x_U"]))


def set_option(nlp: Any, name: str, value: Option) -> None:
    """Hand one option to Ipopt.

    Raises:
        ProblemError: Ipopt does not have it, or does not take its value.
    """
    try:
        nlp.add_option(name, value)
    except TypeError as error:
        raise refused(name, value) from error


def build(task: Task) -> Any:
    """A fresh cyipopt.Problem, which keeps nothing of earlier solves."""
    cyipopt, problem, callbacks = load(), task.problem, Callbacks(task)
    row_lower, row_upper = row_sides(task)
    nlp = cyipopt.Problem(
        n=int(problem.n),
        m=int(problem.m),
        problem_obj=callbacks,
        lb=problem.lower,
        ub=problem.upper,
        cl=row_lower,
        cu=row_upper,
    )
    if cyipopt.IPOPT_VERSION >= (3, 14, 0):
        callbacks.current = lambda: iterate(nlp)
    return nlp


def iterate(nlp: Any) -> tuple[np.ndarray, Multipliers] | None:
    """IPOPT's iterate, None if it does not tell."""
    now = nlp.get_current_iterate()
    return now and (now["x"], (now["mult_g"], now["mult_x_L"], now["mult_x_U"]))
