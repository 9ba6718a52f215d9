"""Tell whether set-up, J, H and memory are linear in n, on the chained Rosenbrock problem.

python -m benchmarks.scaling --quick
python -m benchmarks.scaling --contenders lagrad,casadi_mx,pyoptinterface
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks import apart, command_line, contenders, derivatives, tables
from benchmarks.measure import machine

SIZES = (1000, 10_000, 100_000, 1_000_000)
QUICK_SIZES = (100, 1000, 10_000)
COLUMNS = {
    "n": "n",
    "contender": "contender",
    "ready_s": "ready s",
    "setup_trace_s": "trace s",
    "setup_structure_s": "structure s",
    "setup_coloring_s": "coloring s",
    "setup_compile_s": "compile s",
    "jacobian_ms": "J ms",
    "hessian_ms": "H ms",
    "ready_mb": "peak at ready MB",
    "peak_mb": "peak MB",
    "failure": "failure",
}
NOTE = (
    "Chained Rosenbrock with m = n - 2 equalities. Peak memory is the whole process's, imports included; "
    "the exponent is the slope of log(time) against log(n) over the two largest sizes: 1 is linear."
)


def exponent(rows: Sequence[dict], contender: str, key: str) -> float:
    """Slope of log(value) against log(n) over the two largest sizes that were measured."""
    points = sorted((row["n"], row[key]) for row in rows if row["contender"] == contender and key in row)
    if len(points) < 2:
        return float("nan")
    (small, before), (large, after) = points[-2:]
    return float(np.log(after / before) / np.log(large / small))


def exponents(rows: Sequence[dict]) -> str:
    """Table of exponents, one line a contender."""
    keys = ("ready_s", "jacobian_ms", "hessian_ms", "peak_mb")
    names = dict.fromkeys(row["contender"] for row in rows)
    body = [[name, *(exponent(rows, name, key) for key in keys)] for name in names]
    return tables.markdown(["contender", "ready", "J", "H", "memory"], body)


def main(arguments: Sequence[str] | None = None) -> Path:
    """Command line; returns the path of the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--contenders", type=command_line.listed)
    parser.add_argument("--quick", action="store_true", help="up to n = 1e4, short timings")
    parser.add_argument("--solve", action="store_true")
    parser.add_argument("--seconds", type=float, default=600.0, help="limit per process")
    parser.add_argument("--output", type=Path, default=tables.RESULTS)
    options = parser.parse_args(arguments)
    names = options.contenders or [name for name in contenders.installed() if name != "dense_jax"]
    limits = apart.Limits(options.seconds, solve=options.solve, budget=0.2 if options.quick else 1.0)
    about = machine()
    cases = [f"chained_rosenbrock:{n}" for n in (QUICK_SIZES if options.quick else SIZES)]
    rows = [row for case in cases for row in derivatives.measure_case(case, names, limits)]
    body = [[row.get(key) for key in COLUMNS] for row in rows]
    table = tables.markdown(list(COLUMNS.values()), body) + "\nExponents:\n\n" + exponents(rows)
    name = "scaling_quick" if options.quick else "scaling"
    path = tables.write(name, "Linear in n", f"{NOTE}\n\nMachine: {about}.", rows, table, options.output)
    print(path.read_text())
    return path


if __name__ == "__main__":
    main()
