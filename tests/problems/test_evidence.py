"""What the suite says of itself: no optimum without evidence, no mark without a meaning."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

import lagrad
from lagrad_problems import Entry, get, names
from lagrad_problems.entry import CLOSED_FORM, PUBLISHED, TWO_FORMS, TWO_SOLVERS

KINDS_OF_EVIDENCE = (CLOSED_FORM, PUBLISHED, TWO_FORMS, TWO_SOLVERS)


@cache
def entry(name: str) -> Entry:
    """The problem in its default size."""
    return get(name)


@pytest.mark.parametrize("name", names())
def test_known_optima_have_evidence(name):
    """One of four kinds where an optimum is known, and none where it is not."""
    if entry(name).optimum is None:
        assert entry(name).evidence == ""
    else:
        assert entry(name).evidence in KINDS_OF_EVIDENCE


@pytest.mark.parametrize("name", names())
def test_problems_without_a_solution_have_no_optimum(name):
    """Infeasible and unbounded problems say so, and are marked difficult."""
    if entry(name).outcome is not lagrad.Status.OPTIMAL:
        assert entry(name).outcome in (lagrad.Status.INFEASIBLE, lagrad.Status.UNBOUNDED)
        assert entry(name).optimum is None and entry(name).difficulty == "difficult"


@pytest.mark.parametrize("name", names())
def test_difficulty_is_one_of_two(name):
    """So that a rate of success has a denominator."""
    assert entry(name).difficulty in ("normal", "difficult")


def test_most_problems_are_not_marked_difficult():
    """Marking is no way to a good rate: at least five in six are normal, and at least 180 in all."""
    count = Counter(entry(name).difficulty for name in names())
    assert count["normal"] >= 5 * count["difficult"]
    assert sum(count.values()) >= 180
