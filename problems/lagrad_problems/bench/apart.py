"""Solve one problem by one solver in a process of its own, under limits; a failure is a row, too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

WORKER = "lagrad_problems.bench.worker"
# A process that has not started yet is not late.
STARTING = 30.0


@dataclass(frozen=True)
class Limits:
    """What one process may use; the clock starts when the problem is declared."""

    seconds: float = 60.0
    megabytes: float = 4_000.0


def run(settings: dict, limits: Limits) -> dict:
    """One row.

    Args:
        settings: "problem", "solver", "tol", "max_iterations", "options".
        limits: of the process.

    Returns:
        dict with what the worker measured; "verdict" is "time limit", "memory limit" or "crashed" where it
        did not end, and then "reason" says where.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "settings.json").write_text(json.dumps(settings))
        with (folder / "errors.txt").open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", WORKER, name],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},
            )
            try:
                broken = watched(process, folder / "row.json", limits)
            finally:
                process.kill()
                process.wait()
        row = read(folder / "row.json") or {
            "problem": settings["problem"],
            "solver": settings["solver"],
            "stage": "start",
        }
        if broken is None and row["stage"] != "done":
            broken = "crashed", f"{last_words(folder / 'errors.txt')} (exit {process.returncode})"
    if broken is not None:
        row |= {"verdict": broken[0], "reason": f"{row['stage']}: {broken[1]}"}
    return row


def watched(process: subprocess.Popen, row: Path, limits: Limits) -> tuple[str, str] | None:
    """Wait for a process; (verdict, reason) if it went over a limit."""
    begin, is_started = time.monotonic(), False
    while process.poll() is None:
        now = time.monotonic()
        if not is_started and (row.exists() or now - begin > STARTING):
            is_started, begin = True, now
        if is_started and now - begin > limits.seconds:
            return "time limit", f"over {limits.seconds:g} s"
        if resident_megabytes(process.pid) > limits.megabytes:
            return "memory limit", f"over {limits.megabytes:g} MB"
        time.sleep(0.05)
    return None


def resident_megabytes(pid: int) -> float:
    """Resident memory of a process now; 0 where /proc does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    lines = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return float(lines[0].split()[1]) / 1e3 if lines else 0.0


def read(path: Path) -> dict | None:
    """What the worker wrote last; None if it wrote nothing whole."""
    try:
        return json.loads(path.read_text())
    except (OSError, json.JSONDecodeError):
        return None


def last_words(path: Path) -> str:
    """The last line a process wrote to its error stream."""
    lines = [line.strip() for line in path.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "no message"
