"""What does a small solve cost? lagrad beside CasADi, an iteration's overhead, solves in threads.

    python -m benchmarks.small_solves

A chain of ten variables with params, solved again and again with other params: processor time a solve. Hock
and Schittkowski's problem 71 from ready Derivatives to a Solution; what Python adds to an iteration.
Many solves in one thread, in two and in two processes, see `side_by_side.py`; SPRAL wants
`OMP_CANCELLATION=TRUE OMP_NUM_THREADS=1` before the command and `--linear-solvers mumps spral` behind it.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import jax.numpy as jnp
import numpy as np

import lagrad
from benchmarks import side_by_side, tables
from benchmarks.measure import machine
from benchmarks.overhead import hs71

SIZE, LARGER, REPEATS, MANY = 10, 200, 600, 500
# As they are met, one after the other: each program's code is in the caches while its turn lasts.
BLOCK = 20
NOTE = (
    "Medians of {repeats} solves in a warm process, lagrad and CasADi by turns of {block}; processor time. "
    "Both use Ipopt 3.14 with MUMPS, tol 1e-8, from the same start. Threads: wall time of {many} solves, a "
    "tenth as many of n = 200, the best of {rounds} by turns. Outside Ipopt Python's lock is held, in linear "
    "systems MUMPS's; two processes share no lock, so that what they gain is what the machine gives, but "
    "for SPRAL, which is many times slower in some threads and processes as long as they live."
)
COLUMNS = ("question", "answer", "unit")


def chain(x, p):
    """Rosenbrock's chain around p."""
    return jnp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (p - x[:-1]) ** 2)


def ring(x, p):
    """Products of neighbours."""
    return x[1:] * x[:-1]


def problem(size: int = SIZE) -> lagrad.Problem:
    """Ten variables or more, a row less, a param."""
    rows = {"ring": lagrad.Inequality(ring, upper=2.0)}
    return lagrad.Problem(chain, np.full(size, 0.5), rows, (-3.0, 3.0), params=np.float64(1.0))


def in_casadi() -> Callable[[float], float]:
    """p -> optimal objective, by CasADi."""
    import casadi

    from benchmarks.contenders.casadi_model import OPTIONS

    x, p = casadi.SX.sym("x", SIZE), casadi.SX.sym("p")
    objective = casadi.sum1(100 * (x[1:] - x[:-1] ** 2) ** 2 + (p - x[:-1]) ** 2)
    nlp = {"x": x, "p": p, "f": objective, "g": x[1:] * x[:-1]}
    solver = casadi.nlpsol("solver", "ipopt", nlp, OPTIONS)

    def solve(value: float) -> float:
        sides = {"lbx": -3.0, "ubx": 3.0, "lbg": -np.inf, "ubg": 2.0}
        return float(solver(x0=np.full(SIZE, 0.5), p=value, **sides)["f"])

    return solve


def medians(routes: dict[str, Callable[[float], object]], repeats: int) -> dict[str, float]:
    """Milliseconds of processor time a call of each route, in rows of BLOCK calls by turns."""
    spent: dict[str, list[float]] = {name: [] for name in routes}
    for first in range(0, repeats, BLOCK):
        for name, call in routes.items():
            for turn in range(first, min(first + BLOCK, repeats)):
                began = time.thread_time()
                call(1.0 + 0.001 * turn)
                spent[name].append(time.thread_time() - began)
    return {name: 1e3 * statistics.median(times) for name, times in spent.items()}


def iteration_overhead(ready: lagrad.Derivatives, repeats: int) -> float:
    """Microseconds an iteration beside the callbacks, IPOPT's own work included: all iterations less two."""

    def own(limit: int | None) -> tuple[float, int]:
        found = []
        for _ in range(repeats):
            began = time.thread_time()
            solution = lagrad.solve(ready, "ipopt", max_iterations=limit)
            found.append(time.thread_time() - began - solution.timings["callbacks"])
        return statistics.median(found), solution.iterations

    (short, few), (long, all_of_them) = own(2), own(None)
    return 1e6 * (long - short) / (all_of_them - few)


def main(arguments: Sequence[str] | None = None) -> Path:
    """Command line; returns the path of the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--many", type=int, default=MANY)
    parser.add_argument("--linear-solvers", nargs="*", default=["mumps"])
    parser.add_argument("--output", type=Path, default=tables.RESULTS)
    options = parser.parse_args(arguments)
    ready, small = lagrad.differentiate(problem()), lagrad.differentiate(hs71())
    routes: dict[str, Callable[[float], object]] = {
        "lagrad": lambda p: lagrad.solve(ready, "ipopt", params=np.float64(p)),
        "CasADi": in_casadi(),
    }
    objectives = float(routes["lagrad"](1.0).objective), routes["CasADi"](1.0)  # type: ignore[attr-defined]
    assert abs(objectives[0] - objectives[1]) <= 1e-6 * max(1.0, abs(objectives[1])), objectives
    spent = medians(routes, options.repeats)
    whole = medians({"hs71": partial(lambda p: lagrad.solve(small, "ipopt"))}, options.repeats)["hs71"]
    rows = [
        ("n = 10 with params, lagrad", spent["lagrad"], "ms"),
        ("n = 10 with params, CasADi", spent["CasADi"], "ms"),
        ("lagrad / CasADi", spent["lagrad"] / spent["CasADi"], ""),
        ("HS71, ready Derivatives to Solution", whole, "ms"),
        ("an iteration of HS71 beside the callbacks", iteration_overhead(small, options.repeats), "us"),
    ]
    for name in options.linear_solvers:
        for size, many in ((SIZE, options.many), (LARGER, options.many // 10)):
            rows += side_by_side.rows(partial(problem, size), many, name)
    found = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    counts = {"repeats": options.repeats, "block": BLOCK, "many": options.many, "rounds": side_by_side.ROUNDS}
    note = f"{NOTE.format(**counts)}\n\nMachine: {machine()}."
    table = tables.markdown(COLUMNS, rows)
    path = tables.write("small_solves", "Small solves", note, found, table, options.output)
    print(path.read_text())
    return path


if __name__ == "__main__":
    main()
