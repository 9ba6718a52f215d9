"""Run one case by one contender in a process of its own, under limits; a failure is a row, too."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from benchmarks.cases import catalog

ROOT = Path(__file__).parent.parent
# Solved by every contender before the clock starts: what a process pays once is not in the table.
TINY = "chained_rosenbrock:5"


@dataclass(frozen=True)
class Limits:
    """What one process may use, what it is asked to do, and the checkout whose code it runs."""

    seconds: float = 600.0
    megabytes: float = 14_000.0
    solve: bool = True
    budget: float = 1.0
    root: Path = ROOT


def resident_megabytes(pid: int) -> float:
    """Resident memory of a process now; 0 where /proc does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    lines = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return float(lines[0].split()[1]) / 1e3 if lines else 0.0


def watch(process: subprocess.Popen, limits: Limits) -> str | None:
    """Wait for a process; kill it beyond its limits and say which."""
    stop = time.monotonic() + limits.seconds
    while process.poll() is None:
        if time.monotonic() > stop:
            process.kill()
            return f"over {limits.seconds:.0f} s"
        if resident_megabytes(process.pid) > limits.megabytes:
            process.kill()
            return f"over {limits.megabytes / 1e3:.0f} GB"
        time.sleep(0.05)
    return None


def last_words(path: Path) -> str:
    """The last line a process wrote to its error stream."""
    lines = [line.strip() for line in path.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:200] if lines else "no message"


def environment(root: Path = ROOT) -> dict[str, str]:
    """This process's environment without a persistent compile cache of JAX; a checkout's code comes first."""
    kept = {key: value for key, value in os.environ.items() if key != "JAX_COMPILATION_CACHE_DIR"}
    paths = [str(root), str(root / "problems"), *(path or os.getcwd() for path in sys.path)]
    return kept | {"PYTHONPATH": os.pathsep.join(paths)}


@lru_cache(maxsize=2)
def pickled(case: str) -> bytes:
    """The case's numbers; kept for the next contender."""
    return pickle.dumps(catalog.build(case))


def hand_out(case: str, folder: Path) -> None:
    """Put what a worker reads into its folder: the case, and the tiny one that comes before."""
    (folder / "case.pickle").write_bytes(pickled(case))
    (folder / "tiny.pickle").write_bytes(pickled(TINY))


def supervised(command: list[str], folder: Path, limits: Limits) -> str | None:
    """Run a Python module in its own process and say what went wrong, None if nothing did.

    Args:
        command: what comes after `python -m`.
        folder: where its error stream goes.
        limits: time and memory.
    """
    errors = folder / "errors.txt"
    with errors.open("w") as stream:
        whole = [sys.executable, "-m", *command]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": stream}
        process = subprocess.Popen(whole, cwd=limits.root, env=environment(limits.root), **quiet)
        broken = watch(process, limits)
    if broken is None and process.returncode != 0:
        return f"{last_words(errors)} (exit {process.returncode})"
    return broken


def run(
    case: str, contender: str, folder: Path, limits: Limits = Limits(), worker: str = "benchmarks.worker"
) -> dict:
    """One row of the table.

    Args:
        case: name of the case.
        contender: name of the contender.
        folder: an existing folder for this run alone; `row.json` and `matrices.npz` are written there.
        limits: time, memory, whether to solve.
        worker: the module to run.

    Returns:
        dict with case, contender, what was measured, and `failure` where a stage did not end.
    """
    hand_out(case, folder)
    command = [worker, contender, str(folder)]
    if worker == "benchmarks.worker":
        command += ["--budget", str(limits.budget)] + (["--solve"] if limits.solve else [])
    broken = supervised(command, folder, limits)
    row = {"case": case, "contender": contender}
    path = folder / "row.json"
    row |= json.loads(path.read_text()) if path.exists() else {"stage": "start"}
    if broken is not None:
        row["failure"] = f"{row['stage']}: {broken}"
    return row
