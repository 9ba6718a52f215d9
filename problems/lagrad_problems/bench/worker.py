"""Solve one problem by one solver in this process, and write `row.json` anew at each stage.

Started by `lagrad_problems.bench.apart`: python -m lagrad_problems.bench.worker FOLDER
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import lagrad
from lagrad_problems.bench.selection import entry as find
from lagrad_problems.entry import Entry


def verdict(entry: Entry, solution: lagrad.Solution) -> str:
    """One word on an outcome.

    "solved": what is known was found, or the status that was to be expected. "unconfirmed": the solver calls
    its point a solution, and no optimum is known. "elsewhere": it does, at an objective that is not known.
    Otherwise the solver's status.

    >>> from lagrad_problems import get
    >>> verdict(get("hs35"), lagrad.solve(get("hs35").problem, "trust-constr"))
    'solved'
    """
    if entry.outcome is not lagrad.Status.OPTIMAL:
        return "solved" if solution.status is entry.outcome else str(solution.status)
    if not solution.success:
        return str(solution.status)
    if entry.optimum is None:
        return "unconfirmed"
    return "solved" if entry.is_optimum(solution.objective) else "elsewhere"


def facts(entry: Entry) -> dict:
    """What a row says of the problem."""
    return {
        "n": entry.n,
        "m": entry.m,
        "kind": entry.kind,
        "difficulty": entry.difficulty,
        "optimum": entry.optimum,
    }


def outcome(entry: Entry, solution: lagrad.Solution) -> dict:
    """What a row says of the solve."""
    check = solution.certificate
    return {
        "verdict": verdict(entry, solution),
        "status": str(solution.status),
        "objective": float(solution.objective),
        "error": float(check.error),
        "iterations": int(solution.iterations),
        "evaluations": int(solution.evaluations.get("objective", 0)),
    }


def run(folder: Path) -> None:
    """All stages: declare, differentiate, solve."""
    settings = json.loads((folder / "settings.json").read_text())
    row: dict = {"problem": settings["problem"], "solver": settings["solver"], "stage": "declaration"}

    def report() -> None:
        (folder / "row.json").write_text(json.dumps(row))

    report()
    entry = find(settings["problem"])
    row |= facts(entry) | {"stage": "set-up"}
    report()
    begin = time.perf_counter()
    derivatives = lagrad.differentiate(entry.problem)
    row |= {"setup_seconds": time.perf_counter() - begin, "stage": "solve"}
    report()
    begin = time.perf_counter()
    solution = lagrad.solve(
        derivatives,
        settings["solver"],
        tol=settings["tol"],
        max_iterations=settings["max_iterations"],
        options=settings["options"] or None,
    )
    row |= {"solve_seconds": time.perf_counter() - begin, "stage": "done"} | outcome(entry, solution)
    row["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    report()


if __name__ == "__main__":
    run(Path(sys.argv[1]))
