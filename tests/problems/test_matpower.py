"""Reading MATPOWER files: what is understood, and what each complaint says."""

from __future__ import annotations

import numpy as np
import pytest

from lagrad_problems.opf import matpower
from tests.problems.cases import CASE, with_line


def test_numbers_are_read_with_their_lines():
    """Rows are where the file has them; comments, cells and unknown fields are skipped."""
    case = matpower.parse(CASE, "tiny")
    assert case.base_mva == 100.0
    assert case.bus.values.shape == (3, 13)
    np.testing.assert_array_equal(case.bus.values[1, [0, 2, 3]], [20, 110.0, 40.0])
    assert CASE.splitlines()[case.bus.lines[1] - 1].split()[0] == "20"
    assert case.gencost.values.shape == (2, 7)


def test_blanks_commas_and_continued_lines_mean_the_same():
    """MATLAB allows commas between numbers, several rows a line and rows over several lines."""
    plain = matpower.parse(CASE)
    text = with_line("\t1\t3", "\t1, 3, 0, 0, 0, 0, ... a comment\n 1, 1, 0, 345, 1, 1.1, 0.9;")
    other = matpower.parse(text)
    np.testing.assert_array_equal(plain.bus.values, other.bus.values)
    np.testing.assert_array_equal(other.bus.lines, plain.bus.lines + [0, 1, 1])


def test_written_cases_are_read_back():
    """`parse(write(case))` has the same numbers."""
    case = matpower.parse(CASE)
    again = matpower.parse(matpower.write(case))
    for table in matpower.TABLES:
        np.testing.assert_array_equal(getattr(again, table).values, getattr(case, table).values)


def test_files_are_named_in_messages(tmp_path):
    """`read` uses the file's name."""
    path = tmp_path / "broken.m"
    path.write_text("mpc.version = '2';\nmpc.baseMVA = 1;\n")
    with pytest.raises(ValueError, match=r"broken\.m: no `mpc\.bus`"):
        matpower.read(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("mpc.version = '2'", "mpc.version = '1'", r"line \d+: version '1', expected '2'"),
        ("mpc.version = '2';", "", r"no `mpc\.version`"),
        ("mpc.baseMVA = 100.0", "mpc.baseMVA = 0", r"baseMVA is 0\.0, expected a positive number"),
        ("mpc.baseMVA = 100.0", "mpc.baseMVA = lots", r"'lots', expected a number"),
        ("mpc.gen = [", "mpc.generators = [", r"no `mpc\.gen`"),
        ("110.0", "11O.0", r"line 10: '11O\.0', expected a number"),
        ("110.0", "NaN", r"line 10: NaN, expected a number"),
        (
            "\t20\t1\t110.0",
            "\t20\t110.0",
            r"line 10: 12 numbers in a row of `mpc\.bus`, expected 13 as in line 9",
        ),
        (
            "%% costs\nmpc.gencost = [",
            "mpc.dcline = [1 2 3];\nmpc.gencost = [",
            r"`mpc\.dcline` is not modelled",
        ),
    ],
)
def test_malformed_files_are_refused_with_the_line(old, new, message):
    """Every complaint names the file and, where there is one, the line."""
    assert old in CASE
    with pytest.raises(ValueError, match="tiny.*" + message):
        matpower.parse(CASE.replace(old, new), "tiny")


def test_open_brackets_are_refused_with_the_line_they_start_on():
    """A matrix that runs into the next assignment, or to the end of the file, was not closed."""
    text = CASE.replace("];", "", 2).replace("1 1; ", "1 1; ];")
    with pytest.raises(ValueError, match=r"line 8: `mpc\.bus` is opened and never closed"):
        matpower.parse(text)
    with pytest.raises(ValueError, match=r"`mpc\.bus_name` is opened and never closed"):
        matpower.parse(CASE.replace("};", ""))


def test_few_columns_are_refused():
    """A table with too few columns is of another version."""
    rows = "mpc.gen = [\n1 0 0 100 -100 1 100 1 200;\n];"
    with pytest.raises(ValueError, match=r"`mpc\.gen` has 9 columns, expected 10 or more"):
        matpower.parse(CASE + rows)


@pytest.mark.parametrize("behind", ["]; mpc.bus(:, 3) = 5;", "] * 2;", "]';"])
def test_what_stands_behind_a_table_is_refused(behind):
    """Skipped, it would change the case without a word."""
    head, opened, tail = CASE.partition("mpc.bus = [")
    line = (head + tail[: tail.index("];")]).count("\n") + 1
    with pytest.raises(ValueError, match=rf"tiny, line {line}: .* behind `\]` is not understood"):
        matpower.parse(head + opened + tail.replace("];", behind, 1), "tiny")


def test_statements_nested_too_deep_are_refused():
    """Not by a crash of Python's."""
    with pytest.raises(ValueError, match="nested too deep"):
        matpower.parse(CASE + "mpc.bus(:, 3) = " + "(" * 5000, "tiny")
