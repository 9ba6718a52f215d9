"""Write a running solve to a file now and then, at SIGTERM and at the end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from lagrad.errors import ProblemError
from lagrad.solution.solution import Solution
from lagrad.solvers.finish import snapshot
from lagrad.solvers.options import is_writable
from lagrad.solvers.signals import terminable
from lagrad.solvers.solver import Task
from lagrad.source_location import warn_user

# Seconds between two writings, and how many times longer than a writing the pause is at least.
PAUSE, LEISURE = 30.0, 50.0


@contextmanager
def keeping(path: Path | None, task: Task, method: str) -> Generator[Callable[[Solution], None], None, None]:
    """Write the state of a solve while it runs.

    Args:
        path: file to write, checked by `checked_path`; None for none.
        task: the solve.
        method: the solver's name.

    Returns:
        Context manager that gives a function to write the Solution with which the solve ends.
    """
    if path is None:
        yield lambda solution: None
        return
    checkpoint = Checkpoint(path)

    def save() -> None:
        best = task.evaluation.best
        if best is not None:
            checkpoint.write(snapshot(task, best, method))

    task.monitor.watch = lambda: checkpoint.is_due() and save()
    with terminable(task.evaluation, save):
        yield checkpoint.write


class Checkpoint:
    """A file that always holds the last state that was written whole.

    Args:
        path: replaced at each writing.
    """

    def __init__(self, path: Path):
        self.path = path
        self._due, self._has_failed = 0.0, False

    def is_due(self) -> bool:
        """Whether the pause after the last writing is over."""
        return time.perf_counter() >= self._due

    def write(self, solution: Solution) -> None:
        """Replace the file; a solve is not ended by a full disk, but a warning tells of it, once."""
        began = time.perf_counter()
        try:
            solution.save(self.path, overwrite=True)
        except (OSError, TypeError) as error:
            if not self._has_failed:
                warn_user(f"`checkpoint`: {self.path} was not written ({error}). The solve goes on.")
            self._has_failed = True
        now = time.perf_counter()
        self._due = now + max(PAUSE, LEISURE * (now - began))


def checked_path(path: object, warm_start: Solution | None) -> Path | None:
    """Where to write, absolute, or None.

    Args:
        path: as the user gave it.
        warm_start: what the solve begins from; the file that holds it may be replaced.

    Raises:
        ProblemError: not a path.
        FileNotFoundError, PermissionError: the folder is missing or read-only.
        FileExistsError: the file exists and holds something else.
    """
    if path is None:
        return None
    if not isinstance(path, (str, os.PathLike)):
        raise ProblemError(f"`checkpoint`: a {type(path).__name__}, expected the path of a file.")
    path = Path(path).absolute()
    if not path.parent.is_dir():
        raise FileNotFoundError(f"`checkpoint`: there is no folder {path.parent}. Make it first.")
    if path.is_dir() or not is_writable(path):
        raise PermissionError(f"`checkpoint`: {path} cannot be written. Give a file in a folder of yours.")
    if path.exists() and not holds(path, warm_start):
        raise FileExistsError(
            f"`checkpoint`: {path} exists. Go on from it with `warm_start=lagrad.Solution.load(...)`, "
            "or give another name."
        )
    return path


def holds(path: Path, solution: Solution | None) -> bool:
    """Whether a file holds this very Solution; its timings are like no other's."""
    if not isinstance(solution, Solution):
        return False
    try:
        return Solution.load(path).timings == solution.timings
    except (OSError, ValueError):
        return False
