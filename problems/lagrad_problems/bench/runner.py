"""Run problems and solvers one process after the other; what was interrupted can be resumed.

A run is a folder: `settings.json` says what was asked for, `rows.jsonl` has a line for each problem and
solver as soon as it is known. Reports are made of these files alone.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lagrad.display.text import duration
from lagrad_problems.bench import apart

Runner = Callable[[dict, apart.Limits], dict]


@dataclass(frozen=True)
class Settings:
    """What a run is.

    Args:
        problems: names, see `select`.
        solvers: methods of `lagrad.solve`.
        seconds, megabytes: limits of each process.
        tol, max_iterations, options: as `lagrad.solve` takes them, the same for all.
    """

    problems: tuple[str, ...]
    solvers: tuple[str, ...] = ("ipopt",)
    seconds: float = 60.0
    megabytes: float = 4_000.0
    tol: float = 1e-8
    max_iterations: int | None = None
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """All (problem, solver), in the order of the run."""
        return [(problem, solver) for problem in self.problems for solver in self.solvers]


def run(
    settings: Settings,
    folder: Path,
    *,
    resume: bool = False,
    tell: Callable[[str], None] = print,
    run_one: Runner = apart.run,
) -> list[dict]:
    """Run what is not in the folder yet.

    Args:
        settings: what to run; the folder's own are used when a run is resumed.
        folder: made if it is not there.
        resume: go on with the run in the folder.
        tell: gets a line after each problem.
        run_one: what makes a row; the tests' own in tests.

    Returns:
        All rows, in the order of `settings.pairs`; those that an interrupt left out are missing.

    Raises:
        FileExistsError: the folder has rows, and `resume` is not set.
        FileNotFoundError: there is nothing to resume.
    """
    rows_path = folder / "rows.jsonl"
    if resume:
        settings = read_settings(folder)
        end_last_line(rows_path)
    elif rows_path.exists():
        raise FileExistsError(f"{rows_path} exists. Resume that run, or give another folder.")
    else:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "settings.json").write_text(json.dumps(asdict(settings), indent=1) + "\n")
    done = {(row["problem"], row["solver"]) for row in read_rows(folder)}
    left = [pair for pair in settings.pairs if pair not in done]
    limits, begin = apart.Limits(settings.seconds, settings.megabytes), time.monotonic()
    with rows_path.open("a") as stream:
        for count, (problem, solver) in enumerate(left, 1):
            row = run_one(asked(settings, problem, solver), limits)
            stream.write(json.dumps(row) + "\n")
            stream.flush()
            remaining = (time.monotonic() - begin) / count * (len(left) - count)
            place = f"{len(settings.pairs) - len(left) + count}/{len(settings.pairs)}"
            tell(f"{place:>9}  {problem:32} {solver:14} {row['verdict']:16} {duration(remaining)} left")
    return read_rows(folder)


def end_last_line(path: Path) -> None:
    """End a line that an interrupt broke off, so that the next row begins a new one."""
    if path.exists() and not path.read_text().endswith("\n"):
        with path.open("a") as stream:
            stream.write("\n")


def asked(settings: Settings, problem: str, solver: str) -> dict:
    """What one process is asked to do."""
    return {
        "problem": problem,
        "solver": solver,
        "tol": settings.tol,
        "max_iterations": settings.max_iterations,
        "options": settings.options,
    }


def read_settings(folder: Path) -> Settings:
    """Settings of a run."""
    text = (folder / "settings.json").read_text()
    stored = json.loads(text)
    return Settings(**stored | {"problems": tuple(stored["problems"]), "solvers": tuple(stored["solvers"])})


def read_rows(folder: Path) -> list[dict]:
    """Rows of a run, in the order of its pairs; a line that an interrupt broke off is left out."""
    path = folder / "rows.jsonl"
    if not path.exists():
        return []
    rows = {}
    for line in path.read_text().splitlines():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        rows[row["problem"], row["solver"]] = row
    return [rows[pair] for pair in read_settings(folder).pairs if pair in rows]


def missing(settings: Settings, rows: Sequence[dict]) -> int:
    """How many pairs have no row."""
    return len(settings.pairs) - len(rows)
