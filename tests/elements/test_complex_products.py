"""Hold products of real variables and complex constants against dense JAX."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad

TURNS = np.exp(-2j * np.pi * np.outer(np.arange(5), np.arange(2)) / 5)


def scattered(x):
    """Imaginary parts set, real ones added."""
    v = jnp.zeros(5, complex).at[jnp.array([1, 3])].set(x[:2] * 1j).at[4].add(x[2] ** 2)
    return jnp.real(v * jnp.conj(v)) * x[3]


MODELS = {
    "matrix times vector": lambda x: jnp.abs(TURNS @ x[:2]) ** 2 * x[2:],
    "vector times matrix": lambda x: jnp.real(x[:2] @ TURNS.T) ** 2 * x[2:],
    "three factors": lambda x: jnp.real(jnp.einsum("ij,j,i->i", TURNS, x[:2], jnp.exp(1j * x[2:]))),
    "scattered": scattered,
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("strategy", ["auto", "elements"])
def test_complex_matrices_take_real_variables(name, strategy):
    """A real array is made complex before it meets a complex matrix, as `dot_general` does by itself."""
    rows, x, weights = MODELS[name], np.linspace(0.3, 1.1, 7), np.arange(1.0, 6.0)
    problem = lagrad.Problem(lambda x: jnp.sum(x**2), x, lagrad.Equality(rows))
    derivatives = lagrad.differentiate(problem, strategy=strategy)
    with jax.enable_x64(True):
        jacobian = jax.jacfwd(rows)(jnp.asarray(x))
        hessian = jax.hessian(lambda x: jnp.sum(x**2) + weights @ rows(x))(jnp.asarray(x))
    np.testing.assert_allclose(derivatives.jacobian(x).toarray(), jacobian, atol=1e-13)
    np.testing.assert_allclose(derivatives.hessian(x, weights).toarray(), hessian, atol=1e-12)
