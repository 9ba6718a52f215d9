"""Is a solve that was stopped worth going on from? Solves stopped at one and at two thirds, finished.

    python -m benchmarks.resuming
    python -m benchmarks.resuming --problems rocket,ac_opf

Iterations that remain: with the stopped Solution as `warm_start`, from its point alone, from the start.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import lagrad
import lagrad_problems
from benchmarks import command_line, tables
from benchmarks.measure import machine

PROBLEMS = ("ac_opf", "cam_shape", "clnlbeam", "gas_transport", "low_thrust_trapezoid", "marine")
PROBLEMS += ("quadrotor_trapezoid", "robot_arm", "rocket", "steering")
PARTS = (1 / 3, 2 / 3)
LIMIT = 1500
COLUMNS = ("problem", "n", "stopped after", "warm start", "from its point", "from the start", "same optimum")
NOTE = (
    "Iterations of IPOPT, tol 1e-8. Same optimum: objectives of the whole and of the resumed solve agree to "
    "1e-6, relative to their size or one. A solve that found no solution has a minus."
)


def measure(name: str) -> Iterator[dict]:
    """The rows of a problem."""
    ready = lagrad.differentiate(lagrad_problems.get(name).problem)
    whole = lagrad.solve(ready, "ipopt", max_iterations=LIMIT)
    for part in PARTS:
        stopped = lagrad.solve(ready, "ipopt", max_iterations=max(1, int(whole.iterations * part)))
        warm = lagrad.solve(ready, "ipopt", warm_start=stopped, max_iterations=LIMIT)
        cold = lagrad.solve(ready, "ipopt", x0=stopped.x, max_iterations=LIMIT)
        difference = abs(warm.objective - whole.objective) / max(1.0, abs(whole.objective))
        yield {
            "problem": name,
            "n": ready.n,
            "stopped after": stopped.iterations,
            "warm start": signed(warm),
            "from its point": signed(cold),
            "from the start": signed(whole),
            "same optimum": "yes" if difference <= 1e-6 else f"{difference:.1e} away",
        }


def signed(solution: lagrad.Solution) -> int:
    """Iterations of a solve, negative if it did not succeed."""
    return solution.iterations if solution.success else -solution.iterations


def main(arguments: Sequence[str] | None = None) -> Path:
    """Command line; returns the path of the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--problems", type=command_line.listed, default=list(PROBLEMS))
    parser.add_argument("--output", type=Path, default=tables.RESULTS)
    options = parser.parse_args(arguments)
    rows = [row for name in options.problems for row in measure(name)]
    table = tables.markdown(COLUMNS, [[row[key] for key in COLUMNS] for row in rows])
    note = f"{NOTE}\n\nMachine: {machine()}."
    path = tables.write("resuming", "Going on from a stopped solve", note, rows, table, options.output)
    print(path.read_text())
    return path


if __name__ == "__main__":
    main()
