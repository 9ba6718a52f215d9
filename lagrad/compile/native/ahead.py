"""Compile in a thread what nearly every problem needs, while the first one of a process is traced."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from threading import Thread


@cache
def ahead(make: Callable[[], object]) -> None:
    """Have something made by a thread, the first time that this is asked for.

    LLVM holds no lock of the interpreter.

    Args:
        make: a function of `once`, so that who needs its result meanwhile waits for it.
    """
    Thread(target=make).start()
