"""An optimum of CUTEst is known where two sources agree, and no certified point is better."""

from __future__ import annotations

import json

import pytest

from benchmarks import cutest_optima
from benchmarks.cutest_optima import certified, extended, settle, text

ROW = {"problem": "cutest:A", "solver": "ipopt", "status": "optimal", "objective": 1.0, "error": 1e-9}


@pytest.mark.parametrize(
    ("values", "expected", "known"),
    [
        ({"IPOPT": 1.0, "POUNCE": 1.0 + 1e-7}, None, "IPOPT, POUNCE"),
        ({"POUNCE": 1.0}, 1.0, "POUNCE, sif2jax"),
        ({"IPOPT": 2.0, "POUNCE": 1.0}, 1.0, "POUNCE, sif2jax"),
        ({"IPOPT": 1.0}, None, None),
        ({}, 1.0, None),
        ({"IPOPT": 1.0, "POUNCE": 2.0}, 2.0, None),
        ({"IPOPT": 1.0, "POUNCE": 1.0}, 0.0, "IPOPT, POUNCE"),
    ],
)
def test_two_sources_settle_an_optimum(values, expected, known):
    """One of them a solver, and IPOPT need not be among them."""
    found = settle(values, expected)
    assert (found and found[1].partition(": ")[2]) == known
    assert found is None or found[0] == min(values.values())


def test_only_points_with_a_good_certificate_count():
    """Not those of another status, of a large error, or of no number."""
    worse = [
        {"status": "acceptable"},
        {"error": 1e-3},
        {"objective": float("nan")},
        {"verdict": "time limit"},
    ]
    rows = [ROW | {"solver": f"s{k}"} | change for k, change in enumerate(worse[:3])]
    assert certified([*rows, {"problem": "cutest:A", "solver": "uno", "verdict": "time limit"}]) == {"A": {}}
    assert certified([ROW]) == {"A": {"IPOPT": 1.0}}


def test_the_record_keeps_what_it_knows(monkeypatch):
    """Known optima stay; new ones and dissent are added, a line an entry."""
    monkeypatch.setattr(cutest_optima, "expectation", {"A": 7.0, "B": 1.0, "C": 0.0}.get)
    before = {"turned": {"A": [0]}, "optima": {"A": [3.0, "published"]}, "disagreements": {}}
    found = {"A": {"IPOPT": 7.0}, "B": {"IPOPT": 1.0}, "C": {"IPOPT": 5.0}}
    after = extended(before, found)
    assert after["optima"] == {"A": [3.0, "published"], "B": [1.0, "two sources agree: IPOPT, sif2jax"]}
    assert after["disagreements"] == {"C": "objectives: IPOPT 5, sif2jax 0"}
    assert json.loads(text(after)) == after
    assert '  "B": [1.0, "two sources agree: IPOPT, sif2jax"]\n' in text(after)
