"""Programs inside equations: which are found, whatever form they come in."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from lagrad.primitives.calls import names_in
from lagrad.sparsity.sparsity import jacobian_sparsity


def exponential(x):
    """Of a single matrix: JAX's program holds programs that name constants of the equation around them."""
    return jax.scipy.linalg.expm(x.reshape(2, 2))


def test_programs_that_name_constants_are_looked_into():
    """A switch over orders of Pade's approximation stands inside."""
    names = set(names_in(jax.make_jaxpr(exponential)(jnp.ones(4))))
    assert {"cond", "dot_general"} <= names


def test_such_programs_have_a_pattern():
    """Every entry of the exponential depends on every entry of the matrix."""
    assert jacobian_sparsity(exponential, jnp.ones(4)).nnz == 16
