"""How long are many small problems in getting ready, one after the other? Names in, seconds of each out.

python -m benchmarks.ready_together                 all of Hock and Schittkowski
python -m benchmarks.ready_together --problems hs6,hs71
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import lagrad
import lagrad_problems
from benchmarks import tables
from benchmarks.hock_schittkowski import names
from benchmarks.measure import machine

NOTE = (
    "Seconds from declaration to compiled derivatives, all problems in one process, after a tiny one. "
    "CPU: of all threads."
)
SHOWN = 12


def row(name: str) -> dict:
    """One problem."""
    begin, cpu = time.perf_counter(), time.process_time()
    derivatives = lagrad.differentiate(lagrad_problems.get(name).problem)
    seconds = {"ready s": time.perf_counter() - begin, "CPU s": time.process_time() - cpu}
    return {"problem": name, "n": derivatives.n, "m": derivatives.m, **seconds}


def table(rows: Sequence[dict]) -> str:
    """All together, then the slowest."""
    total = [sum(each[key] for each in rows) for key in ("ready s", "CPU s")]
    slowest = sorted(rows, key=lambda each: -each["CPU s"])[:SHOWN]
    body = [[f"all {len(rows)}", "", "", *total], *([*each.values()] for each in slowest)]
    return tables.markdown(["problem", "n", "m", "ready s", "CPU s"], body)


def main(arguments: Sequence[str] | None = None) -> Path:
    """Command line; returns the path of the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--problems", help="names, separated by commas")
    parser.add_argument("--output", type=Path, default=tables.RESULTS)
    options = parser.parse_args(arguments)
    note = f"{NOTE}\n\nMachine: {machine()}."
    lagrad.differentiate(lagrad.Problem(lambda x: (x**4).sum(), np.ones(3)))
    rows = [row(name) for name in (options.problems.split(",") if options.problems else names())]
    path = tables.write("ready_together", "Small problems together", note, rows, table(rows), options.output)
    print(path.read_text())
    return path


if __name__ == "__main__":
    main()
