"""Refuse to work in a fork of a process in which JAX runs: its threads are not there.

Linux starts worker processes by fork unless told otherwise. In such a child small computations often work and
larger ones hang, so that none is begun.
"""

from __future__ import annotations

import os
from functools import cache


@cache
def home() -> int:
    """The process in which JAX was first put to work; a fork inherits its parent's answer."""
    return os.getpid()


def refuse_forks() -> None:
    """Pass in the process in which JAX was first put to work.

    Raises:
        RuntimeError: this is a fork of that process.
    """
    if os.getpid() != home():
        raise RuntimeError(
            f"lagrad: process {os.getpid()} is a fork of {home()}, where JAX runs; it would hang in a fork. "
            "Start workers with multiprocessing.get_context('spawn'), or give lagrad.solve_many a number of "
            "processes as its executor."
        )
