"""Residuals and violations against problems solved by hand, and the matrices assembled from triplets."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import lagrad
from lagrad.derivatives.triplets import Triplets
from lagrad.problem.constraints import Equality
from lagrad.problem.problem import Problem
from lagrad.solvers.entries import Entries
from lagrad.solvers.optimality import certificate, success_tolerance
from lagrad.solvers.violation import is_stuck_outside, largest_violation
from tests.solvers import cases
from tests.solvers.cases import derivatives


def check(make, x, multipliers):
    """The certificate of a case at x."""
    compiled = derivatives(make)
    x = np.asarray(x, float)
    gradient, entries = compiled.first_order(x)
    jacobian = Entries.of(entries.reshape(compiled.m, compiled.n))
    values = gradient, compiled.values(x)[1], jacobian
    return certificate(compiled.problem, x, values, tuple(np.asarray(part, float) for part in multipliers))


def test_hand_solutions_have_no_residual():
    """Exactly zero where the arithmetic is exact."""
    for make, x, multipliers in (
        (cases.lifted, [1, 1], ([-2], [0, 0], [0, 0])),
        (cases.pushed, [0, 1], ([], [2, 0], [0, 2])),
    ):
        found = check(make, x, multipliers)
        assert found.stationarity == found.feasibility == found.complementarity == found.error == 0.0
        assert found.is_satisfied and not found.worst


@pytest.mark.parametrize(
    ("multipliers", "kind", "value", "name"),
    [
        (([-1], [0, 0], [0, 0]), "stationarity", 1.0, "x[0]"),
        (([2], [0, 0], [0, 0]), "complementarity", 2.0, "row"),
        (([-2], [0, 3], [0, 3]), "complementarity", 4.5, "x[1]"),
    ],
)
def test_wrong_multipliers_show_with_the_entry_at_fault(multipliers, kind, value, name):
    """A wrong size, a wrong sign (no upper side: distance 1), and a multiplier of an inactive bound."""
    found = check(cases.lifted, [1, 1], multipliers)
    assert getattr(found, kind) == pytest.approx(value) and found.worst[kind] == name
    assert not found.is_satisfied


def test_violations_show_in_rows_and_bounds():
    """x + y >= 2 and y >= 0.5 at (0, 0)."""
    found = check(cases.lifted, [0, 0], ([0], [0, 0], [0, 0]))
    assert found.feasibility == 2.0 and found.worst["feasibility"] == "row"
    problem = derivatives(cases.lifted).problem
    assert largest_violation(problem, np.array([5.0, 0.0]), np.array([5.0])) == 0.5
    assert np.isnan(largest_violation(problem, np.zeros(2), np.array([np.nan])))


@pytest.mark.parametrize("density", [0.0, 0.2, 1.0])
def test_row_maxima_are_those_of_the_dense_matrix(density):
    """Empty rows have none, wherever they stand; a stored zero is 0."""
    random = np.random.default_rng(0)
    dense = random.normal(size=(7, 5)) * (random.random((7, 5)) < density)
    np.testing.assert_array_equal(Entries.of(sp.csr_array(dense)).row_maxima(), np.abs(dense).max(axis=1))
    stored = sp.csr_array((np.zeros(1), np.zeros(1, int), np.array([0, 0, 1, 1])), shape=(3, 2))
    np.testing.assert_array_equal(Entries.of(stored).row_maxima(), np.zeros(3))


def test_success_tolerance_follows_tol_down_to_its_floor():
    """Ten times tol, at least 1e-6."""
    assert success_tolerance(1e-4) == pytest.approx(1e-3) and success_tolerance(1e-12) == 1e-6


def test_stuck_outside_means_no_way_back():
    """x^2 + y^2 <= -1: at 0 nothing helps, elsewhere going inwards does; a satisfied row is never stuck."""
    compiled = derivatives(cases.impossible)
    for x, stuck in (([0.0, 0.0], True), ([1.0, 0.0], False)):
        x = np.array(x)
        jacobian = Entries.of(compiled.first_order(x)[1].reshape(1, 2))
        assert is_stuck_outside(compiled.problem, x, compiled.values(x)[1], jacobian, 1e-6) is stuck
    problem = derivatives(cases.hs28).problem
    assert not is_stuck_outside(problem, np.zeros(3), np.array([1.0]), Entries.of(np.zeros((1, 3))), 1e-6)


@st.composite
def triplets(draw):
    """Rows, columns with repetitions, and values, in a matrix that is not square."""
    shape = draw(st.sampled_from([(3, 4), (1, 5), (4, 1), (0, 3)]))
    count = draw(st.integers(0, 12)) if min(shape) else 0
    rows, cols = (
        np.array(draw(st.lists(st.integers(0, max(k - 1, 0)), min_size=count, max_size=count)), int)
        for k in shape
    )
    return rows, cols, np.arange(1.0, count + 1), shape


@settings(max_examples=60, deadline=None)
@given(triplets(), st.randoms(use_true_random=False))
def test_assembly_sums_triplets(case, random):
    """As SciPy does, whole and restricted to some rows and columns."""
    rows, cols, values, shape = case
    dense = sp.coo_array((values, (rows, cols)), shape=shape).toarray()
    assembly = Triplets.of(rows, cols, shape)
    np.testing.assert_array_equal(assembly.matrix(values).toarray(), dense)
    keep_rows, keep_cols = (np.array([random.random() < 0.5 for _ in range(k)], bool) for k in shape)
    part = assembly.restricted(keep_rows, keep_cols).matrix(values).toarray()
    np.testing.assert_array_equal(part, dense[keep_rows][:, keep_cols])


@settings(max_examples=40, deadline=None)
@given(triplets())
def test_symmetric_assembly_mirrors_the_lower_triangle(case):
    """Both triangles from one; the diagonal counts once."""
    rows, cols, values, shape = case
    n = max(shape)
    low, high = np.maximum(rows, cols), np.minimum(rows, cols)
    lower = sp.coo_array((values, (low, high)), shape=(n, n)).toarray()
    expected = lower + lower.T - np.diag(np.diag(lower))
    np.testing.assert_array_equal(Triplets.symmetric(low, high, n).matrix(values).toarray(), expected)


def test_enormous_multipliers_excuse_nothing():
    """Rows that depend on each other can have multipliers that cancel, anywhere."""
    rows = Equality(lambda x: jnp.stack([x[0] + x[1], x[0] + x[1]]), 2.0)
    compiled = lagrad.differentiate(Problem(lambda x: x @ x, [2.0, 0.0], rows))
    x, zero = np.array([2.0, 0.0]), np.zeros(2)
    values = compiled.gradient(x), compiled.constraints(x), Entries.of(compiled.jacobian(x))
    found = certificate(compiled.problem, x, values, (np.array([3e16, -3e16]), zero, zero))
    assert found.feasibility == 0.0 and not found.is_satisfied
