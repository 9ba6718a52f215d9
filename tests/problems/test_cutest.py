"""CUTEst by way of sif2jax; each problem is imported alone."""

from __future__ import annotations

import json

import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import lagrad
from lagrad_problems import cutest
from lagrad_problems.cutest import sources
from lagrad_problems.entry import PUBLISHED, TWO_SOLVERS, TWO_SOURCES


def test_what_was_checked_is_well_formed():
    """Optima with one of three kinds of evidence, names in CUTEst's spelling."""
    found = cutest.checked()
    assert set(found) == {"turned", "optima", "disagreements"}
    kinds = (PUBLISHED, TWO_SOLVERS, TWO_SOURCES)
    assert all(evidence.startswith(kinds) for _, evidence in found["optima"].values())
    assert all(name == name.upper() for name in found["turned"])
    assert json.dumps(found)


def test_a_problem_is_declared_in_double_precision():
    """HS71 is the suite's own, in another spelling, and has the same optimum."""
    pytest.importorskip("sif2jax")
    entry = cutest.get("hs71")
    assert (entry.name, entry.n, entry.m) == ("HS71", 4, 2)
    assert lagrad.solve(entry.problem, "ipopt").objective == pytest.approx(17.0140173, rel=1e-7)
    with pytest.raises(KeyError, match="HS72000"):
        cutest.get("HS72000")


def test_rows_with_the_wrong_sign_are_turned():
    """CHACONN1 is unbounded as sif2jax writes it, and has the published optimum with its rows turned."""
    pytest.importorskip("sif2jax")
    solution = lagrad.solve(cutest.get("CHACONN1").problem, "ipopt")
    assert solution.objective == pytest.approx(1.95222449, rel=1e-7)


@pytest.mark.slow
def test_problems_made_alone_are_those_of_the_whole():
    """The list says where each stands; the import of all takes a minute."""
    pytest.importorskip("sif2jax")
    whole = sources.everything()
    assert set(sources.names()) == set(whole)
    for name in ("HS71", "CHACONN1", "TRO3X3", "BDEXP", "ARGTRIG"):
        (kind, alone), (same, other) = sources.find(name), whole[name]
        assert (kind, alone.name) == (same, other.name)
        np.testing.assert_array_equal(ravel_pytree(alone.y0)[0], ravel_pytree(other.y0)[0])
