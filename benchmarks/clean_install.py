"""Does lagrad solve where there is no compiler? PGLib's networks in, their costs from fresh environments out.

    python -m benchmarks.clean_install FOLDER
    python -m benchmarks.clean_install FOLDER --networks case5_pjm --ways wheel

Two environments are made in a temporary folder, with nothing on PATH but their own programs: one by
`pip install '.[ipopt]'`, one from the wheel that pip builds. In each, IPOPT solves the networks. FOLDER is as
for `benchmarks.opf`. Packages come from the registry that pip is set up for.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time
import venv
from collections.abc import Sequence
from pathlib import Path

from benchmarks import command_line, tables
from benchmarks.measure import machine
from benchmarks.opf import TOLERANCE, networks, published

ROOT = Path(__file__).parents[1]
WAYS = ("source", "wheel")
COMPILERS = ("cc", "gcc", "clang", "g++", "gfortran", "make", "cmake", "ld")
COLUMNS = ("installed from", "network", "status", "cost USD/h", "difference", "seconds", "Ipopt")
NOTE = (
    "Nothing on PATH but the environment's own programs, no compiler among them. Difference: from the "
    "published cost, of five digits. Seconds: file to Solution, compilation included. Installing took {}."
)
SOLVE = """
import json, sys, time
import lagrad
from lagrad_problems import opf
for path in sys.argv[1:]:
    began = time.perf_counter()
    solution = lagrad.solve(opf.ac_opf(path).problem, "ipopt")
    spent = time.perf_counter() - began
    print(json.dumps([str(solution.status), float(solution.objective), spent, solution.versions["ipopt"]]))
"""


def environment(folder: Path) -> dict[str, str]:
    """A new virtual environment's variables: its own programs on PATH, and no compiler by another name.

    Raises:
        RuntimeError: a compiler is there all the same.
    """
    venv.create(folder, with_pip=True)
    path = str(folder / ("Scripts" if os.name == "nt" else "bin"))
    found = [name for name in COMPILERS if shutil.which(name, path=path)]
    if found:
        raise RuntimeError(f"{path} has {', '.join(found)}, expected no compiler")
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "LAGRAD_IPOPT")}
    return kept | {"PATH": path, "CC": "false", "CXX": "false", "FC": "false"}


def install(way: str, folder: Path, variables: dict[str, str]) -> None:
    """Install lagrad with IPOPT from its source, or from the wheel that pip builds of it."""
    pip = [folder / "bin" / "python", "-m", "pip", "--quiet", "--disable-pip-version-check"]
    what = str(ROOT)
    if way == "wheel":
        wheels = folder / "wheels"
        run([*pip, "wheel", "--no-deps", "--wheel-dir", wheels, ROOT], variables, folder)
        (what,) = map(str, wheels.glob("lagrad-*.whl"))
    run([*pip, "install", f"{what}[ipopt]"], variables, folder)


def run(command: Sequence[object], variables: dict[str, str], folder: Path) -> str:
    """What a command prints, run where lagrad's sources are not found by themselves."""
    words = list(map(str, command))
    return subprocess.run(
        words, env=variables, cwd=folder, check=True, text=True, stdout=subprocess.PIPE
    ).stdout


def measure(way: str, files: Sequence[Path], costs: dict[str, float]) -> tuple[list[dict], float]:
    """A row a network, and the seconds that installing took."""
    with tempfile.TemporaryDirectory() as name:
        folder, began = Path(name) / "environment", time.perf_counter()
        variables = environment(folder)
        install(way, folder, variables)
        spent = time.perf_counter() - began
        told = run([folder / "bin" / "python", "-c", SOLVE, *files], variables, folder).splitlines()
    rows = []
    for file, line in zip(files, told, strict=True):
        network, (status, cost, seconds, version) = file.stem.removeprefix("pglib_opf_"), json.loads(line)
        difference = abs(cost - costs[network]) / abs(costs[network])
        values = (way, network, status, cost, difference, seconds, version)
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    return rows, spent


def main(arguments: Sequence[str] | None = None) -> Path:
    """Command line; returns the path of the table; the exit status tells whether all costs are right."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--networks", type=command_line.listed, help="default: all in the folder")
    parser.add_argument("--ways", type=command_line.listed, default=list(WAYS))
    parser.add_argument("--output", type=Path, default=tables.RESULTS)
    options = parser.parse_args(arguments)
    costs, rows, spent = published(options.folder), [], {}
    names = options.networks or networks(options.folder)
    files = [(options.folder / f"pglib_opf_{name}.m").resolve() for name in names]
    for way in options.ways:
        found, spent[way] = measure(way, files, costs)
        rows += found
        print(way, [(row["network"], row["difference"]) for row in found], flush=True)
    table = tables.markdown(COLUMNS, [[row[key] for key in COLUMNS] for row in rows])
    took = ", ".join(f"{seconds:.0f} s from the {way}" for way, seconds in spent.items())
    note = f"{NOTE.format(took)}\n\nMachine: {machine()}."
    path = tables.write("clean_install", "Without a compiler", note, rows, table, options.output)
    print(path.read_text())
    if any(row["difference"] > TOLERANCE or row["status"] != "optimal" for row in rows):
        raise SystemExit("Not every network was solved to its published cost.")
    return path


if __name__ == "__main__":
    main()
