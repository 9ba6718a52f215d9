"""The progress line: a line in logs, a live line in terminals; and which point is the best so far."""

from __future__ import annotations

import numpy as np
import pytest

from lagrad.solvers import solve
from lagrad.solvers.evaluation import Evaluation, Point
from lagrad.solvers.progress import line
from tests.solvers import cases
from tests.solvers.cases import METHODS, derivatives

ROW = {
    "iteration": 3,
    "objective": 17.0,
    "infeasibility": 1e-3,
    "stationarity": np.nan,
    "step": 0.5,
    "time": 0.2,
}


def test_a_line_leaves_out_what_is_unknown():
    """nan is not shown."""
    assert line(ROW, None) == "solve   iteration 3   objective 17   infeasibility 1e-03   step 5e-01   0.2 s"


def test_set_up_is_told_before_and_after(capfd):
    """What is about to be compiled, and how long each stage took; the outcome at the end."""
    solution = solve(cases.banana(), "trust-constr", progress=True)
    told = capfd.readouterr().err.splitlines()
    assert told[0] == "banana   n = 2, m = 0: compiling"
    assert told[1].startswith("banana   ready in ") and " trace, " in told[1] and " compile" in told[1]
    assert told[2].startswith("banana   iteration 0")
    assert told[-1].startswith(f"banana   optimal after {solution.iterations} iterations   objective ")


def test_nothing_is_said_of_a_set_up_that_was_before(capfd):
    """Derivatives are ready: the first line is the first iteration."""
    solve(derivatives(cases.banana), progress=True)
    assert capfd.readouterr().err.startswith("banana   iteration 0")


@pytest.mark.parametrize("method", METHODS)
def test_progress_goes_to_stderr_only(method, capfd):
    """stdout belongs to the user."""
    solve(derivatives(cases.banana), method, progress=True)
    captured = capfd.readouterr()
    assert captured.out == "" and "banana   iteration 0" in captured.err


def test_a_terminal_gets_a_live_line(monkeypatch, capfd):
    """With a terminal the line is redrawn in place."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    assert solve(derivatives(cases.banana), progress=True).success
    assert "banana" in capfd.readouterr().err


def test_the_best_point_is_feasible_first_then_lowest():
    """Violation beyond the tolerance counts before the objective; what is not finite never counts."""
    evaluation = Evaluation(derivatives(cases.banana), derivatives(cases.banana).problem)

    def keep(objective, violation):
        evaluation.keep(Point(np.zeros(2), objective, np.zeros(0), violation), 1e-6)
        return evaluation.best and (evaluation.best.objective, evaluation.best.violation)

    assert keep(np.nan, 0.0) is None
    assert keep(5.0, 1.0) == (5.0, 1.0)
    assert keep(1.0, 2.0) == (5.0, 1.0)
    assert keep(9.0, 0.5) == (9.0, 0.5)
    assert keep(8.0, 0.0) == (8.0, 0.0)
    assert keep(7.0, 1e-7) == (7.0, 1e-7)
    assert keep(-np.inf, 0.0) == (7.0, 1e-7)
