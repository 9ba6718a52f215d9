"""CUTEst by way of sif2jax; the import of sif2jax alone takes ten seconds."""

from __future__ import annotations

import json

import pytest

import lagrad
from lagrad_problems import cutest
from lagrad_problems.entry import PUBLISHED, TWO_SOLVERS


def test_what_was_checked_is_well_formed():
    """Optima with one of two kinds of evidence, names in CUTEst's spelling."""
    found = cutest.checked()
    assert set(found) == {"turned", "optima", "disagreements"}
    assert all(evidence in (PUBLISHED, TWO_SOLVERS) for _, evidence in found["optima"].values())
    assert all(name == name.upper() for name in found["turned"])
    assert json.dumps(found)


@pytest.mark.slow
def test_a_problem_is_declared_in_double_precision():
    """HS71 is the suite's own, in another spelling, and has the same optimum."""
    pytest.importorskip("sif2jax")
    pytest.importorskip("cyipopt")
    entry = cutest.get("hs71")
    assert (entry.name, entry.n, entry.m) == ("HS71", 4, 2)
    assert lagrad.solve(entry.problem, "ipopt").objective == pytest.approx(17.0140173, rel=1e-7)
    with pytest.raises(KeyError, match="HS72000"):
        cutest.get("HS72000")


@pytest.mark.slow
def test_rows_with_the_wrong_sign_are_turned():
    """CHACONN1 is unbounded as sif2jax writes it, and has the published optimum with its rows turned."""
    pytest.importorskip("sif2jax")
    pytest.importorskip("cyipopt")
    solution = lagrad.solve(cutest.get("CHACONN1").problem, "ipopt")
    assert solution.objective == pytest.approx(1.95222449, rel=1e-7)
