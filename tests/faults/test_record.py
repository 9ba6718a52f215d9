"""Every fault of the list has a test, and outcomes are told in one line."""

from __future__ import annotations

import re
from pathlib import Path

from tests.faults.record import Row, described, table

FAULTS = 64


def test_an_error_is_told_by_kind_and_message_in_one_line():
    assert described(ValueError("a\n  b")) == "`ValueError`: a b"


def test_folders_addresses_and_times_are_left_out():
    """The table is the same on every machine."""
    assert described("after 0.0012 s, 3 e, 1e-05 s") == "after ... s, 3 e, ... s"
    error = ValueError("/home/me/a-b/model.py, line 3: <f at 0x7f1234567890>, 1/2 of '/tmp/x/y.npz' and a/b")
    assert described(error) == "`ValueError`: model.py, line 3: <f at 0x...>, 1/2 of 'y.npz' and a/b"


def test_rows_stand_in_order_of_numbers_and_once():
    rows = [Row(12, "b", "c"), Row(2, "a|b", "d"), Row(12, "b", "c")]
    assert table(rows).splitlines()[-2:] == ["| 2 | a\\|b | d |", "| 12 | b | c |"]


def test_a_method_is_named_only_where_another_gives_something_else():
    rows = [Row(1, "a", "b", "ipopt"), Row(1, "a", "b", "trust-constr"), Row(2, "a", "b", "ipopt")]
    assert table(rows).splitlines()[-2:] == ["| 1 | a | b |", "| 2 | a (ipopt) | b |"]


def test_every_fault_has_a_test_and_a_row():
    folder = Path(__file__).parent
    texts = [path.read_text() for path in folder.glob("test_*.py")]
    tested = {int(number) for text in texts for number in re.findall(r"def test_(\d\d)_", text)}
    rows = re.findall(r"^\| (\d+) \|", (folder / "TABLE.md").read_text(), re.MULTILINE)
    assert tested == {int(row) for row in rows} == set(range(1, FAULTS + 1))
