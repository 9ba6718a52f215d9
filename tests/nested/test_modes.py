"""The four nestings and two Jacobian modes against formulas written by hand and finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from lagrad import nested


def quartic(tree):
    """f = sum a_i^4 / 12 + (sum a)(b . b): its Hessian is known in closed form."""
    return jnp.sum(tree["a"] ** 4) / 12 + jnp.sum(tree["a"]) * jnp.sum(tree["b"] ** 2)


def quartic_hessian(a, b):
    corner = np.ones((a.size, 1)) * 2 * b.ravel()
    return np.block([[np.diag(a**2), corner], [corner.T, 2 * a.sum() * np.eye(b.size)]])


def point():
    return {"a": jnp.array([1.0, -2.0, 0.5]), "b": jnp.array([[0.3, 4.0], [-1.0, 0.0]])}


@pytest.mark.parametrize("mode", nested.MODES)
def test_product_is_hessian_times_direction(mode):
    """H v by hand equals every nesting, entry by entry, in the structure of x."""
    x = point()
    v = jax.tree.map(lambda leaf: jnp.cos(leaf + 1), x)
    expected = quartic_hessian(np.asarray(x["a"]), np.asarray(x["b"])) @ np.asarray(ravel_pytree(v)[0])
    product = nested.hvp(quartic, x, v, mode=mode)
    assert jax.tree.structure(product) == jax.tree.structure(x)
    np.testing.assert_allclose(ravel_pytree(product)[0], expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("chunk", [None, 3])
@pytest.mark.parametrize("mode", nested.MODES)
def test_hessian_does_not_depend_on_mode_or_chunk(mode, chunk):
    """The dense Hessian equals the one written by hand."""
    x = point()
    expected = quartic_hessian(np.asarray(x["a"]), np.asarray(x["b"]))
    np.testing.assert_allclose(nested.hessian(quartic, x, mode, chunk), expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("mode", nested.MODES)
def test_smallest_sizes(mode, n):
    """No variable and one variable are no special cases."""
    x = jnp.full(n, 2.0)
    np.testing.assert_allclose(nested.hessian(lambda x: jnp.sum(x**3), x, mode), 12.0 * np.eye(n))


@pytest.mark.parametrize("mode", nested.MODES)
def test_product_agrees_with_finite_differences(mode):
    """The slope of the gradient along v, by central differences of f alone."""

    def f(x):
        return jnp.sum(jnp.sin(x[:-1] * x[1:])) + jnp.exp(0.1 * x[0])

    x, v, step = jnp.linspace(0.2, 1.4, 5), jnp.array([1.0, -1.0, 0.5, 0.0, 2.0]), 1e-4
    units, w = step * np.eye(5), step * v
    differences = [(f(x + e + w) - f(x + e - w) - f(x - e + w) + f(x - e - w)) / (4 * step**2) for e in units]
    # Central differences of second order with step 1e-4 leave about 1e-8 and rounding 1e-8.
    np.testing.assert_allclose(nested.hvp(f, x, v, mode), differences, atol=1e-6)


@pytest.mark.parametrize("chunk", [None, 2])
@pytest.mark.parametrize("mode", ["forward", "reverse", "auto"])
@pytest.mark.parametrize("m", [0, 1, 5])
def test_jacobian_is_the_matrix_of_partial_derivatives(m, mode, chunk):
    """J[i, j] = a_ij cos(x_j), whatever the mode, for wide and tall shapes."""
    matrix = np.arange(3.0 * m).reshape(m, 3)
    x = jnp.array([0.1, 0.2, 0.3])
    found = nested.jacobian(lambda x: {"y": matrix @ jnp.sin(x)}, x, mode, chunk)
    np.testing.assert_allclose(found, matrix * np.cos(x), rtol=1e-14)


def test_unknown_mode_is_named():
    """The message lists what there is."""
    with pytest.raises(
        ValueError, match="nested.hvp: `mode` is 'sideways', expected one of forward-over-rev"
    ):
        nested.hvp(jnp.sum, jnp.ones(2), jnp.ones(2), mode="sideways")
