"""Solve AC power flow of PGLib's networks, beside the published costs, and say where the time went.

    python -m benchmarks.opf FOLDER
    python -m benchmarks.opf FOLDER --networks case118_ieee --contenders lagrad,casadi_mx

FOLDER holds the pglib_opf_*.m files, and baseline.json with the published costs if there are any:
{"cases": {"pglib_opf_case3_lmbd": {"ac_cost_usd_per_h": 5812.6}}}.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path

from benchmarks import apart, command_line, derivatives, tables
from benchmarks.measure import machine

QUICK = ("case3_lmbd", "case5_pjm", "case14_ieee")
# Published costs have five significant digits.
TOLERANCE = 1e-4
NOTE = (
    "Set-up: declaration to everything compiled and evaluated once, without imports and without reading the "
    "file. Callbacks: time in derivative code during the solve; Ipopt: the rest of it. All contenders use "
    "Ipopt with MUMPS, tol 1e-8. Difference: of the cost, relative to the published five digits."
)
COLUMNS = {
    "case": "network",
    "contender": "contender",
    "n": "n",
    "m": "m",
    "verdict": "verdict",
    "solve_objective": "cost USD/h",
    "cost_difference": "difference",
    "solve_iterations": "iterations",
    "ready_s": "set-up s",
    "setup_trace_s": "trace s",
    "setup_structure_s": "structure s",
    "setup_coloring_s": "coloring s",
    "setup_compile_s": "compile s",
    "solve_seconds": "solve s",
    "solve_callback_seconds": "callbacks s",
    "ipopt_s": "Ipopt s",
    "total_s": "total s",
    "peak_mb": "peak MB",
}


def networks(folder: Path) -> list[str]:
    """Names of the networks in a folder, small files first."""
    files = sorted(folder.glob("pglib_opf_*.m"), key=lambda path: path.stat().st_size)
    return [path.stem.removeprefix("pglib_opf_") for path in files]


def published(folder: Path) -> dict[str, float]:
    """Published cost by network, empty where the folder has no baseline.json."""
    path = folder / "baseline.json"
    known = json.loads(path.read_text())["cases"] if path.exists() else {}
    return {name.removeprefix("pglib_opf_"): entry["ac_cost_usd_per_h"] for name, entry in known.items()}


def verdict(row: dict) -> str:
    """ "optimal", or what is wrong."""
    if "failure" in row:
        return row["failure"]
    if not row.get("solve_success"):
        return "not optimal"
    return "optimal" if row.get("cost_difference", 0.0) <= TOLERANCE else "another cost"


def judged(row: dict, cost: float | None) -> dict:
    """A row with its difference from the published cost, its split of the solve, and a verdict."""
    row = dict(row)
    if row.get("solve_iterations", 0) < 0:
        row.pop("solve_iterations")
    if cost is not None and "solve_objective" in row:
        row["cost_difference"] = abs(row["solve_objective"] - cost) / abs(cost)
    if "solve_seconds" in row:
        row["ipopt_s"] = row["solve_seconds"] - row["solve_callback_seconds"]
        row["total_s"] = row["ready_s"] + row["solve_seconds"]
    return row | {"verdict": verdict(row)}


def shown(row: dict, key: str):
    """A cell; eight digits of the cost."""
    return f"{row[key]:.8g}" if key == "solve_objective" and key in row else row.get(key)


def main(arguments: Sequence[str] | None = None) -> Path:
    """Command line; returns the path of the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--networks", type=command_line.listed, help="default: all in the folder")
    parser.add_argument("--contenders", type=command_line.listed, default=["lagrad", "casadi_mx"])
    parser.add_argument("--quick", action="store_true", help="the three smallest, short timings")
    parser.add_argument("--seconds", type=float, default=600.0, help="limit per process")
    parser.add_argument("--output", type=Path, default=tables.RESULTS)
    options = parser.parse_args(arguments)
    os.environ["LAGRAD_PGLIB"] = str(options.folder.resolve())
    costs = published(options.folder)
    limits = apart.Limits(options.seconds, budget=0.2 if options.quick else 1.0)
    about = machine()
    rows = []
    for name in options.networks or (QUICK if options.quick else networks(options.folder)):
        found = derivatives.measure_case(f"acopf:{name}", options.contenders, limits)
        rows += [judged(row, costs.get(name)) for row in found]
    body = [[shown(row, key) for key in COLUMNS] for row in rows]
    stem = "opf_quick" if options.quick else "opf"
    note = f"{NOTE}\n\nMachine: {about}."
    table = tables.markdown(list(COLUMNS.values()), body)
    path = tables.write(stem, "AC optimal power flow of PGLib's networks", note, rows, table, options.output)
    print(path.read_text())
    return path


if __name__ == "__main__":
    main()
