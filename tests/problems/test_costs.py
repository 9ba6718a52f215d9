"""Generator costs: polynomials in per-unit power, piecewise linear costs as straight lines."""

from __future__ import annotations

import numpy as np
import pytest

from lagrad_problems import opf
from tests.problems.cases import CASE


def costs(*rows: str) -> opf.Costs:
    """Costs of the two generators of the typed case with other cost rows."""
    head = CASE.split("mpc.gencost = [")[0]
    text = head + "mpc.gencost = [\n" + "".join(f"{row};\n" for row in rows) + "];\n"
    return opf.network(opf.parse(text, "tiny")).costs


def test_polynomials_are_by_rising_power_of_per_unit_power():
    """0.11 P^2 + 5 P + 7 in MW is 1100 p^2 + 500 p + 7 per 100 MW."""
    np.testing.assert_allclose(
        costs("2 0 0 3 0.11 5 7", "2 0 0 2 1.2 3").polynomial, [[7, 500, 1100], [3, 120, 0]]
    )


def test_polynomials_of_any_degree_are_read():
    """Degree zero, three, and zeros in front."""
    np.testing.assert_allclose(
        costs("2 0 0 4 1e-6 0 0 0", "2 0 0 1 9 0 0 0").polynomial, [[0, 0, 0, 1.0], [9, 0, 0, 0]]
    )
    assert costs("2 0 0 3 0 5 7", "2 0 0 3 0 1 2").polynomial.shape == (2, 2)


def test_cost_rows_may_differ_in_length():
    """Some tools do not pad."""
    np.testing.assert_allclose(costs("2 0 0 3 0.11 5 7", "2 0 0 2 1.2 3").polynomial[1], [3, 120, 0])


def test_piecewise_linear_costs_are_the_largest_of_straight_lines():
    """Between the points the lines' maximum is the interpolation."""
    rows = costs("1 0 0 3 0 0 100 1000 200 3000", "2 0 0 2 1.2 3 0 0 0 0")
    np.testing.assert_array_equal(rows.piecewise, [0])
    np.testing.assert_array_equal(rows.line_gen, [0, 0])
    power = np.array([0.3, 1.5])
    largest = (rows.slope[:, None] * power + rows.intercept[:, None]).max(axis=0)
    np.testing.assert_allclose(largest, np.interp(power, [0, 1, 2], [0, 1000, 3000]))
    np.testing.assert_allclose(rows.polynomial[0], 0)


def test_free_reactive_power_is_accepted():
    """A second half of the table, for reactive power, may be all zeros."""
    zero = "2 0 0 3 0 0 0"
    assert costs("2 0 0 3 0.11 5 7", "2 0 0 3 0 1.2 3", zero, zero).polynomial.shape == (2, 3)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["2 0 0 3 0.11 5 7"], r"1 rows in `mpc\.gencost`, expected 2 or 4"),
        (["3 0 0 3 0.11 5 7", "2 0 0 3 0 1 2"], r"line 35: cost model 3, expected 1 or 2"),
        (["2 0 0 4 0.11 5 7", "2 0 0 3 0 1 2"], r"line 35: 3 cost coefficients, expected 4"),
        (
            ["2 0 0 3 1 5 7", "2 0 0 3 0 1 2", "2 0 0 3 0 0 0", "2 0 0 3 0 1 0"],
            r"line 38: a cost of reactive power",
        ),
        (["1 0 0 3 0 0 100 2000 200 3000", "2 0 0 1 0 0 0 0 0 0"], r"line 35: a piecewise .* not convex"),
        (["1 0 0 2 0 0 0 2000", "2 0 0 1 0 0 0 0"], r"line 35: piecewise .* rising powers"),
    ],
)
def test_costs_that_are_not_modelled_are_refused_with_the_line(rows, message):
    """The message names the file, the line and what is not modelled."""
    with pytest.raises(ValueError, match="tiny.*" + message):
        costs(*rows)
