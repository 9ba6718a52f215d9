"""IPOPT by its C interface: arrays and callbacks to a shared library that is called outside Python's lock."""

from __future__ import annotations

from functools import cache

import numpy as np

from lagrad.compile.native.ahead import ahead
from lagrad.errors import ProblemError
from lagrad.solvers.evaluation import Multipliers
from lagrad.solvers.ipopt import interface
from lagrad.solvers.ipopt.backend import End
from lagrad.solvers.ipopt.compiled import engine, is_supported
from lagrad.solvers.ipopt.compiled_calls import compiled_calls
from lagrad.solvers.ipopt.handle import Handle, Sizes
from lagrad.solvers.ipopt.library import Library, NotThere, find
from lagrad.solvers.ipopt.mumps import UNSCALED
from lagrad.solvers.ipopt.python_calls import PythonCalls
from lagrad.solvers.solver import Options, Task


def load() -> None:
    """Find and load the library; its callbacks are compiled while a problem is declared.

    Raises:
        ImportError: there is none.
    """
    try:
        find()
    except NotThere as error:
        raise ImportError(str(error)) from error
    if is_supported():
        ahead(engine)


def versions() -> dict[str, str]:
    """Version of Ipopt."""
    return find().versions


def place() -> str:
    """Where the library is, and what it belongs to."""
    return f"{find().path} ({find().source})"


def has_mumps() -> bool:
    """Whether Ipopt was built with MUMPS."""
    return knows_mumps(find())


@cache
def knows_mumps(ipopt: Library) -> bool:
    """Whether a library takes an option of MUMPS; Ipopt does not say what it was built with."""
    bound, rows = np.zeros(1), np.zeros(0)
    callback = interface.OBJECTIVE(lambda *_: False)
    addresses = [interface.address(callback)] * 6
    try:
        Handle(ipopt.functions, Sizes(1, 0, 0, 0), (bound, bound, rows, rows), addresses, UNSCALED)
    except ProblemError:
        return False
    return True


def library() -> str:
    """Its path."""
    return find().path


def solve(task: Task, options: Options) -> End:
    """Run IPOPT, with callbacks of machine code where all functions are, else of Python."""
    ipopt = find().functions
    x, multipliers = task.start.x.copy(), start_multipliers(task)
    calls = compiled_calls(task, ipopt)
    if calls is not None:
        code = calls.run(task, options, x, multipliers)
    else:
        code = PythonCalls(task, ipopt).run(options, x, multipliers)
    return End(code, x, multipliers)


def start_multipliers(task: Task) -> Multipliers:
    """Multipliers to begin with, in arrays that IPOPT may write to."""
    n, m = task.problem.n, task.problem.m
    if task.start.multipliers is None:
        return np.zeros(m), np.zeros(n), np.zeros(n)
    rows, lower, upper = task.start.multipliers
    return np.array(rows, float), np.array(lower, float), np.array(upper, float)
