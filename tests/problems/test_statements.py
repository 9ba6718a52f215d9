"""Statements of MATPOWER files: what they assign, and that nothing is skipped."""

from __future__ import annotations

import numpy as np
import pytest

from lagrad_problems.opf import matpower
from lagrad_problems.opf.statements import obey

BUS = np.arange(1.0, 27.0).reshape(2, 13)
FILE = matpower.write(
    matpower.Case(
        "feeder", 10.0, *(
            matpower.Table(np.arange(1.0, 1.0 + 2 * width).reshape(2, width), np.arange(2))
            for width in (13, 21, 13, 7)
        ),
    )
)  # fmt: skip


def after(*statements: str) -> dict:
    """Values after statements on a small bus matrix."""
    values = {"mpc.bus": BUS.copy(), "mpc.baseMVA": 10.0}
    for statement in statements:
        obey(statement, values)
    return values


CONSTANTS = "[PQ, PV, REF, NONE, BUS_I, BUS_TYPE, PD, QD, GS, BS, BUS_AREA, VM, VA, BASE_KV] = idx_bus"
ASSIGNMENTS = {
    "a = 2 + 3 * 4 ^ 2 / 8": ("a", 8.0),
    "a = -2 ^ 2": ("a", -4.0),
    "a = (1 + 1) ^ 3 - .5e1": ("a", 3.0),
    "a = sin(acos(0.8))": ("a", 0.6),
    "a = mpc.bus(2, 3) * 2": ("a", 32.0),
    "a = mpc.bus(end, end)": ("a", 26.0),
    "a = [1 -2]": ("a", [1.0, -2.0]),
    "a = [1 - 2, 3]": ("a", [-1.0, 3.0]),
    "a = mpc.bus(:, 3) ./ mpc.bus(:, 1)": ("a", [[3.0], [16.0 / 14.0]]),
    "mpc.baseMVA = mpc.baseMVA * 1e2": ("mpc.baseMVA", 1000.0),
}


@pytest.mark.parametrize("statement", ASSIGNMENTS)
def test_values_are_matlabs(statement):
    """Precedence, ranges, signs in rows; computed by hand."""
    name, expected = ASSIGNMENTS[statement]
    np.testing.assert_allclose(after(statement)[name], expected, rtol=1e-15)


def test_columns_are_scaled_in_place():
    """The conversion from kW to MW that closes distribution networks; all else stays."""
    found = after(CONSTANTS, "mpc.bus(:, [PD, QD]) = mpc.bus(:, [PD, QD]) / 1e3")["mpc.bus"]
    expected = BUS.copy()
    expected[:, 2:4] /= 1e3
    np.testing.assert_array_equal(found, expected)


def test_rows_are_chosen_by_numbers_and_ranges():
    """From one, both ends included."""
    found = after("mpc.bus(2, 3:2:7) = [10 20 30]", "mpc.bus(1, 13) = 5")["mpc.bus"]
    assert found[1, 2:7].tolist() == [10.0, BUS[1, 3], 20.0, BUS[1, 5], 30.0] and found[0, 12] == 5.0


REFUSED = {
    "mpc.bus(3, 1) = 0": "index",
    "mpc.bus(1.5, 1) = 0": "whole numbers",
    "mpc.bus(1) = 0": "1 indices",
    "mpc.bus(:, 1) = [1 2 3]": "3 numbers for 2 entries",
    "a = mpc.bus * mpc.bus": "element by element",
    "a = unknown": "'unknown' is not known",
    "a = system('ls')": "is not known|not understood",
    "a = __import__": "not understood",
    "a = 1 2": "not understood there",
    "a = 1 +": "expected after",
    "[A, B] = idx_unknown": "expected one of idx_bus",
}


@pytest.mark.parametrize("statement", REFUSED)
def test_what_is_not_understood_is_an_error(statement):
    """Nothing is guessed, nothing is evaluated by Python."""
    with pytest.raises(ValueError, match=REFUSED[statement]):
        after(statement)


def test_files_obey_what_stands_behind_their_tables():
    """Continued lines, block comments, a branch that is left out."""
    continued = CONSTANTS.replace(", PD", ", ...\n  PD")
    text = FILE + (
        f"{continued};\n%{{\nmpc.bus(:, PD) = 0;\nmpc.gen = [ nothing\n%}}\n"
        "fixed = 0;\nif fixed\n  mpc.bus(:, 1) = 99;\nend\nmpc.bus(:, PD) = mpc.bus(:, PD) / 1e3; % MW\nend\n"
    )
    found, plain = matpower.parse(text), matpower.parse(FILE)
    np.testing.assert_array_equal(found.bus.values[:, 2], plain.bus.values[:, 2] / 1e3)
    np.testing.assert_array_equal(found.bus.values[:, :2], plain.bus.values[:, :2])
    np.testing.assert_array_equal(found.gen.values, plain.gen.values)


@pytest.mark.parametrize(
    "statement", ["x = load('other.m');", "if 1 == 1", "mpc = ext2int(mpc);", "disp hello"]
)
def test_other_statements_are_refused_with_their_line(statement):
    """The line and the statement are in the message, and what to do."""
    line = FILE.count("\n") + 1
    with pytest.raises(ValueError, match=f"line {line}: `.*by hand"):
        matpower.parse(FILE + statement + "\n")


def test_numbers_in_tables_may_be_computed():
    """As 135/sqrt(3) in networks given by the voltage between phases."""
    text = FILE.replace("[\n\t1.0\t", "[\n\t135/sqrt(3)\t", 1)
    assert matpower.parse(text).bus.values[0, 0] == 135 / np.sqrt(3)
