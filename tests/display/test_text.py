"""Figures as text: what is shown is what is there."""

from __future__ import annotations

import numpy as np
import pytest

from lagrad.display.text import column, duration, figure, outline, table


def test_outline_aligns_values_under_nested_labels():
    """Values begin in one column, whatever the depth."""
    lines = outline({"n": 3, "Jacobian": {"nonzeros": 12, "chosen": "colored"}}).splitlines()
    assert lines == ["n           3", "Jacobian", "  nonzeros  12", "  chosen    colored"]
    assert outline({}) == ""


def test_table_aligns_numbers_right_and_text_left():
    """Every line of a table has its columns in the same place."""
    rows = [{"who": "a", "count": 5}, {"who": "bcd", "count": 12345}]
    assert table(rows).splitlines() == ["who   count", "a         5", "bcd  12,345"]
    assert table([]) == ""
    assert column("long title", [1]) == ["long title", "         1"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (np.int64(1234), "1,234"),
        (np.float64(0.5), "0.5"),
        (np.True_, "yes"),
        (None, "None"),
        ("x", "x"),
    ],
)
def test_figures_read_alike_for_python_and_numpy(value, text):
    """A NumPy scalar is shown as Python's own number would be."""
    assert figure(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.000 ms"),
        (0.00999, "9.99 ms"),
        (0.9994, "999 ms"),
        (1.0, "1.00 s"),
        (99.9, "99.9 s"),
        (100, "1 min 40 s"),
    ],
)
def test_durations_change_their_unit(seconds, text):
    """Milliseconds below a second, minutes from a hundred seconds on."""
    assert duration(seconds) == text
