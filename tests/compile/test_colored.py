"""Laws of colored sweeps: compressed products, read entry by entry, are the matrix."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lagrad.coloring import color_bidirectional, color_columns, color_rows, color_symmetric
from lagrad.compile import colored
from lagrad.pattern import SparsityPattern
from lagrad.precision import float64

N = 9
X = np.linspace(0.2, 1.0, N)
WEIGHTS = np.linspace(-1.0, 2.0, N)


def rows(x):
    """An arrow and a band: one dense row, one dense column."""
    return jnp.concatenate([jnp.sum(x**2)[None], x[:-1] * jnp.sin(x[1:]) + x[0] ** 2])


def jacobian():
    """Dense, by JAX."""
    with float64():
        return np.asarray(jax.jacobian(rows)(X))


def hessian():
    """Dense, by JAX."""
    with float64():
        return np.asarray(jax.hessian(lambda x: WEIGHTS @ rows(x))(X))


def matrix(sweeps, values) -> np.ndarray:
    """Entries where they belong."""
    found = np.zeros((N, N))
    found[sweeps.rows, sweeps.columns] = values
    return found


@pytest.mark.parametrize("color", [color_columns, color_rows, color_bidirectional])
@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_jacobian_is_read_from_sweeps(color, chunk):
    """Forward, backward or both ways, however many at once."""
    sweeps = colored.jacobian(rows, color(SparsityPattern.from_dense(jacobian())), chunk)
    with float64():
        products = np.asarray(jax.jit(sweeps.function)(X, np.zeros(1)))
    np.testing.assert_allclose(matrix(sweeps, sweeps.read(products)), jacobian(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("method", ["star", "acyclic"])
@pytest.mark.parametrize("mode", ["forward-over-reverse", "reverse-over-reverse"])
def test_lower_triangle_is_read_from_hessian_products(method, mode):
    """Direct recovery and substitution."""
    coloring = color_symmetric(SparsityPattern.from_dense(hessian()), method=method)
    sweeps = colored.hessian(rows, coloring, 2, mode)
    with float64():
        products = np.asarray(jax.jit(sweeps.function)(X, WEIGHTS))
    assert (sweeps.rows >= sweeps.columns).all()
    np.testing.assert_allclose(
        matrix(sweeps, sweeps.read(products)), np.tril(hessian()), rtol=1e-11, atol=1e-13
    )
