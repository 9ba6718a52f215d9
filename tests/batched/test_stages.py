"""Stages and their factors: a chain in any order is found, and factored like a dense matrix."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lagrad.batched.dense import Dense
from lagrad.batched.small import cholesky, solve_lower, solve_lower_transposed
from lagrad.batched.staged import Staged
from lagrad.batched.stages import stages_of


def chain(stages: int, width: int, rows: int, seed: int = 0):
    """Triplets of J and of the lower triangle of H of a chain whose variables are shuffled."""
    rng = np.random.default_rng(seed)
    n, m = stages * width, (stages - 1) * rows
    order = rng.permutation(n).reshape(stages, width)
    jacobian = [
        (k * rows + r, column)
        for k in range(stages - 1)
        for r in range(rows)
        for column in np.concatenate([order[k], order[k + 1]])
    ]
    hessian = [(max(a, b), min(a, b)) for block in order for a in block for b in block if a >= b]
    jacobian, hessian = (tuple(np.array(sorted(set(each))).T) for each in (jacobian, hessian))
    return jacobian, hessian, (m, n)


@pytest.mark.parametrize(("stages", "width"), [(7, 3), (2, 4), (12, 1)])
def test_stages_of_a_shuffled_chain_are_found(stages, width):
    """As many stages as the chain has, none wider."""
    jacobian, hessian, shape = chain(stages, width, 2)
    found = stages_of(jacobian, hessian, shape, np.ones(shape[1], bool))
    assert found.width <= 2 * width
    assert found.count >= stages // 2
    level = found.level
    for row in range(shape[0]):
        own = level[jacobian[1][jacobian[0] == row]]
        assert own.max() - own.min() <= 1


def test_staged_algebra_is_dense_algebra():
    """Products, factors and solves agree with plain matrices."""
    jacobian, hessian, (m, n) = chain(6, 3, 2)
    rng, moves = np.random.default_rng(3), np.ones(n, bool)
    values, entries = rng.normal(size=hessian[0].size), rng.normal(size=jacobian[0].size)
    staged = Staged.of(stages_of(jacobian, hessian, (m, n), moves), jacobian, hessian, (m, n), moves)
    dense = Dense.of(jacobian, hessian, (m, n))
    x, w, diagonal = rng.normal(size=n), rng.normal(size=m), rng.uniform(8.0, 9.0, n)
    weights = rng.uniform(0.5, 2.0, m)
    with jax.enable_x64(True):
        pairs = [(each, each.hessian(values), each.jacobian(entries)) for each in (staged, dense)]
        for verb in ("times_hessian", "times", "times_transposed"):
            one, other = (
                getattr(each, verb)(h if verb == "times_hessian" else j, w if "transposed" in verb else x)
                for each, h, j in pairs
            )
            np.testing.assert_allclose(one, other, atol=1e-12)
        factors = [(each, each.factor(h, diagonal, j, weights)) for each, h, j in pairs]
        one, other = (each.solve(factor, jnp.asarray(x)) for each, factor in factors)
        np.testing.assert_allclose(one, other, atol=1e-10)
        assert all(each.is_definite(factor) for each, factor in factors)
        below = [each.factor(h, diagonal - 30.0, j, weights) for each, h, j in pairs]
        assert not any(each.is_definite(factor) for (each, *_), factor in zip(pairs, below, strict=True))


def test_small_factors_are_those_of_numpy():
    """L, L^-1 b and L^-T b of a small matrix; nan without a factor."""
    a = np.random.default_rng(4).normal(size=(4, 6))
    matrix, right = a @ a.T, np.arange(8.0).reshape(4, 2)
    with jax.enable_x64(True):
        factor = cholesky(jnp.asarray(matrix))
        np.testing.assert_allclose(factor, np.linalg.cholesky(matrix), atol=1e-12)
        np.testing.assert_allclose(factor @ solve_lower(factor, right), right, atol=1e-10)
        np.testing.assert_allclose(factor.T @ solve_lower_transposed(factor, right), right, atol=1e-10)
        assert np.isnan(cholesky(jnp.asarray(-matrix))).any()
