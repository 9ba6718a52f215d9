"""Patterns of functions of pytrees, as a user asks for them."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from lagrad.sparsity import hessian_sparsity, jacobian_sparsity

X = {"a": np.zeros((2, 2), np.float32), "b": 0.0}


def test_jacobian_of_a_pytree_is_raveled():
    """Inputs and outputs in the order of ravel_pytree: a, then b."""
    pattern = jacobian_sparsity(lambda x: (x["b"] * 2, {"z": x["a"].T, "y": x["a"][0, 0]}), X)
    expected = np.zeros((6, 5))
    expected[[0, 1, 2, 3, 4, 5], [4, 0, 0, 2, 1, 3]] = 1
    np.testing.assert_array_equal(pattern.toarray(), expected)


def test_hessian_of_a_pytree_is_symmetric():
    """Outputs of any shape count as their sum."""
    pattern = hessian_sparsity(lambda x: x["a"] * x["b"], X)
    assert pattern.is_symmetric() and pattern.nnz == 8


def test_precision_of_the_input_does_not_matter():
    """Whatever the user's setting, the function is traced in double precision."""
    seen = []
    jacobian_sparsity(lambda x: seen.append(jnp.asarray(x["a"]).dtype) or x["a"], X)
    assert seen == [np.dtype(np.float64)]
