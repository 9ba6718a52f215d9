"""Cross second derivatives against dense Hessians and hand-written formulas."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lagrad import nested
from lagrad.pattern import SparsityPattern

X = np.array([0.3, -1.2])
W = np.arange(6.0).reshape(3, 2) / 7


def sines(x, w):
    return jnp.sum(jnp.sin(w @ x))


def sines_by_hand(x, w):
    """d2/dx_k dw_ij sin(w_i . x) = cos(w_i . x) [j = k] - sin(w_i . x) w_ik x_j."""
    argument = w @ x
    first = np.einsum("i,jk->kij", np.cos(argument), np.eye(x.size))
    return first - np.einsum("i,ik,j->kij", np.sin(argument), w, x)


def network(x, w):
    """A perceptron with kinks: relu layers, weights in a dict."""
    hidden = jax.nn.relu(w["first"] @ x["in"] + w["shift"])
    return jnp.sum(jnp.tanh(w["last"] @ jax.nn.relu(hidden * x["scale"])))


def network_point():
    keys = jax.random.split(jax.random.key(1), 3)
    weights = {
        "first": jax.random.normal(keys[0], (5, 3)),
        "shift": jax.random.normal(keys[1], (5,)),
        "last": jax.random.normal(keys[2], (2, 5)),
    }
    return {"in": jnp.array([0.5, -1.0, 2.0]), "scale": jnp.array(0.7)}, weights


@pytest.mark.parametrize("chunk", [None, 1, 4])
@pytest.mark.parametrize("swapped", [False, True])
def test_block_by_hand(swapped, chunk):
    """Both orders of the arguments: fewer rows than columns, and the other way round."""
    expected = sines_by_hand(X, W)
    if swapped:
        found = nested.cross_hessian(lambda w, x: sines(x, w), chunk=chunk)(W, X)
        expected = np.moveaxis(expected, 0, -1)
    else:
        found = nested.cross_hessian(sines, chunk=chunk)(X, W)
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)


def test_pytrees_with_kinks():
    """A tree of trees, as dense differentiation gives it."""
    x, w = network_point()
    found = jax.jit(nested.cross_hessian(network))(x, w)
    expected = jax.jit(jax.jacfwd(jax.grad(network), argnums=1))(x, w)
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for left, right in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("argnums", [(0, 2), (2, 0), (1, 2)])
def test_other_arguments(argnums):
    """argnums names any two arguments; the others are constants."""

    def f(a, b, c):
        return jnp.sum(jnp.outer(a, b) ** 2) * jnp.sum(c**2)

    args = (np.ones(2), np.arange(3.0), np.arange(1.0, 5.0))
    expected = jax.jit(jax.jacfwd(jax.grad(f, argnums=argnums[0]), argnums=argnums[1]))(*args)
    found = jax.jit(nested.cross_hessian(f, argnums))(*args)
    np.testing.assert_allclose(found, expected, rtol=1e-13)


@pytest.mark.parametrize(("p", "q"), [(2, 50), (50, 2)])
def test_number_of_passes_is_the_smaller_dimension(p, q):
    """The program holds gradients of a batch of min(p, q), and none of max(p, q)."""
    block = nested.cross_hessian(lambda x, w: jnp.sum(jnp.outer(x, w) ** 3))
    program = str(jax.make_jaxpr(block)(np.ones(p), np.ones(q)))
    assert "f64[50,50" not in program
    assert f"f64[2,{p},{q}]" in program


def test_products_with_both_sides():
    """C v and C'u are those of the dense block."""
    v, u, block = np.cos(W), np.array([2.0, -1.0]), sines_by_hand(X, W)
    np.testing.assert_allclose(
        nested.cross_product(sines, X, W, v), np.einsum("kij,ij->k", block, v), rtol=1e-13
    )
    np.testing.assert_allclose(
        nested.cross_transpose_product(sines, X, W, u), np.einsum("kij,k->ij", block, u), rtol=1e-13
    )


def chain(x, w):
    """Neighbors in x share one entry of w: C has two diagonals."""
    return jnp.sum((x[1:] - x[:-1]) ** 2 * jnp.exp(w))


def chain_pattern(p):
    dense = np.zeros((p, p - 1), bool)
    dense[np.arange(p - 1), np.arange(p - 1)] = dense[np.arange(1, p), np.arange(p - 1)] = True
    return SparsityPattern.from_dense(dense)


@pytest.mark.parametrize("side", ["rows", "columns"])
def test_sparse_block_equals_the_dense_one(side):
    """Two colors give every entry, from either side."""
    x, w = np.arange(8.0) ** 1.5, np.linspace(0, 1, 7)
    colors = np.arange(8 if side == "rows" else 7) % 2 + 1
    found = nested.sparse_cross_hessian(chain, chain_pattern(8), **{side: colors})(x, w)
    assert found.nnz == 14
    np.testing.assert_allclose(found.toarray(), nested.cross_hessian(chain)(x, w), rtol=1e-13, atol=1e-14)


def test_wrong_colors_are_named():
    """One side, of the right size."""
    make = partial(nested.sparse_cross_hessian, chain, chain_pattern(8))
    with pytest.raises(ValueError, match="give the colors of one side"):
        make()
    with pytest.raises(ValueError, match=r"`columns` has shape \(8,\), expected \(7,\)"):
        make(columns=np.ones(8))
