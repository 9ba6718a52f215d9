"""What a problem prints: everything that was declared, in a line each."""

from __future__ import annotations

import numpy as np
import pytest

from lagrad import Equality, Inequality, Problem
from lagrad.problem.overview import between


def test_a_problem_prints_its_variables_constraints_and_params():
    """A line a leaf of x, a constraint and a leaf of params, with sizes and sides."""
    problem = Problem(
        lambda z, p: z["u"].sum() * p["mass"],
        {"u": np.zeros(3), "v": np.array([[1.0, 2.0]])},
        {
            "line": Equality(lambda z, p: z["u"] - 1.0, np.array([0.0, 1.0, 2.0])),
            "norm": Inequality(lambda z, p: z["u"] @ z["u"], upper=4.0),
        },
        ({"u": -1.0, "v": None}, {"u": 1.0, "v": None}),
        params={"mass": 2.0, "grid": np.arange(4.0)},
        name="toy",
    )
    head, *lines = str(problem).splitlines()
    assert head == "Problem 'toy': 5 variables, 4 constraint rows"
    cells = [line.split() for line in lines]
    assert ["x['u']", "(3,)", "0", "-1", "to", "1"] in cells
    assert ["x['v']", "(1,", "2)", "1", "to", "2", "free"] in cells
    assert ["line", "3", "=", "0", "to", "2"] in cells and ["norm", "1", "<=", "4"] in cells
    assert ["params['grid']", "(4,)", "0", "to", "3"] in cells
    assert "\n" not in repr(problem) and "toy" in problem._repr_html_()


@pytest.mark.parametrize(
    ("lower", "upper", "words"),
    [
        ([], [], "nothing"),
        ([-np.inf] * 2, [np.inf] * 2, "free"),
        ([1.0, 1.0], [1.0, 1.0], "= 1"),
        ([1.0, 1.0], [2.0, 2.0], "1 to 2"),
        ([-np.inf, 0.0], [np.inf, np.inf], ">= 0 for 1 of 2"),
    ],
)
def test_sides_are_told_in_few_words(lower, upper, words):
    """Equal, one-sided, two-sided, mixed, none at all."""
    assert between(np.array(lower), np.array(upper)) == words
