"""The check of many random programs: its oracle is right, it finds what is missing, and it finds nothing."""

from __future__ import annotations

import numpy as np
import pytest

from lagrad.precision import float64
from tests.sparsity import many_programs
from tests.sparsity.library import N
from tests.sparsity.many_programs import POINTS, chained, drawn, looked_at
from tests.sparsity.oracles import dense_derivatives
from tests.sparsity.programs import RandomProgram

PROGRAM = RandomProgram((("sin", 0, 0, 0), ("diag", 1, 0, 1), ("filled", 2, 1, 0)))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_no_entry_is_missing(seed):
    """Neither from detection nor from elements."""
    with float64():
        assert looked_at(seed).missing == 0


def test_chain_rule_gives_the_derivatives_of_the_whole():
    """Operation by operation or all at once."""
    seed = 3
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(POINTS, N))
    with float64():
        first, second = chained(PROGRAM, x)
    weights = rng.normal(size=(POINTS, 2 * N))
    dense_first, dense_second = dense_derivatives(PROGRAM, N, seed=seed, points=POINTS)
    np.testing.assert_allclose(first, dense_first, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(
        np.einsum("po,poij->pij", weights, second), dense_second, rtol=1e-11, atol=1e-13
    )


def test_a_pattern_that_lacks_an_entry_is_counted(monkeypatch):
    """One for each entry that is nonzero, and the seed is noted."""
    nothing = [(np.zeros((2 * N, N), bool), np.zeros((N, N), bool))]
    monkeypatch.setattr(many_programs, "drawn", lambda seed: PROGRAM)
    monkeypatch.setattr(many_programs, "patterns", lambda function: nothing)
    with float64():
        counts = looked_at(7)
    assert counts.missing == counts.entries > 0
    assert counts.seeds == (7,)


def test_programs_are_drawn_the_same_again():
    """A seed names a program."""
    assert drawn(11) == drawn(11)
