"""Turn signals to this process into requests to stop a solve, and put back what was in place before."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

from lagrad.solution.status import Status
from lagrad.solvers.evaluation import Evaluation


@contextmanager
def interruptible(evaluation: Evaluation) -> Generator[None, None, None]:
    """Turn the first Ctrl-C into a request to stop; the second raises KeyboardInterrupt at once.

    Only where Python's own handler is in place and this is the main thread.
    """
    if not is_main_thread() or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return

    def handle(number: int, frame: FrameType | None):
        signal.signal(signal.SIGINT, signal.default_int_handler)
        evaluation.stop(Status.INTERRUPTED)

    signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def terminable(evaluation: Evaluation, save: Callable[[], object]) -> Generator[None, None, None]:
    """Let the first SIGTERM save and stop; then, as a second one at once, it does what it did before.

    Only in the main thread, and not where SIGTERM is ignored.

    Args:
        evaluation: of the solve to stop.
        save: called at once; must not raise.
    """
    before = signal.getsignal(signal.SIGTERM)
    if not is_main_thread() or before in (signal.SIG_IGN, None):
        yield
        return
    was_told = False

    def handle(number: int, frame: FrameType | None):
        nonlocal was_told
        was_told = True
        signal.signal(signal.SIGTERM, before)
        evaluation.stop(Status.INTERRUPTED)
        save()

    signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        if was_told:
            signal.raise_signal(signal.SIGTERM)


def is_main_thread() -> bool:
    """Whether Python delivers signals to this thread."""
    return threading.current_thread() is threading.main_thread()
