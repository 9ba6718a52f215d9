"""Calls on executors whose workers die: every call answers, and only the fatal one with a loss."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from lagrad.sweep.pools import Lost, run_calls, spawn_pool
from tests.sweep.programs import die, square

CALLS = [(square, (number,)) for number in range(4)]


def test_calls_answer_under_their_numbers():
    """In this thread and in others."""
    with ThreadPoolExecutor(2) as threads:
        for executor in (None, threads):
            assert dict(run_calls(CALLS, executor)) == {0: 0, 1: 1, 2: 4, 3: 9}


def test_exceptions_are_results_in_threads():
    """One call that raises does not end the others."""
    with ThreadPoolExecutor(2) as threads:
        found = dict(run_calls([(square, ("a",)), *CALLS], threads))
    assert isinstance(found[0], TypeError) and found[4] == 9


@pytest.mark.slow
@pytest.mark.parametrize("own", [True, False])
def test_a_dead_worker_loses_its_own_call_only(own):
    """A killed process breaks a standard pool; all other calls are answered all the same."""
    calls = [*CALLS[:2], (die, ()), *CALLS[2:]]
    if own:
        found = dict(run_calls(calls, 1))
    else:
        with spawn_pool(1) as pool:
            found = dict(run_calls(calls, pool))
    assert isinstance(found.pop(2), Lost)
    assert found == {0: 0, 1: 1, 3: 4, 4: 9}
