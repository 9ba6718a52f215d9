"""Stages and their factors: a chain in any order is found, and factored like a dense matrix."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lagrad.batched.dense import Dense
from lagrad.batched.small import LARGEST, inverse_factor, product, times, times_transposed
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
        pairs = [
            (each, each.hessian(batch(values)), each.jacobian(batch(entries))) for each in (staged, dense)
        ]
        for verb in ("times_hessian", "times", "times_transposed"):
            one, other = (
                flat(each, verb)(
                    getattr(each, verb)(
                        h if verb == "times_hessian" else j,
                        each.rows(batch(w)) if "transposed" in verb else each.variables(batch(x)),
                    )
                )
                for each, h, j in pairs
            )
            np.testing.assert_allclose(one, other, atol=1e-12)
        factors = [(each, factor(each, h, j, diagonal, weights)) for each, h, j in pairs]
        one, other = (
            each.flat_variables(each.solve(found, each.variables(batch(x)))) for each, found in factors
        )
        np.testing.assert_allclose(one, other, atol=1e-10)
        assert all(each.is_definite(found).all() for each, found in factors)
        for each, h, j in pairs:
            shifted = diagonal - np.array([0.0, 30.0])[:, None]
            mixed = each.factor(h, each.variables(shifted.T, 1.0), j, each.rows(batch(weights)))
            assert each.is_definite(mixed).tolist() == [True, False]


def batch(vector: np.ndarray) -> jax.Array:
    """Two of the same, side by side."""
    return jnp.stack([vector, vector], axis=-1)


def factor(algebra, hessian, jacobian, diagonal, weights):
    """The factor of two equal matrices."""
    return algebra.factor(
        hessian, algebra.variables(batch(diagonal), 1.0), jacobian, algebra.rows(batch(weights))
    )


def flat(algebra, verb: str):
    """What brings a product into the order of the declaration."""
    return algebra.flat_rows if verb == "times" else algebra.flat_variables


@pytest.mark.parametrize("size", [1, 4, LARGEST + 2])
def test_small_factors_are_those_of_numpy(size):
    """L^-1 of each matrix of a batch; nan for just those that have no factor."""
    a = np.random.default_rng(4).normal(size=(size, size + 2, 3))
    matrices = np.einsum("ijb,kjb->ikb", a, a) * np.array([1.0, -1.0, 2.0])
    with jax.enable_x64(True):
        inverse = np.asarray(inverse_factor(jnp.asarray(matrices)))
    for k in (0, 2):
        expected = np.linalg.inv(np.linalg.cholesky(matrices[..., k]))
        np.testing.assert_allclose(np.tril(inverse[..., k]), expected, atol=1e-10)
    assert np.isnan(inverse[-1, -1, 1])


def test_small_products_are_those_of_numpy():
    """A x, A' x and A C, whether they are written out or looped over."""
    rng = np.random.default_rng(5)
    shapes = (2, 4, 5), (2, 4, 20, 5), (2, 20, 3, 5), (2, 20, 5)
    with jax.enable_x64(True):
        y, a, c, x = (jnp.asarray(rng.normal(size=shape)) for shape in shapes)
        for k in (3, 20):
            a_k, x_k, c_k = a[:, :, :k], x[:, :k], c[:, :k]
            np.testing.assert_allclose(times(a_k, x_k), jnp.einsum("tijb,tjb->tib", a_k, x_k), atol=1e-12)
            np.testing.assert_allclose(product(a_k, c_k), jnp.einsum("tijb,tjkb->tikb", a_k, c_k), atol=1e-12)
        expected = jnp.einsum("tijb,tib->tjb", a, y)
        np.testing.assert_allclose(times_transposed(a, y), expected, atol=1e-12)
