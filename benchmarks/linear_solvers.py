"""Which linear solver is fast where? IPOPT with each one that is there, over a few structures.

    python -m benchmarks.linear_solvers
    OMP_CANCELLATION=TRUE python -m benchmarks.linear_solvers --solvers mumps,spral --cases clnlbeam:3003

HSL's solvers are measured if `--hsllib` names their library. SPRAL wants OMP_CANCELLATION=TRUE.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import jax.numpy as jnp
import numpy as np

import lagrad
from benchmarks import command_line, tables
from benchmarks.cases import catalog
from benchmarks.measure import machine
from lagrad.solvers.ipopt.direct import library
from lagrad.solvers.ipopt.linear_solvers import available

CASES = ("chained_rosenbrock:10000", "clnlbeam:3003", "cart_pole:5005", "elliptic_control:5000")
CASES += ("gather_network:1000", "chained_rosenbrock:100000", "cart_pole:50005", "elliptic_control:180000")
# In as many pieces as there are variables: alone, under one budget, and with a row each.
SEPARABLE: dict[str, dict[str, Any]] = {
    "separable": {},
    "separable_budget": {"constraints": lagrad.Equality(lambda x: jnp.mean(x), 0.5)},
    "separable_rows": {"constraints": lagrad.Inequality(lambda x: x**2, 0.5)},
}
# Where a solve takes seconds: MUMPS alone, with and without its scaling.
LARGE = 10_001
# MUMPS as Ipopt has it, and with other orderings than its own.
IPOPTS_OWN = {"mumps, Ipopt's options": {"mumps_scaling": 77}}
ORDERINGS = {
    "mumps, AMD": {"mumps_pivot_order": 0},
    "mumps, AMF": {"mumps_pivot_order": 2},
    "mumps, METIS": {"mumps_pivot_order": 5},
}
# A case is solved so often, or as often as fits into so many seconds.
ROUNDS, SECONDS = 5, 10.0
COLUMNS = ("case", "n", "m", "linear solver", "status", "iterations", "solver s", "whole s")
NOTE = (
    "Solver s: inside IPOPT without the callbacks; whole s: `lagrad.solve` from ready Derivatives; medians "
    f"of {ROUNDS} solves, by turns, or of as many as fit into {SECONDS:g} s. tol 1e-8. 'mumps' is as lagrad "
    "has it by itself: told not to scale, and how to order what falls apart."
)


def problem(case: str) -> lagrad.Problem:
    """A case of the catalog, or one of SEPARABLE by its number of variables."""
    family, _, size = case.partition(":")
    if family not in SEPARABLE:
        return catalog.declare(case)()
    start = np.full(int(size), 3.0)
    return lagrad.Problem(lambda x: jnp.sum((x - 1.0) ** 4 + (x - 1.0) ** 2), start, **SEPARABLE[family])


def settings(names: Sequence[str], libraries: dict[str, str], is_large: bool) -> dict[str, dict]:
    """What is measured: a label and IPOPT's options."""
    with_mumps = {"mumps": {}} | IPOPTS_OWN if "mumps" in names else {}
    if is_large:
        return with_mumps
    others = {name: {"linear_solver": name, **libraries} for name in names if name != "mumps"}
    return with_mumps | (ORDERINGS if with_mumps else {}) | others


def measure(case: str, choices: dict[str, dict], ready: lagrad.Derivatives) -> Iterator[dict]:
    """One case by each linear solver."""
    seconds: dict[str, list[tuple[float, float]]] = {label: [] for label in choices}
    ends = {}
    for _ in range(ROUNDS):
        for label, options in choices.items():
            if sum(whole for _, whole in seconds[label]) < SECONDS:
                began = time.perf_counter()
                ends[label] = lagrad.solve(ready, "ipopt", options=options, time_limit=120.0)
                seconds[label].append((ends[label].timings["solver"], time.perf_counter() - began))
    for label, solution in ends.items():
        inside, whole = map(median, zip(*seconds[label], strict=True))
        yield {
            "case": case,
            "n": ready.n,
            "m": ready.m,
            "linear solver": label,
            "status": str(solution.status),
            "iterations": solution.iterations,
            "solver s": inside,
            "whole s": whole,
        }


def main(arguments: Sequence[str] | None = None) -> Path:
    """Command line; returns the path of the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--cases",
        type=command_line.listed,
        default=[*CASES, *catalog.power(), *(f"{family}:100000" for family in SEPARABLE)],
    )
    parser.add_argument("--solvers", type=command_line.listed, help="all that are there")
    parser.add_argument("--hsllib", help="absolute path of HSL's library")
    parser.add_argument("--output", type=Path, default=tables.RESULTS)
    options = parser.parse_args(arguments)
    libraries = {"hsllib": options.hsllib} if options.hsllib else {}
    names = options.solvers or available(library(), tuple(libraries.items()))
    rows = []
    for case in options.cases:
        ready = lagrad.differentiate(problem(case))
        choices = settings(names, libraries, ready.n >= LARGE)
        for row in measure(case, choices, ready):
            rows.append(row)
            print(row, flush=True)
    table = tables.markdown(COLUMNS, [[row[key] for key in COLUMNS] for row in rows])
    note = f"{NOTE}\n\nMachine: {machine()}."
    path = tables.write("linear_solvers", "IPOPT's linear solvers", note, rows, table, options.output)
    print(path.read_text())
    return path


if __name__ == "__main__":
    main()
