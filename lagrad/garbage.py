"""Put off Python's search for garbage while set-up makes many objects that stay.

With JAX loaded, one search through all objects takes about 0.1 s, and the objects of a large problem make one
fall due. What is made meanwhile is searched later, when most of what was garbage is gone by itself.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Pause:
    """Whether somebody has put off the search, and what to go back to.

    Args:
        count: contexts that are open, in any thread.
        was_enabled: whether garbage was searched for before the first of them.
        lock: held while these change.
    """

    count: int = 0
    was_enabled: bool = True
    lock: threading.Lock = field(default_factory=threading.Lock)


PAUSE = Pause()


@contextmanager
def collected_later() -> Generator[None]:
    """Context, or decorator, in which no garbage is searched for; reference counts free objects as ever."""
    with PAUSE.lock:
        if not PAUSE.count:
            PAUSE.was_enabled = gc.isenabled()
            gc.disable()
        PAUSE.count += 1
    try:
        yield
    finally:
        with PAUSE.lock:
            PAUSE.count -= 1
            if not PAUSE.count and PAUSE.was_enabled:
                gc.enable()
