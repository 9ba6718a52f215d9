"""Linear algebra: what substitution meets is told apart entry by entry."""

from __future__ import annotations

from itertools import product

import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.scipy.linalg import block_diag

from lagrad.sparsity import hessian_sparsity, jacobian_sparsity
from tests.sparsity.oracles import dense_derivatives, nonzero

MATRICES = {
    "full": lambda x: x[:16].reshape(4, 4) + 3 * jnp.eye(4),
    "two diagonals": lambda x: jnp.diag(x[:4] + 3) + jnp.diag(x[4:7], -1) + jnp.diag(x[7:10], 1),
    "blocks": lambda x: block_diag(x[:4].reshape(2, 2), x[4:8].reshape(2, 2)) + 3 * jnp.eye(4),
}
WAYS = [
    dict(zip(("lower", "transpose_a", "unit_diagonal", "left_side"), each, strict=True))
    for each in product((False, True), repeat=4)
]


@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
def test_triangular_solves_take_what_substitution_meets(matrix):
    """The pattern of dense JAX, for known zeros in the matrix, and in whatever way it is read."""

    def solved(x):
        right = lambda way: x[16:].reshape((4, 2) if way["left_side"] else (2, 4))  # noqa: E731
        solve = lax.linalg.triangular_solve
        return jnp.concatenate([solve(matrix(x), right(way), **way).ravel() for way in WAYS])

    start = np.zeros(24)
    first, second = map(nonzero, dense_derivatives(solved, 24))
    np.testing.assert_array_equal(jacobian_sparsity(solved, start).toarray(), first)
    weights = jnp.cos(jnp.arange(8.0 * len(WAYS)))
    assert not (second & ~hessian_sparsity(lambda x: weights @ solved(x), start).toarray()).any()


def test_batches_of_triangular_solves_stay_apart():
    """Each matrix of a batch has known zeros of its own."""
    known = np.tril(np.random.default_rng(0).integers(0, 2, (3, 4, 4))) | np.eye(4, dtype=int)

    def solved(x):
        matrices, right = (x[:48].reshape(3, 4, 4) + 3 * jnp.eye(4)) * known, x[48:].reshape(3, 4, 1)
        return lax.linalg.triangular_solve(matrices, right, left_side=True, lower=True).ravel()

    first, _ = map(nonzero, dense_derivatives(solved, 60))
    np.testing.assert_array_equal(jacobian_sparsity(solved, np.zeros(60)).toarray(), first)


@pytest.mark.parametrize("size", [4, 21])
@pytest.mark.parametrize("function", [lambda a: jnp.linalg.slogdet(a)[1], jnp.linalg.det], ids=["log", "det"])
def test_entries_of_a_matrix_meet_in_its_determinant(function, size):
    """All that are not known, and what they are made of; pairs of smaller matrices are followed."""

    def determinant(x):
        return function(jnp.diag(jnp.sin(x[:size])) + jnp.ones((size, size))) * x[-1] + x[size]

    start, expected = np.ones(size + 2), np.ones((size + 2, size + 2))
    expected[size] = expected[:, size] = expected[-1, -1] = 0.0
    np.testing.assert_array_equal(hessian_sparsity(determinant, start).toarray(), expected)
    assert jacobian_sparsity(lambda x: determinant(x)[None], start).toarray().all()
