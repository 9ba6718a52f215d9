"""The checks on solved textbook problems: nothing wrong is found where nothing is wrong."""

from __future__ import annotations

import pytest

import lagrad
import lagrad_problems

NAMES = [name for name in lagrad_problems.names() if name.startswith("hs")]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::lagrad.LagradWarning")
@pytest.mark.parametrize("name", NAMES)
def test_checks_have_nothing_to_say_against_solved_problems(name):
    """At its solution each is certified, its derivatives are right, and nothing there stops a solver."""
    derivatives = lagrad.differentiate(lagrad_problems.get(name).problem)
    solution = lagrad.solve(derivatives)
    assert lagrad.certify(derivatives, solution).is_satisfied == solution.success
    check = lagrad.check_derivatives(derivatives, solution.x)
    assert check.ok, check
    found = lagrad.diagnose(derivatives, solution.x)
    assert found.ok, found
