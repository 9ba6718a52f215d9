"""Measure how soon the same problem is ready in another process.

    python -m benchmarks.second_process

Element derivatives are machine code, made anew in milliseconds: nothing is kept on disk, and nothing that was
kept can be wrong. What XLA compiles can be kept by JAX's own cache, if the user says where.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks import apart, command_line, tables
from benchmarks.cases import catalog
from benchmarks.measure import machine

NOTE = (
    "Seconds of `lagrad.differentiate` in a process that has imported lagrad and started JAX, median of the "
    "processes. With a cache: `jax_compilation_cache_dir` names a folder that an earlier process filled."
)
COLUMNS = ("case", "n", "strategies", "no cache", "with a cache")


def cases() -> tuple[str, ...]:
    """Small and large ones that are elements, and a network that XLA compiles."""
    sized = ("chained_rosenbrock:10", "chained_rosenbrock:10000", "cart_pole:5005", "elliptic_control:20000")
    return (*sized, catalog.power()[1], "tanh_network:224")


def ready(case: str, *folder: str) -> dict:
    """One fresh process."""
    command = [sys.executable, "-m", "benchmarks.second_process_worker", case, *folder]
    process = subprocess.run(
        command, cwd=apart.ROOT, env=apart.environment(), capture_output=True, text=True, check=True
    )
    return json.loads(process.stdout.strip().splitlines()[-1])


def measure(case: str, repeats: int) -> dict:
    """Processes without a cache, one that fills a cache, processes that find it filled."""
    with tempfile.TemporaryDirectory() as folder:
        plain = [ready(case) for _ in range(repeats)]
        ready(case, folder)
        cached = [ready(case, folder) for _ in range(repeats)]
    return plain[0] | {
        "case": case,
        "no cache": median(row["ready"] for row in plain),
        "with a cache": median(row["ready"] for row in cached),
    }


def main(arguments: Sequence[str] | None = None) -> Path:
    """Command line; returns the path of the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=command_line.listed)
    parser.add_argument("--quick", action="store_true", help="one process each")
    parser.add_argument("--output", type=Path, default=tables.RESULTS)
    options = parser.parse_args(arguments)
    about = machine()
    rows = [measure(case, 1 if options.quick else 5) for case in options.cases or cases()]
    table = tables.markdown(COLUMNS, [[row[key] for key in COLUMNS] for row in rows])
    stem = "second_process_quick" if options.quick else "second_process"
    note = f"{NOTE}\n\nMachine: {about}."
    path = tables.write(stem, "Ready in another process", note, rows, table, options.output)
    print(path.read_text())
    return path


if __name__ == "__main__":
    main()
