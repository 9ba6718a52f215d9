"""Solves that read one triangle of a matrix have the derivative of what they read."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad.precision import float64
from lagrad.program.program import numbered
from lagrad.program.symmetric_solves import with_symmetric_solves


def problem(n: int, lower: bool, junk: float) -> tuple[lagrad.Problem, np.ndarray]:
    """A system whose matrix has one triangle of x and `junk` times its squares in the other."""
    places = np.tril_indices(n) if lower else np.triu_indices(n)
    count = n * (n + 1) // 2

    def solved(x):
        triangle = jnp.zeros((n, n)).at[places].set(x[:count]) + 3 * jnp.eye(n)
        other = junk * (jnp.tril(triangle, -1) if lower else jnp.triu(triangle, 1)).T ** 2
        return jax.scipy.linalg.solve(triangle + other, x[count:], assume_a="pos", lower=lower)

    x = np.linspace(0.3, 1.0, count + n)
    return lagrad.Problem(lambda x: jnp.sum(solved(x) ** 2), x, lagrad.Equality(solved)), x


def by_numpy(n: int, lower: bool, x: np.ndarray) -> np.ndarray:
    """The solution for the mirrored triangle."""
    matrix, places = np.zeros((n, n)), np.tril_indices(n) if lower else np.triu_indices(n)
    matrix[places] = x[: n * (n + 1) // 2]
    matrix += 3 * np.eye(n)
    matrix = matrix + matrix.T - np.diag(np.diag(matrix))
    return np.linalg.solve(matrix, x[n * (n + 1) // 2 :])


@pytest.mark.parametrize("strategy", ["auto", "colored"])
@pytest.mark.parametrize("n, lower, junk", [(2, True, 0.0), (3, True, 0.7), (3, False, 0.0), (4, True, 0.0)])
def test_derivatives_are_those_of_the_values(n, lower, junk, strategy):
    """Beside differences of NumPy's solution; JAX's own derivative is off by several per cent."""
    declared, x = problem(n, lower, junk)
    derivatives = lagrad.differentiate(declared, strategy=strategy)
    np.testing.assert_allclose(derivatives.constraints(x), by_numpy(n, lower, x), rtol=1e-12)
    steps = 1e-6 * np.eye(x.size)
    expected = [(by_numpy(n, lower, x + s) - by_numpy(n, lower, x - s)) / 2e-6 for s in steps]
    np.testing.assert_allclose(
        derivatives.jacobian(x).toarray(), np.transpose(expected), rtol=1e-7, atol=1e-9
    )


def test_other_programs_stay_as_they_are():
    """Neither a plain factor nor a plain solve is touched."""
    with float64():
        for function in (jnp.linalg.cholesky, lambda a: jnp.linalg.solve(a, jnp.ones(3))):
            program = numbered(jax.make_jaxpr(function)(np.eye(3)))
            assert with_symmetric_solves(program) is program
