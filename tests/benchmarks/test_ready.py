"""The table of ready and solved, from rows of runs."""

from __future__ import annotations

from benchmarks.ready import summary, table


def test_summary_has_medians_of_what_was_measured_and_the_first_failure():
    """A run that broke off counts where it got to."""
    runs = [
        {"n": 5, "ready_s": 3.0, "sum_s": 4.0},
        {"n": 5, "ready_s": 1.0},
        {"n": 5, "ready_s": 2.0, "failure": "no"},
    ]
    assert summary("chain:5", "lagrad", runs) == {
        "case": "chain:5",
        "contender": "lagrad",
        "n": 5,
        "runs": 3,
        "ready_s": 2.0,
        "sum_s": 4.0,
        "failure": "no",
    }


def test_table_has_a_line_a_case_and_a_number_a_contender():
    """What a contender lacks is a dash."""
    rows = [
        {"case": "chain:5", "contender": "lagrad", "n": 5.0, "ready_s": 0.25},
        {"case": "chain:5", "contender": "casadi_mx", "failure": "over 600 s"},
    ]
    assert "| chain:5 | 5 | 0.25 / - | - / - | - / - | - / - | - / - | - / - | over 600 s |" in table(rows)
