"""Measure how long it takes from `import` to the first solution, in fresh processes.

    python -m benchmarks.first_use

Each route imports its package, declares Hock-Schittkowski 71, solves it by Ipopt, then solves a second
problem (chained Rosenbrock, n = 1000) in the same process. "first" is the first use after installation, with
an empty cache of compiled code; "again" is a later process. No persistent compile cache of JAX in either.
"""

from __future__ import annotations

import argparse
import compileall
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import apart, command_line, contenders, tables
from benchmarks.measure import machine

ROUTES = ("lagrad", "lagrad_trust_constr", "casadi", "asdex", "pounce")
PACKAGES = {"lagrad_trust_constr": "lagrad", "casadi": "casadi_mx"}
OPTIMUM = 17.0140173
NOTE = (
    "Seconds. process: from starting Python to its end, both problems; import, first solution: from `import` "
    "until the package is there and until HS71 is solved; second: declaration to solution of chained "
    "Rosenbrock n = 1000 in the same process. The median of the processes with warm caches. Bytecode of all "
    "packages is there, as after an installation."
)
COLUMNS = ("route", "caches", "import s", "first solution s", "second s", "process s", "failure")


def precompile() -> None:
    """Compile lagrad to bytecode, as pip does at installation.

    Where Python may not write any, as `PYTHONDONTWRITEBYTECODE` says, a process would compile it all anew.
    """
    compileall.compile_dir(apart.ROOT / "lagrad", quiet=1)


def run(route: str, caches: Path, is_first: bool) -> dict:
    """One process by one route."""
    command = [sys.executable, "-m", "benchmarks.first_use_worker", route]
    begin = time.perf_counter()
    caching = apart.environment() | {"NUMBA_CACHE_DIR": str(caches)}
    process = subprocess.run(command, cwd=apart.ROOT, env=caching, capture_output=True, text=True)
    seconds = time.perf_counter() - begin
    row = {"route": route, "caches": "first" if is_first else "again"}
    if process.returncode != 0:
        return row | {"failure": process.stderr.strip().splitlines()[-1][:200]}
    row |= json.loads(process.stdout.strip().splitlines()[-1])
    if abs(row.pop("objective") - OPTIMUM) > 1e-5:
        row["failure"] = "another optimum"
    return row | {"process s": seconds}


def median_row(rows: list[dict]) -> dict:
    """The row whose time to the first solution is the median; a failure before any."""
    failed = [row for row in rows if "failure" in row]
    return failed[0] if failed else sorted(rows, key=lambda row: row["first solution s"])[len(rows) // 2]


def measure(route: str, repeats: int) -> list[dict]:
    """First use with empty caches, then the median of later processes."""
    with tempfile.TemporaryDirectory() as folder:
        first = run(route, Path(folder), True)
        again = median_row([run(route, Path(folder), False) for _ in range(repeats)])
    return [first, again]


def main(arguments: Sequence[str] | None = None) -> Path:
    """Command line; returns the path of the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--routes", type=command_line.listed)
    parser.add_argument("--quick", action="store_true", help="one process each")
    parser.add_argument("--output", type=Path, default=tables.RESULTS)
    options = parser.parse_args(arguments)
    precompile()
    about = machine()
    installed = [route for route in ROUTES if contenders.is_installed(PACKAGES.get(route, route))]
    rows = [row for route in options.routes or installed for row in measure(route, 1 if options.quick else 5)]
    table = tables.markdown(COLUMNS, [[row.get(key) for key in COLUMNS] for row in rows])
    stem = "first_use_quick" if options.quick else "first_use"
    note = f"{NOTE}\n\nMachine: {about}."
    path = tables.write(stem, "From import to solution", note, rows, table, options.output)
    print(path.read_text())
    return path


if __name__ == "__main__":
    main()
