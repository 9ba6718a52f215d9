"""Which linear solver is fast where? IPOPT with each one that is there, over a few structures.

    python -m benchmarks.linear_solvers
    OMP_CANCELLATION=TRUE python -m benchmarks.linear_solvers --solvers mumps,spral --cases clnlbeam:3003

HSL's solvers are measured if `--hsllib` names their library. SPRAL wants OMP_CANCELLATION=TRUE.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import lagrad
from benchmarks import command_line, tables
from benchmarks.cases.families import declaration
from benchmarks.measure import machine
from lagrad.solvers.ipopt.direct import library
from lagrad.solvers.ipopt.linear_solvers import available

CASES = ("chained_rosenbrock:10000", "clnlbeam:3003", "cart_pole:5005", "elliptic_control:5000")
CASES += ("gather_network:1000",)
# Orderings of MUMPS beside its own choice: AMD, AMF, METIS.
ORDERINGS = {"mumps, AMD": 0, "mumps, AMF": 2, "mumps, METIS": 5}
COLUMNS = ("case", "n", "m", "linear solver", "status", "iterations", "solver s", "whole s")
NOTE = (
    "Solver s: inside IPOPT without the callbacks; whole s: `lagrad.solve` from ready Derivatives. tol 1e-8."
)


def settings(names: Sequence[str], libraries: dict[str, str]) -> dict[str, dict]:
    """What is measured: a label and IPOPT's options."""
    found = {name: {"linear_solver": name, **libraries} for name in names}
    if "mumps" in names:
        found |= {
            label: {"linear_solver": "mumps", "mumps_pivot_order": order}
            for label, order in ORDERINGS.items()
        }
    return found


def measure(case: str, label: str, options: dict, ready: lagrad.Derivatives) -> dict:
    """One case by one linear solver."""
    began = time.perf_counter()
    solution = lagrad.solve(ready, "ipopt", options=options, time_limit=120.0)
    return {
        "case": case,
        "n": ready.n,
        "m": ready.m,
        "linear solver": label,
        "status": str(solution.status),
        "iterations": solution.iterations,
        "solver s": solution.timings["solver"],
        "whole s": time.perf_counter() - began,
    }


def main(arguments: Sequence[str] | None = None) -> Path:
    """Command line; returns the path of the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=command_line.listed, default=list(CASES))
    parser.add_argument("--solvers", type=command_line.listed, help="all that are there")
    parser.add_argument("--hsllib", help="absolute path of HSL's library")
    parser.add_argument("--output", type=Path, default=tables.RESULTS)
    options = parser.parse_args(arguments)
    libraries = {"hsllib": options.hsllib} if options.hsllib else {}
    names = options.solvers or available(library(), tuple(libraries.items()))
    rows = []
    for case in options.cases:
        ready = lagrad.differentiate(declaration(*case.split(":"))())
        for label, given in settings(names, libraries).items():
            rows.append(measure(case, label, given, ready))
            print(rows[-1], flush=True)
    table = tables.markdown(COLUMNS, [[row[key] for key in COLUMNS] for row in rows])
    note = f"{NOTE}\n\nMachine: {machine()}."
    path = tables.write("linear_solvers", "IPOPT's linear solvers", note, rows, table, options.output)
    print(path.read_text())
    return path


if __name__ == "__main__":
    main()
