"""The arena of solves: what a row of the table says."""

from __future__ import annotations

import pytest

from benchmarks.solves import best, body, lines_of, user_lines

ROW = {
    "case": "clnlbeam:303",
    "contender": "lagrad",
    "ready_s": 1.0,
    "solve_seconds": 0.5,
    "solve_callback_seconds": 0.1,
    "solve_iterations": 12,
    "solve_objective": 3.0,
    "solve_success": True,
    "peak_mb": 400.4,
}


def documented(x):
    """Not counted."""
    # Nor this.
    y = x + 1

    return y


def test_lines_are_those_of_code():
    """The head, a statement and the return."""
    assert lines_of([documented]) == 3


def test_objectives_that_are_not_the_best_stand_in_brackets():
    """And a failure has its reason."""
    worse = ROW | {"solve_objective": 3.1, "contender": "peer"}
    assert best([ROW, worse]) == 3.0
    assert body(ROW, 3.0)[2:8] == [1.0, 1.5, "20%", 12, "3", 400]
    assert body(worse, 3.0)[6] == "(3.1)"
    assert (
        body({"case": "c", "contender": "p", "failure": "solve: over 600 s"}, 3.0)[-1] == "solve: over 600 s"
    )


def test_lines_of_a_family_are_counted_in_each_language():
    """lagrad's with the whole declaration."""
    assert user_lines("chained_rosenbrock:100", "lagrad") > 8
    assert user_lines("chained_rosenbrock:100", "oracle") is None
    pytest.importorskip("casadi")
    assert user_lines("chained_rosenbrock:100", "casadi_mx") > 3


def test_iterations_that_a_contender_does_not_tell_are_absent():
    """A dash, not the mark of its row."""
    assert body(ROW | {"solve_iterations": -1}, None)[5] is None


def test_lines_of_a_declaration_in_a_file_of_its_own_are_counted():
    """The call that leads there is not the declaration."""
    pytest.importorskip("pyoptinterface")
    assert user_lines("acopf:case118_ieee", "pyoptinterface") > 30
