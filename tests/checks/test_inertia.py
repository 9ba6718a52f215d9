"""Inertia, rank and curvature against eigenvalues and singular values of dense matrices."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse as sp

from lagrad.checks import inertia as inertia_module
from lagrad.checks.inertia import Inertia, factorised, inertia, is_convex_along, rank, unit_rows


def banded(size: int, seed: int) -> np.ndarray:
    """Symmetric, indefinite, five diagonals, shifted away from zero."""
    random = np.random.default_rng(seed)
    dense = np.triu(np.tril(random.normal(size=(size, size)), 2), -2)
    return dense + dense.T + np.diag(np.where(np.arange(size) % 3, 6.0, -6.0))


@pytest.mark.parametrize("size", [1, 2, 7, 40])
def test_factors_have_the_signs_of_the_eigenvalues(size):
    """Sylvester's law, on both ways of counting."""
    dense = banded(size, size)
    values = np.linalg.eigvalsh(dense)
    expected = Inertia(int((values > 0).sum()), int((values < 0).sum()), 0)
    assert inertia(sp.csc_array(dense)) == expected
    assert factorised(sp.csc_array(dense)) == expected


def test_singular_matrices_are_not_known_to_factors():
    """A zero row has no pivot; eigenvalues count it."""
    dense = np.diag([1.0, 0.0, -2.0])
    assert inertia(sp.csc_array(dense)) == Inertia(1, 1, 1)
    assert factorised(sp.csc_array(dense)) is None


def constraints() -> tuple[np.ndarray, int]:
    """30 rows of a band, one doubled, one zero, one a combination: rank 27."""
    rows = np.eye(30, 40) + 0.5 * np.eye(30, 40, 1)
    rows[4], rows[9], rows[20] = 2e3 * rows[5], 0.0, rows[21] - rows[22]
    return rows, 27


@pytest.mark.parametrize("limit", [1500, 10])
def test_rank_counts_independent_rows(limit, monkeypatch):
    """By singular values, and by the inertia of the sparse system that stands for them."""
    monkeypatch.setattr(inertia_module, "DENSE", limit)
    rows, expected = constraints()
    assert rank(unit_rows(sp.csr_array(rows))) == expected
    assert rank(sp.csr_array((0, 5))) == 0
    assert rank(sp.csr_array((3, 5))) == 0


@pytest.mark.parametrize("limit", [1500, 2])
@pytest.mark.parametrize("seed", range(3))
def test_curvature_is_that_on_the_null_space(limit, seed, monkeypatch):
    """The sign of the least eigenvalue of Z'HZ, whatever the rank of the rows."""
    monkeypatch.setattr(inertia_module, "DENSE", limit)
    hessian, rows = banded(12, seed), np.eye(8, 12)[[0, 3, 6, 6]]
    basis = scipy.linalg.null_space(rows)
    least = np.linalg.eigvalsh(basis.T @ hessian @ basis)[0]
    shift = 3.0 * (seed - 1) - least
    shifted = hessian + shift * np.eye(12)
    found = is_convex_along(sp.csr_array(shifted), sp.csr_array(rows), floor=-1e-6 if seed == 1 else 1e-8)
    assert found in ((least + shift > -1e-6), None) if limit == 2 else found is bool(seed >= 1)


def test_a_point_without_free_directions_is_convex():
    """Nothing to move along, nothing to fall."""
    assert is_convex_along(sp.csr_array(-np.eye(2)), sp.csr_array(np.eye(2))) is True


@pytest.mark.parametrize("limit", [1500, 2])
@pytest.mark.parametrize("sign, expected", [(1.0, True), (-1.0, False)])
def test_curvature_does_not_depend_on_units(limit, sign, expected, monkeypatch):
    """Variables in metres and in micrometres: curvatures 10^10 apart, one of them of either sign."""
    monkeypatch.setattr(inertia_module, "DENSE", limit)
    hessian, units = np.array([[2.0, 1.0, 0.0], [1.0, 2.0, 1.0], [0.0, 1.0, 2.0]]), np.array([1e3, 1.0, 1e-2])
    hessian[2, 2] *= sign
    turned = sp.csr_array(hessian * np.outer(units, units))
    assert is_convex_along(turned, sp.csr_array((0, 3))) is expected
    # Along a row that leaves the third out, nothing but the first two is left.
    assert is_convex_along(turned, sp.csr_array([[0.0, 0.0, 1e-4]])) is True


@pytest.mark.parametrize("limit", [1500, 2])
def test_rounding_is_no_curvature(limit, monkeypatch):
    """What cancels but for the last digits beside an entry of 1 counts as nothing."""
    monkeypatch.setattr(inertia_module, "DENSE", limit)
    faint = sp.csr_array(np.diag([1.0, 1e-16, 1.0]))
    assert is_convex_along(faint, sp.csr_array((0, 3))) is not True
    assert is_convex_along(faint, sp.csr_array((0, 3)), floor=-1e-8) is not False
