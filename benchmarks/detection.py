"""Measure how fast lagrad and asdex find sparsity patterns, and how many entries they give.

python -m benchmarks.detection --quick
LAGRAD_PGLIB=FOLDER python -m benchmarks.detection
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import apart, command_line, tables
from benchmarks.cases import catalog
from benchmarks.measure import machine

DETECTORS = ("lagrad", "asdex")
CASES = (
    *(f"chained_rosenbrock:{n}" for n in (1000, 10_000, 100_000, 1_000_000)),
    "gather_network:100000",
    "elliptic_control:20000",
    *catalog.power(),
)
QUICK = ("chained_rosenbrock:1000", "gather_network:1000", "acopf:synthetic-100")
NOTE = (
    "Pattern of the Jacobian and of the Lagrangian's Hessian (both triangles), each from the function, "
    "tracing included: the fastest of seven calls in a process of its own. Entries: fewer is better as long "
    "as none is missing, which `benchmarks.derivatives` checks. Memory: peak of the process."
)
COLUMNS = {
    "case": "case",
    "contender": "detector",
    "n": "n",
    "jacobian_s": "J pattern s",
    "jacobian_nnz": "J entries",
    "hessian_s": "H pattern s",
    "hessian_nnz": "H entries",
    "ratio": "times faster than asdex",
    "peak_mb": "peak MB",
    "failure": "failure",
}


def total(row: dict) -> float:
    """Seconds for both patterns, nan where one is missing."""
    return row.get("jacobian_s", float("nan")) + row.get("hessian_s", float("nan"))


def compared(rows: list[dict]) -> list[dict]:
    """Rows of one case, each with its speed relative to asdex."""
    base = [total(row) for row in rows if row["contender"] == "asdex"]
    return [row | ({"ratio": base[0] / total(row)} if base else {}) for row in rows]


def measure(case: str, limits: apart.Limits) -> list[dict]:
    """Both detectors on one case, each in its own process."""
    rows = []
    for detector in DETECTORS:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(apart.run(case, detector, Path(folder), limits, "benchmarks.detection_worker"))
        print({key: rows[-1].get(key) for key in COLUMNS}, flush=True)
    return compared(rows)


def main(arguments: Sequence[str] | None = None) -> Path:
    """Command line; returns the path of the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=command_line.listed)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seconds", type=float, default=300.0, help="limit per process")
    parser.add_argument("--output", type=Path, default=tables.RESULTS)
    options = parser.parse_args(arguments)
    limits = apart.Limits(options.seconds, solve=False)
    about = machine()
    rows = []
    for case in options.cases or (QUICK if options.quick else CASES):
        rows += measure(case, limits)
    table = tables.markdown(list(COLUMNS.values()), [[row.get(key) for key in COLUMNS] for row in rows])
    stem = "detection_quick" if options.quick else "detection"
    path = tables.write(
        stem, "Pattern detection", f"{NOTE}\n\nMachine: {about}.", rows, table, options.output
    )
    print(path.read_text())
    return path


if __name__ == "__main__":
    main()
