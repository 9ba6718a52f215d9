"""Turns of two checkouts: what is said of them, and that what ends too early is no row."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.evaluations import answer, summary, table


def took(gradient: float, jacobian: float, hessian: float) -> dict[str, float]:
    """Milliseconds of one turn."""
    return {"gradient_ms": gradient, "jacobian_ms": jacobian, "hessian_ms": hessian}


def test_the_ratio_is_that_of_turns_beside_one_another():
    """A round in which the machine is slow for both changes the times, not the ratio."""
    rounds = [
        [took(1.0, 2.0, 3.0), took(2.0, 2.0, 6.0)],
        [took(10.0, 20.0, 30.0), took(20.0, 20.0, 60.0)],
        [took(1.0, 3.0, 3.0), took(2.0, 2.0, 2.0)],
    ]
    row = summary("chain:5", rounds)
    assert (row["gradient ratio"], row["J ratio"], row["H ratio"]) == (0.5, 1.0, 0.5)
    assert (row["J ms"], row["J before ms"]) == (3.0, 2.0)
    assert "| chain:5 | 1 / 2 | 0.50 | 3 / 2 | 1.00 | 3 / 6 | 0.50 |" in table([row])


def test_a_process_that_ends_is_an_error():
    """Not a row of whatever was measured before."""
    command = [sys.executable, "-c", "raise SystemExit(3)"]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process,
        pytest.raises(RuntimeError, match="ended with 3"),
    ):
        answer(process)
