"""Do one solve of a sweep in a worker, and give back a Solution whatever happens.

A Cargo crosses process borders as bytes, and is opened once a process: there the problem is declared and
differentiated again, since compiled functions cannot travel. Params, starts and Solutions travel as they are.
"""

from __future__ import annotations

import pickle
import sys
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from lagrad.problem.multipliers import named_rows
from lagrad.problem.problem import Problem
from lagrad.solution.solution import BoundMultipliers, Certificate, History, Solution
from lagrad.solution.status import Status
from lagrad.solvers.solve import prepare, solve

# Problems that a worker process keeps compiled.
KEPT = 4
OPENED: dict[str, Any] = {}
OPENING = threading.Lock()


@dataclass(frozen=True)
class Cargo:
    """A problem on its way to another process.

    Args:
        key: names the sweep, so that a worker opens its problem once.
        content: the pickled problem.
    """

    key: str
    content: bytes


def pack(problem: Problem) -> Cargo:
    """A problem as bytes; lambdas travel too where cloudpickle is installed: JAX imports it then.

    Raises:
        ProblemError: the functions cannot be found by name in another process.
    """
    pickler: Any = sys.modules.get("cloudpickle", pickle)
    return Cargo(uuid.uuid4().hex, pickler.dumps(problem))


def open_cargo(cargo: Cargo) -> Any:
    """Derivatives of a cargo's problem, made when this process first sees it."""
    with OPENING:
        if cargo.key not in OPENED:
            while len(OPENED) >= KEPT:
                del OPENED[next(iter(OPENED))]
            OPENED[cargo.key] = prepare(pickle.loads(cargo.content))[0]
        return OPENED[cargo.key]


def solve_remote(cargo: Cargo, params: Any, x0: Any, options: Mapping[str, Any]) -> Solution:
    """One solve in another process; never raises an exception of the problem's making."""
    try:
        derivatives = open_cargo(cargo)
    except Exception as error:
        return failure(None, error)
    return solve_one(derivatives, params, x0, options)


def solve_one(derivatives: Any, params: Any, x0: Any, options: Mapping[str, Any]) -> Solution:
    """One solve; an exception becomes a Solution with status error."""
    try:
        return solve(derivatives, params=params, x0=x0, **options)
    except Exception as error:
        return failure(derivatives.problem, error, x0)


def failure(problem: Problem | None, error: BaseException, x0: Any = None) -> Solution:
    """The Solution of a solve that raised, with the best point so far if the exception brings it."""
    text = f"{type(error).__name__}: {error}"
    found = getattr(error, "solution", None)
    if isinstance(found, Solution):
        return found.replace(success=False, status=Status.ERROR, message=text)
    return empty(problem, Status.ERROR, text, x0)


def empty(problem: Problem | None, status: Status, message: str, x0: Any = None) -> Solution:
    """A Solution of nothing but its start and the reason; everything else is nan."""
    if problem is None:
        x = rows = bounds = None
    else:
        x = problem.x0 if x0 is None else problem.read_x0(x0)
        rows = named_rows(problem, np.full(problem.m, np.nan))
        bounds = jax.tree.map(lambda leaf: np.full(np.shape(leaf), np.nan), x)
    return Solution(
        x=x,
        objective=np.nan,
        constraints=rows or {},
        multipliers=rows or {},
        bound_multipliers=BoundMultipliers(bounds, bounds),
        success=False,
        status=status,
        message=message,
        iterations=0,
        history=History(),
        evaluations={},
        timings={},
        certificate=Certificate(np.nan, np.nan, np.nan, np.nan, np.nan),
        method="none",
        solver_message=message,
        name=None if problem is None else problem.name,
    )
