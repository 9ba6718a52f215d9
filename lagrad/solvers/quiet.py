"""Silence SciPy's warnings while any solve runs.

Python keeps its warning filters for all threads together: were each solve to save and restore them, solves
that overlap could leave them changed for ever. Here the first to begin saves them, the last to end restores
them.
"""

from __future__ import annotations

import threading
import warnings


class Quiet:
    """A context that may be entered many times, in any threads at once."""

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0
        self._saved: warnings.catch_warnings | None = None

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._saved = warnings.catch_warnings()
                self._saved.__enter__()
                warnings.filterwarnings("ignore", module="scipy")
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0 and self._saved is not None:
                self._saved.__exit__(None, None, None)


SCIPY_QUIET = Quiet()
