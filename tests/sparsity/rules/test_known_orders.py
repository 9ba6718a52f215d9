"""What is known before x is: orders of keys, exponents, programs inside unknown calls; no entry too many."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import lagrad
from lagrad.precision import float64

N = 12
X = np.linspace(0.3, 1.4, N)
KEYS = np.arange(N)[::-1] % 5 * 1.0


@jax.custom_vjp
def cube(x):
    """x^3 with a reverse rule only."""
    return x**3


cube.defvjp(lambda x: (cube(x), x), lambda x, w: (3 * w * x**2,))


@jax.custom_jvp
def called_back(x):
    """sin(x) by NumPy, with its derivative."""
    return jax.pure_callback(
        np.sin, jax.ShapeDtypeStruct(x.shape, x.dtype), x, vmap_method="legacy_vectorized"
    )


called_back.defjvp(lambda primals, tangents: (called_back(*primals), jnp.cos(primals[0]) * tangents[0]))


def sharded(x):
    """sin(x) over a mesh of one device."""
    spec = jax.sharding.PartitionSpec("i")
    mesh = jax.make_mesh((1,), ("i",), axis_types=(jax.sharding.AxisType.Auto,))
    return jax.shard_map(jnp.sin, mesh=mesh, in_specs=spec, out_specs=spec)(x)


KEY = jax.random.key(0)
ELEMENT_BY_ELEMENT = {
    "permutation": lambda x: jax.random.permutation(KEY, x) ** 2,
    "permutation of rows": lambda x: jax.random.permutation(KEY, x.reshape(4, 3)).reshape(-1) ** 2,
    "shuffled columns": lambda x: jax.random.permutation(
        KEY, x.reshape(4, 3), axis=1, independent=True
    ).reshape(-1) ** 2,
    "sort by known keys": lambda x: lax.sort((KEYS, x), num_keys=1)[1] ** 2,
    "sort by two known keys": lambda x: lax.sort((KEYS, -np.arange(N), x * x), num_keys=2)[2],
    "argsort of known keys": lambda x: jnp.sin(x[jnp.argsort(KEYS)]),
    "shard_map": sharded,
    "custom_vjp": cube,
    "both_modes": lagrad.nested.both_modes(cube),
    "rule around a callback": called_back,
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(ELEMENT_BY_ELEMENT))
def test_each_element_depends_on_one(name, recwarn):
    """As many entries as elements, to first and second order, and those that AD finds."""
    function = ELEMENT_BY_ELEMENT[name]
    pattern = lagrad.jacobian_sparsity(function, X)
    assert pattern.nnz == N
    assert lagrad.hessian_sparsity(lambda x: jnp.sum(function(x)), X).nnz == N
    with float64():
        dense = np.asarray(jax.jacrev(function)(jnp.asarray(X)))
    assert not (dense != 0)[~pattern.toarray()].any()
    assert not [each for each in recwarn if issubclass(each.category, lagrad.LagradWarning)]


def test_ties_that_may_be_broken_anyhow_are_not_known():
    """Sorting that is not stable may put equal keys in any order."""
    equal = np.zeros(N)
    assert lagrad.jacobian_sparsity(lambda x: lax.sort((equal, x), num_keys=1)[1], X).nnz == N
    loose = lambda x: lax.sort((equal, x), num_keys=1, is_stable=False)[1]  # noqa: E731
    assert lagrad.jacobian_sparsity(loose, X).nnz == N * N


def test_sorting_by_x_takes_any_element():
    """Keys that depend on x say nothing beforehand."""
    assert lagrad.jacobian_sparsity(lambda x: lax.sort((x, 2 * x), num_keys=1)[1], X).nnz == N * N


CURVED = {
    "power": (lambda x: x.at[np.array([1, 4])].power(3.0), 2),
    "apply": (lambda x: x.at[np.array([1, 4, 7])].apply(jnp.sin), 3),
    "multiply": (lambda x: x.at[np.array([1, 4])].multiply(3.0), 0),
    "known exponents": (lambda x: x ** np.array([0.0, 1.0, 2.0] * 4), 4),
}


@pytest.mark.parametrize("name", sorted(CURVED))
def test_only_what_is_bent_is_curved(name):
    """Elements that are left alone have no second derivative."""
    function, count = CURVED[name]
    assert lagrad.hessian_sparsity(lambda x: jnp.sum(function(x)), X).nnz == count


def test_solution_maps_stay_dense():
    """A program that solves something is not read: its rule would be long, and dense in the end."""
    root = lagrad.nested.implicit(
        lambda y, a: y + y**3 - a,
        lambda a: lax.fori_loop(0, 30, lambda _, y: y - (y + y**3 - a) / (1 + 3 * y**2), a),
    )
    assert lagrad.jacobian_sparsity(root, X).nnz == N * N
