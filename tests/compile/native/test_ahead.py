"""What is compiled ahead is made by another thread, and once."""

from __future__ import annotations

import threading

from lagrad.compile.native.ahead import ahead
from lagrad.compile.native.once import once


def test_made_once_by_another_thread_which_others_wait_for():
    may_end, makers = threading.Event(), []

    @once
    def make() -> str:
        makers.append(threading.current_thread())
        may_end.wait(60)
        return "made"

    ahead(make)
    ahead(make)
    asking = threading.Thread(target=make)
    asking.start()
    may_end.set()
    asking.join(60)
    assert make() == "made"
    assert len(makers) == 1
    assert makers[0] is not threading.current_thread()
