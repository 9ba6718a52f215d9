"""Tell whether the known optima are reached: every Hock-Schittkowski problem by every solver.

python -m benchmarks.hock_schittkowski
python -m benchmarks.hock_schittkowski --problems hs6,hs71 --methods ipopt
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import lagrad
import lagrad_problems
from benchmarks import command_line, tables
from benchmarks.measure import machine
from lagrad.solvers.ipopt.library import VARIABLE
from lagrad.solvers.methods import METHODS

TOLERANCE = 1e-6
MEDIANS = ("iterations", "evaluations", "seconds")
QUICK = ("hs6", "hs35", "hs71")
NOTE = (
    "Each problem from its own start, tol 1e-8. Difference: of the objective from the known optimum, "
    "relative to its size or one. Solved: the method calls the point a solution and the difference is at "
    "most 1e-6; another optimum: likewise for another known local one. Seconds: the whole of `lagrad.solve` "
    "from ready Derivatives. Evaluations: of f and c, of gradient and Jacobian, of the Hessian, added up."
)
COLUMNS = ("problem", "n", "m", "method", "verdict", "objective", "difference", "iterations", "evaluations")
COLUMNS += ("seconds",)
# IPOPT by its other way, too.
CYIPOPT = "ipopt through cyipopt"
SOLVERS = (*METHODS, CYIPOPT)


def names() -> list[str]:
    """Hock-Schittkowski problems of the registry."""
    return [name for name in lagrad_problems.names() if name.startswith("hs")]


def difference(objective: float, optimum: float) -> float:
    """Relative to the optimum's size, or to one."""
    return abs(objective - optimum) / max(1.0, abs(optimum))


def verdict(solution: lagrad.Solution, entry: lagrad_problems.Entry) -> str:
    """ "solved", "another optimum", or the status."""
    if not solution.success:
        return f"not solved: {solution.status}"
    if entry.optimum is None:
        return "optimum unknown"
    if difference(solution.objective, entry.optimum) <= TOLERANCE:
        return "solved"
    known = [other for other in entry.other_optima if difference(solution.objective, other) <= TOLERANCE]
    return "another optimum" if known else "wrong"


def measure(name: str, method: str) -> dict:
    """One problem by one method; an exception is a row."""
    entry = lagrad_problems.get(name)
    row = {"problem": name, "n": entry.n, "m": entry.m, "method": method}
    try:
        os.environ[VARIABLE] = "cyipopt" if method == CYIPOPT else ""
        ready = compiled(name)
        begin = time.perf_counter()
        solution = lagrad.solve(ready, method.partition(" ")[0], tol=1e-8)
    except Exception as error:  # a benchmark keeps its failures
        return row | {"verdict": f"{type(error).__name__}: {error}"[:200]}
    row |= {"verdict": verdict(solution, entry), "objective": float(solution.objective)}
    if entry.optimum is not None:
        row["difference"] = difference(solution.objective, entry.optimum)
    counts = solution.evaluations
    row["evaluations"] = counts["objective"] + counts["gradient"] + counts["hessian"]
    return row | {"iterations": solution.iterations, "seconds": time.perf_counter() - begin}


@cache
def compiled(name: str) -> lagrad.Derivatives:
    """Derivatives of a problem, the same for every solver."""
    return lagrad.differentiate(lagrad_problems.get(name).problem)


def summary(rows: Sequence[dict]) -> str:
    """A line for each solver: how many optima, and medians over what it solved."""
    lines = []
    for method in dict.fromkeys(row["method"] for row in rows):
        mine = [row for row in rows if row["method"] == method]
        good = [row for row in mine if row["verdict"] in ("solved", "another optimum")]
        middle = [statistics.median(row[key] for row in good) if good else None for key in MEDIANS]
        lines.append([method, f"{len(good)} of {len(mine)}", *middle])
    return tables.markdown(("method", "optimum reached", *(f"median {key}" for key in MEDIANS)), lines)


def main(arguments: Sequence[str] | None = None) -> Path:
    """Command line; returns the path of the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--problems", type=command_line.listed)
    parser.add_argument("--methods", type=command_line.listed, default=list(SOLVERS))
    parser.add_argument("--quick", action="store_true", help="three problems")
    parser.add_argument("--output", type=Path, default=tables.RESULTS)
    options = parser.parse_args(arguments)
    about = machine()
    rows = []
    for name in options.problems or (QUICK if options.quick else names()):
        rows += [measure(name, method) for method in options.methods]
        print(name, [row["verdict"] for row in rows[-len(options.methods) :]], flush=True)
    table = tables.markdown(COLUMNS, [[row.get(key) for key in COLUMNS] for row in rows])
    solved = sum(row["verdict"] in ("solved", "another optimum") for row in rows)
    table = summary(rows) + "\n" + table
    stem = "hock_schittkowski_quick" if options.quick else "hock_schittkowski"
    note = f"{NOTE}\n\n{solved} of {len(rows)} solved.\n\nMachine: {about}."
    path = tables.write(stem, "Hock-Schittkowski by every solver", note, rows, table, options.output)
    print(path.read_text())
    return path


if __name__ == "__main__":
    main()
