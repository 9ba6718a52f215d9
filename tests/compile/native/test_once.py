"""What owns machine code is made once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from lagrad.compile.native.once import once


def test_threads_that_ask_at_once_get_the_same():
    """A function that takes a while runs once for the same arguments, however many threads wait for it."""
    calls, gate = [], Barrier(8)

    @once
    def make(name):
        calls.append(name)
        time.sleep(0.02)
        return object()

    def ask(number):
        gate.wait()
        return make("even" if number % 2 == 0 else "odd")

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(ask, range(8)))
    assert sorted(calls) == ["even", "odd"]
    assert len({*map(id, made)}) == 2
