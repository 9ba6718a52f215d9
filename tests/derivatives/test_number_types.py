"""Numbers of few digits, whole numbers, complex ones, random keys, places out of bounds: what JAX gives.

Values and derivatives of every strategy are JAX's, compiled as they are written.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad.precision import float64

X = np.array([0.3, 0.6, 1.4])
BYTES = np.full(4, 200, np.uint8)
KEY = jax.random.key(1)
PHASES = np.array([1j, 2, 3])
FILLED = lambda x, places, value: x.at[places].get(mode="fill", fill_value=value)  # noqa: E731


def rounded(function, dtype):
    """A function computed in few digits."""
    return lambda x: function(x.astype(dtype)).astype(jnp.float64)


def network(x):
    """A small network in single precision."""
    first = np.arange(12, dtype=np.float32).reshape(4, 3) / 10
    return jax.nn.relu(first @ x) @ np.ones((4, 3), np.float32) - jax.nn.logsumexp(x)


FEW_DIGITS = {
    "sine in bfloat16": rounded(jnp.sin, jnp.bfloat16),
    "softplus in bfloat16": rounded(jax.nn.softplus, jnp.bfloat16),
    "float8": rounded(lambda x: x * x, jnp.float8_e4m3fn),
    "products in float16": rounded(lambda x: 3 * x * x[::-1] + x, np.float16),
    "relu in float32": rounded(jax.nn.relu, np.float32),
    "selection in float32": rounded(lambda x: jnp.where(x > 0.5, x * x, -x), np.float32),
    "power in float32": rounded(lambda x: x**2.5 + x**3, np.float32),
    "clip in float32": rounded(lambda x: jnp.clip(x, 0.4, 1.0), np.float32),
    "network in float32": rounded(network, np.float32),
    "sum in float32": rounded(lambda x: jnp.cumsum(x) + jnp.sum(x), np.float32),
    "there and back": lambda x: jnp.sin(x) * x.astype(np.float32).astype(float) + x,
    "reduced precision": lambda x: jax.lax.reduce_precision(x, 8, 7) * x,
}
WHOLE_NUMBERS = {
    "bytes": lambda x: x * jnp.dot(BYTES, BYTES, preferred_element_type=jnp.int32),
    "matrix of bytes": lambda x: (
        x * jnp.matmul(BYTES[:, None], BYTES[None], preferred_element_type=np.int32)[0, 0]
    ),
    "bytes that overflow": lambda x: x * (BYTES[:3] + BYTES[:3]),
    "signed division": lambda x: x * (jnp.array([-7, 7, -128], np.int8) // jnp.array([2, -2, -1], np.int8)),
    "counted": lambda x: (
        x * jnp.zeros(3, np.int32).at[np.array([0, 0, 2])].add(np.array([1, 2, 3], np.int32))
    ),
}
COMPLEX = {
    "scattered": lambda x: jnp.real(jnp.zeros(3, complex).at[np.array([0, 0])].add(1j * np.arange(2.0)) + x),
    "scattered phases": lambda x: jnp.abs(jnp.zeros(3, complex).at[np.array([0, 2, 2])].add(PHASES) + x),
    "turned": lambda x: jnp.imag((1 + 2j) * jnp.exp(1j * x)),
}  # fmt: skip
PLACES = {
    "nan outside": lambda x: jnp.take(x, np.array([0, 9, 1])),
    "filled": lambda x: x.at[np.array([0, 9, -1])].get(mode="fill", fill_value=5.0),
    "filled and bent": lambda x: jnp.sin(x.at[np.array([0, 9, 1])].get(mode="fill", fill_value=5.0)) * x,
    "filled twice": lambda x: FILLED(FILLED(x, np.array([9, 1, 7]), 0.5) * 2, np.array([0, 8, 1]), -1.0),
    "clipped": lambda x: x.at[np.array([0, 9, -8])].get(mode="clip") ** 2,
    "dropped": lambda x: x.at[np.array([0, 9])].add(x[:2], mode="drop"),
}  # fmt: skip
RANDOM = {
    "gamma": lambda x: jax.random.gamma(KEY, x),
    "scaled normal": lambda x: x * jax.random.normal(KEY, (3,)),
    "permuted": lambda x: jax.random.permutation(KEY, jnp.sin(x)),
    "drawn": lambda x: jax.random.choice(KEY, x, (3,), replace=False),
}
# Long to compile, in JAX already.
SLOW = {
    "beta": lambda x: jax.random.beta(KEY, x, 2 * x),
    "dirichlet": lambda x: jax.random.dirichlet(KEY, x),
    "gamma by keys": lambda x: jax.vmap(jax.random.gamma)(jax.random.split(KEY, 3), x),
}
CASES = FEW_DIGITS | WHOLE_NUMBERS | COMPLEX | PLACES | RANDOM


def compare(function, strategy: str) -> None:
    """Values, Jacobian and Hessian of the sum of squares plus the rows, beside JAX's own."""
    problem = lagrad.Problem(lambda x: jnp.sum((x - 1) ** 2), X, lagrad.Equality(function))
    derivatives = lagrad.differentiate(problem, strategy=strategy, check=False)
    weights = np.array([1.0, -2.0, 0.5])
    with float64():
        x = jnp.asarray(X)
        values = jax.jit(function)(x)
        jacobian = jax.jit(jax.jacrev(function))(x)
        hessian = jax.jit(
            jax.hessian(lambda x: jnp.sum((x - 1) ** 2) + weights @ jnp.nan_to_num(function(x)))
        )(x)
    np.testing.assert_allclose(derivatives.constraints(X), values, rtol=1e-13)
    # Forward and reverse sweeps round differently where there is something to round.
    tolerance = 0.02 if function in FEW_DIGITS.values() else 1e-12
    np.testing.assert_allclose(derivatives.jacobian(X).toarray(), jacobian, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(
        derivatives.hessian(X, weights).toarray(), hessian, rtol=tolerance, atol=tolerance
    )


# Machine code of the gamma distribution's draws is long to compile; by coloring they are in the fast tests.
PAIRS = [
    pytest.param(name, strategy, marks=[pytest.mark.slow] * ((name, strategy) == ("gamma", "auto")))
    for name in sorted(CASES)
    for strategy in ("auto", "colored")
]


@pytest.mark.parametrize(("name", "strategy"), PAIRS)
def test_what_jax_gives(name, strategy):
    """Nothing is lost without a word: neither a derivative, nor a rounding, nor a nan."""
    compare(CASES[name], strategy)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["auto", "colored"])
@pytest.mark.parametrize("name", sorted(SLOW))
def test_what_jax_gives_of_random_draws(name, strategy):
    """Draws that depend on x, by JAX's own derivatives of them."""
    compare(SLOW[name], strategy)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float8_e5m2, np.float16, np.float32])
def test_numbers_of_few_digits_have_derivatives(dtype):
    """Patterns do not depend on how many digits there are."""
    assert lagrad.jacobian_sparsity(rounded(jnp.sin, dtype), X).nnz == 3
    assert lagrad.hessian_sparsity(lambda x: jnp.sum(rounded(jnp.sin, dtype)(x)), X).nnz == 3


def test_a_place_outside_is_no_solution():
    """A row that is nan is told, not left out; a row that is filled is what it is filled with."""
    bad = lagrad.Problem(
        lambda x: jnp.sum((x - 2) ** 2), X, lagrad.Inequality(PLACES["nan outside"], upper=1.0)
    )
    with pytest.raises(lagrad.DerivativeError, match=r"constraint\[1\] is nan"):
        lagrad.solve(bad, "trust-constr")
    filled = lagrad.Equality(
        lambda x: x.at[np.array([0, 9])].get(mode="fill", fill_value=5.0), np.array([1.0, 5.0])
    )
    good = lagrad.solve(lagrad.Problem(lambda x: jnp.sum((x - 2) ** 2), X, filled), "trust-constr")
    assert good.success
    np.testing.assert_allclose(good.x, [1.0, 2.0, 2.0], atol=1e-5)


def test_affine_rows_through_an_iterative_solver():
    """JAX cannot push such rows' adjoints; their Hessian is zero, and the others' are right."""

    def solved(x):
        product = lambda u: 3 * u + 0.1 * jnp.roll(u, 1) + 0.1 * jnp.roll(u, -1)  # noqa: E731
        return jax.scipy.sparse.linalg.cg(product, x, tol=1e-13)[0]

    n = 4
    matrix = 3 * np.eye(n) + 0.1 * (np.roll(np.eye(n), 1, 0) + np.roll(np.eye(n), -1, 0))
    inverse, x, weights = np.linalg.inv(matrix), np.linspace(0.5, 1, n), np.arange(1.0, n + 1)
    problem = lagrad.Problem(lambda x: x @ x + jnp.sum(solved(x) ** 3), x, lagrad.Equality(solved))
    expected = 2 * np.eye(n) + inverse.T @ np.diag(6 * (inverse @ x)) @ inverse
    for strategy in ("auto", "colored", "dense"):
        derivatives = lagrad.differentiate(problem, strategy=strategy)
        np.testing.assert_allclose(derivatives.jacobian(x).toarray(), inverse, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(derivatives.hessian(x, weights).toarray(), expected, rtol=1e-10)
        np.testing.assert_allclose(derivatives.hvp(x, weights, x), expected @ x, rtol=1e-10)
