"""Links of contractions: which factor reaches which output, with batches and free axes of every size."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lagrad.sparsity import hessian_sparsity, jacobian_sparsity

# Subscripts, shapes of both factors.
CONTRACTIONS = {
    "matrix product": ("ij,jk->ik", (3, 4), (4, 2)),
    "batch": ("bij,bjk->bik", (3, 2, 4), (3, 4, 5)),
    "batch without free axes": ("bi,bi->b", (5, 3), (5, 3)),
    "outer product": ("i,j->ij", (3,), (4,)),
    "two contracted axes": ("ijk,jkl->il", (2, 3, 2), (3, 2, 4)),
    "one of each": ("bi,bi->b", (1, 1), (1, 1)),
}


@pytest.mark.parametrize("name", CONTRACTIONS)
def test_patterns_are_those_of_dense_jax(name):
    """Entry by entry, with either factor constant and with both of x."""
    subscripts, *shapes = CONTRACTIONS[name]
    rng = np.random.default_rng(0)
    sizes = [int(np.prod(shape)) for shape in shapes]
    constants = [rng.uniform(1.0, 2.0, shape) for shape in shapes]

    def functions():
        yield sizes[0], lambda x: jnp.einsum(subscripts, x.reshape(shapes[0]), constants[1]).ravel()
        yield sizes[1], lambda x: jnp.einsum(subscripts, constants[0], x.reshape(shapes[1])).ravel()

        def both(x):
            left, right = x[: sizes[0]].reshape(shapes[0]), x[sizes[0] :].reshape(shapes[1])
            return jnp.einsum(subscripts, left, right).ravel()

        yield sum(sizes), both

    with jax.enable_x64(True):
        for size, function in functions():
            x = rng.uniform(1.0, 2.0, size)
            weighted = lambda x, function=function: jnp.sum(jnp.sqrt(2.0 + function(x)))  # noqa: E731
            np.testing.assert_array_equal(
                jacobian_sparsity(function, x).toarray(), np.asarray(jax.jacfwd(function)(x)) != 0
            )
            true = np.asarray(jax.hessian(weighted)(x)) != 0
            found = hessian_sparsity(weighted, x).toarray()
            assert (found | found.T)[true].all()
