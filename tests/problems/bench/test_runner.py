"""Runs of the suite: resumable, and failures are rows."""

from __future__ import annotations

import pytest

from lagrad_problems.bench import Settings, read_rows, run, write_report
from lagrad_problems.bench.apart import Limits
from lagrad_problems.bench.apart import run as run_apart

SETTINGS = Settings(("hs6", "hs7", "hs8"), ("ipopt", "trust-constr"))


def fake(settings: dict, limits: Limits) -> dict:
    """A row without a process: one solver fails on one problem."""
    fails = (settings["problem"], settings["solver"]) == ("hs7", "trust-constr")
    return {
        "problem": settings["problem"],
        "solver": settings["solver"],
        "verdict": "time limit" if fails else "solved",
        "reason": "solve: over 60 s",
        "n": 2,
        "m": 1,
        "difficulty": "normal",
        "setup_seconds": 0.5,
        "solve_seconds": 0.1,
        "evaluations": 7,
    }


def silent(line: str) -> None:
    """Tell nobody."""


def interrupted_after(count: int):
    """As `fake`, but a key is pressed after so many rows."""
    calls = []

    def run_one(settings: dict, limits: Limits) -> dict:
        calls.append(settings)
        if len(calls) > count:
            raise KeyboardInterrupt
        return fake(settings, limits)

    return run_one


@pytest.mark.parametrize("count", [0, 1, 4])
def test_an_interrupted_run_that_is_resumed_gives_the_same_report(tmp_path, count):
    """Report and rows of a run in one go, letter by letter."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    run(SETTINGS, whole, tell=silent, run_one=fake)
    with pytest.raises(KeyboardInterrupt):
        run(SETTINGS, broken, tell=silent, run_one=interrupted_after(count))
    assert len(read_rows(broken)) == count
    run(SETTINGS, broken, resume=True, tell=silent, run_one=fake)
    reports = [write_report(folder, pictures=False).read_text() for folder in (whole, broken)]
    assert reports[0] == reports[1]
    assert read_rows(whole) == read_rows(broken)


def test_a_line_that_an_interrupt_broke_off_is_run_again(tmp_path):
    """Half a line of JSON is no row."""
    run(SETTINGS, tmp_path, tell=silent, run_one=fake)
    path = tmp_path / "rows.jsonl"
    path.write_text(path.read_text()[:-30])
    assert len(read_rows(tmp_path)) == 5
    assert len(run(SETTINGS, tmp_path, resume=True, tell=silent, run_one=fake)) == 6


def test_a_run_does_not_overwrite_another(tmp_path):
    """The message says what to do."""
    run(SETTINGS, tmp_path, tell=silent, run_one=fake)
    with pytest.raises(FileExistsError, match="Resume that run"):
        run(SETTINGS, tmp_path, tell=silent, run_one=fake)


def test_failures_stand_in_the_report_with_their_reason(tmp_path):
    """And the rate has its denominator."""
    run(SETTINGS, tmp_path, tell=silent, run_one=fake)
    text = write_report(tmp_path, pictures=False).read_text()
    assert "| hs7 | trust-constr | normal | time limit | solve: over 60 s |" in text
    assert "2 of 3 (66.7%)" in text
    page = (tmp_path / "report.html").read_text()
    assert page.count('class="bad"') == 2 and "<script" not in page


def test_progress_says_how_far_it_is(tmp_path):
    """A line after each, counted."""
    lines: list[str] = []
    run(SETTINGS, tmp_path, tell=lines.append, run_one=fake)
    assert [line.split()[0] for line in lines] == [f"{k}/6" for k in range(1, 7)]


@pytest.mark.parametrize(("seconds", "verdict"), [(120.0, "solved"), (0.0, "time limit")])
def test_a_process_of_its_own_makes_the_row(seconds, verdict):
    """With what was measured, or the stage at which its time was over."""
    pytest.importorskip("cyipopt")
    settings = {"problem": "hs71", "solver": "ipopt", "tol": 1e-8, "max_iterations": None, "options": {}}
    row = run_apart(settings, Limits(seconds=seconds))
    assert row["verdict"] == verdict
    if verdict == "solved":
        assert row["n"] == 4 and row["iterations"] > 3 and row["evaluations"] > 3


def test_a_process_that_dies_is_a_row():
    """Here by an unknown solver; the reason is its last line."""
    settings = {"problem": "hs71", "solver": "nobody", "tol": 1e-8, "max_iterations": None, "options": {}}
    row = run_apart(settings, Limits())
    assert row["verdict"] == "crashed" and "nobody" in row["reason"]
