"""Laws of patterns that a user gives: any form is read, too much does no harm, too little is refused."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp

import lagrad
from tests.derivatives.oracle import check

N, M = 6, 5


def rows(x):
    """Row i holds x_i and x_{i+1}; equal slopes of both at equal x, which must not cancel in the guard."""
    return x[:-1] * x[1:] + x[:-1] + x[1:]


def objective(x):
    """Its only coupling vanishes where x_0 or x_5 does."""
    return jnp.sum(x**4) + (x[0] * x[5]) ** 2


def problem(start=None) -> lagrad.Problem:
    """A chain, its ends joined by the objective."""
    return lagrad.Problem(objective, np.ones(N) if start is None else start, {"chain": lagrad.Equality(rows)})


def jacobian_entries() -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of every entry of the Jacobian."""
    i = np.arange(M)
    return np.concatenate([i, i]), np.concatenate([i, i + 1])


def hessian_entries() -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the upper triangle."""
    i, one = np.arange(N), np.arange(N - 1)
    return np.concatenate([i, one, [0]]), np.concatenate([i, one + 1, [5]])


JACOBIAN = lagrad.SparsityPattern.from_triplets(*jacobian_entries(), (M, N))
UPPER = lagrad.SparsityPattern.from_triplets(*hessian_entries(), (N, N))


def scrambled(pattern: lagrad.SparsityPattern) -> lagrad.SparsityPattern:
    """The same entries, unsorted, one of them twice: what nobody should build."""
    order = np.random.default_rng(0).permutation(pattern.nnz)
    order = np.append(order, order[0])
    return lagrad.SparsityPattern(pattern.rows[order], pattern.cols[order], pattern.shape)


def without(pattern: lagrad.SparsityPattern, *entries: tuple[int, int]) -> lagrad.SparsityPattern:
    """The pattern less some entries."""
    dense = pattern.toarray()
    for entry in entries:
        dense[entry] = False
    return lagrad.SparsityPattern.from_dense(dense)


FORMS = {
    "exact": (JACOBIAN, UPPER.T),
    "upper triangle": (JACOBIAN, UPPER),
    "unsorted and repeated": (scrambled(JACOBIAN), scrambled(UPPER)),
    "too much": (sp.csr_array(np.ones((M, N))), np.ones((N, N))),
    "SciPy with repeated entries": (
        sp.coo_array((np.ones(2 * JACOBIAN.nnz), tuple(np.tile(jacobian_entries(), 2))), shape=(M, N)),
        sp.csc_matrix(UPPER.to_scipy()),
    ),
    "explicit zeros": (JACOBIAN.to_scipy(np.zeros(JACOBIAN.nnz)), UPPER.to_scipy(np.zeros(UPPER.nnz))),
    "Jacobian alone": (JACOBIAN, None),
    "Hessian alone": (None, UPPER),
}


@pytest.mark.parametrize("first, second", FORMS.values(), ids=FORMS)
def test_any_form_of_a_pattern_gives_the_derivatives_of_dense_jax(first, second):
    """Triangles, formats, order, repetition and excess do not matter."""
    if isinstance(second, np.ndarray):
        second = lagrad.SparsityPattern.from_dense(second)
    derivatives = lagrad.differentiate(problem(), jacobian_pattern=first, hessian_pattern=second)
    check(derivatives, count=2)
    assert "constraint rows" in derivatives.report()


def test_a_given_pattern_is_what_is_colored():
    """No entry is added to it, none taken away; nobody looks for structure."""
    found = lagrad.differentiate(problem(), jacobian_pattern=JACOBIAN, hessian_pattern=UPPER)
    assert found.plan.split is None
    assert lagrad.SparsityPattern.from_triplets(*found.jacobian_structure, (M, N)) == JACOBIAN
    assert lagrad.SparsityPattern.from_triplets(*found.hessian_structure, (N, N)) == UPPER.T


@pytest.mark.parametrize("entries", [[(2, 3)], [(2, 2), (2, 3)]], ids=["one entry", "two that could cancel"])
def test_a_jacobian_pattern_that_is_too_small_is_refused_with_its_rows(entries):
    """Also where the two slopes that are missing are equal."""
    small = without(JACOBIAN, *entries)
    with pytest.raises(lagrad.DerivativeError, match=r"chain\[2\].*`jacobian_pattern` lacks entries"):
        lagrad.differentiate(problem(), jacobian_pattern=small)


@pytest.mark.parametrize("size", [1e3, 1e9])
def test_a_small_entry_beside_a_large_one_is_missed_in_either_pattern(size):
    """Each entry is looked at by itself, whatever its neighbors' scale."""
    row = lagrad.Equality(lambda x: size * jnp.sin(x[:1]) + jnp.sin(x[1:]))
    declared = lagrad.Problem(lambda x: size * x[1] ** 3 + x[0] * x[1], [0.3, 0.4], row)
    with pytest.raises(lagrad.DerivativeError, match=r"by x\[1\]: 0 found.*`jacobian_pattern` lacks"):
        lagrad.differentiate(declared, jacobian_pattern=sp.coo_array([[1.0, 0.0]]))
    with pytest.raises(lagrad.DerivativeError, match=r"by x\[0\]: 0 found, 1 expected.*`hessian_pattern`"):
        lagrad.differentiate(declared, hessian_pattern=sp.eye_array(2))


def test_an_entry_that_cancels_may_be_left_out():
    """Structure detection cannot know; its value does not move off zero by more than rounding."""
    row = lagrad.Equality(lambda x: (x[:1] + x[1:]) ** 2 - x[:1] ** 2 - 2 * x[:1] * x[1:])
    declared = lagrad.Problem(lambda x: x[0] ** 2, [0.3, 0.4], row)
    found = lagrad.differentiate(declared, jacobian_pattern=sp.coo_array([[0.0, 1.0]]))
    assert found.jacobian([0.3, 0.4]).nnz == 1


@pytest.mark.parametrize("start", [np.ones(N), np.zeros(N)], ids=["nonzero", "zero at the start"])
def test_a_hessian_pattern_that_is_too_small_is_refused_with_its_variables(start):
    """Also where the missing second derivative vanishes at the start."""
    small = without(UPPER, (0, 5))
    with pytest.raises(lagrad.DerivativeError, match=r"x\[0\].*`hessian_pattern` lacks entries"):
        lagrad.differentiate(problem(start), hessian_pattern=small)


WRONG = {
    "shape": (sp.eye_array(N), r"`jacobian_pattern`: shape \(6, 6\), expected \(5, 6\)"),
    "type": (np.ones((M, N)), r"`jacobian_pattern`: a ndarray, expected a SparsityPattern.*from_dense"),
    "index": (
        lagrad.SparsityPattern(np.array([0]), np.array([N]), (M, N)),
        r"`jacobian_pattern`: .*column index 6 at position 0, expected 0 to 5",
    ),
}


@pytest.mark.parametrize("given, words", WRONG.values(), ids=WRONG)
def test_what_is_no_pattern_of_the_matrix_is_named(given, words):
    """Before anything is traced."""
    with pytest.raises(lagrad.ProblemError, match=words):
        lagrad.differentiate(problem(), jacobian_pattern=given)


def test_elements_and_given_patterns_exclude_each_other():
    """The message names both arguments."""
    with pytest.raises(lagrad.ProblemError, match="`strategy`: 'elements', but `jacobian_pattern`"):
        lagrad.differentiate(problem(), strategy="elements", jacobian_pattern=JACOBIAN)


def test_params_pytrees_and_no_rows_are_no_obstacle():
    """Entries count in the flat order of x; without rows only the Hessian has a pattern."""

    def energy(x, p):
        return p * x["a"] ** 2 * x["b"] + x["b"] ** 4

    declared = lagrad.Problem(energy, {"a": 1.0, "b": 2.0}, params=np.float64(3.0))
    found = lagrad.differentiate(declared, hessian_pattern=sp.coo_array([[1.0, 1.0], [0.0, 1.0]]))
    check(found, params=np.float64(0.5))
    assert found.plan.structure is not None


def test_a_given_pattern_solves():
    """A solve, too, ends with a look at the matrices."""
    derivatives = lagrad.differentiate(problem(), jacobian_pattern=JACOBIAN, hessian_pattern=UPPER)
    solution = lagrad.solve(derivatives, method="trust-constr")
    assert solution.success
    with jax.enable_x64(True):
        np.testing.assert_allclose(rows(jnp.asarray(solution.x)), 0.0, atol=1e-7)
