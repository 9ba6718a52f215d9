"""Constant sparse matrices times batches of vectors are products."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp

import lagrad
from lagrad.batched.element_values import times


@pytest.mark.parametrize("density", [0.0, 0.02, 0.1, 1.0])
def test_products_are_those_of_dense_matrices(density):
    """Short rows, long rows of many lengths, empty ones: whatever way is taken."""
    random = np.random.default_rng(3)
    matrix = sp.random_array((60, 900), density=density, rng=random, format="lil")
    for row, count in ((3, 1), (5, 4), (7, 5), (11, 31), (13, 32), (17, 33)):
        matrix[row, :] = 0.0
        matrix[row, random.choice(900, count, replace=False)] = random.normal(size=count)
    matrix, vectors = sp.csr_array(matrix), random.normal(size=(900, 6))
    with jax.enable_x64(True):
        found = jax.jit(lambda v: times(matrix, v))(vectors)
    np.testing.assert_allclose(found, matrix.toarray() @ vectors, rtol=1e-12, atol=1e-12)


def test_many_elements_on_few_variables_take_no_dense_matrix():
    """A small network at many points: its Hessian adds up many numbers an entry, each number in one entry."""
    points = np.linspace(-1.0, 1.0, 300)

    def loss(x, p):
        return jnp.sum((x[3:] @ jnp.tanh(x[:3, None] * points) - p * points**2) ** 2)

    with jax.enable_x64(True):
        solver = lagrad.batched(lagrad.Problem(loss, np.linspace(0.5, 1.5, 6), params=1.0))
        text = jax.jit(solver.many).lower(np.ones(4)).as_text()
    assert len(text) < 1.5e6
