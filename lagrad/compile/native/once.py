"""Make what owns machine code once in a process, whichever threads ask for it first."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from threading import Lock
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Made = TypeVar("Made")


def once(make: Callable[Given, Made]) -> Callable[Given, Made]:
    """`functools.cache` that runs a function once for the same arguments in all threads together.

    Threads that find a plain cache empty at the same time each make an engine of their own; all but one are
    freed as soon as nobody holds them, and with them code whose address is in use.

    >>> find = once(lambda key: [key])
    >>> find("a") is find("a")
    True
    """
    lock, known = Lock(), cache(make)

    @wraps(make)
    def get(*arguments: Given.args, **named: Given.kwargs) -> Made:
        with lock:
            return known(*arguments, **named)

    return get
