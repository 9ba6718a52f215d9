"""Nested derivatives inside of objectives and constraints: patterns and values against dense JAX."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import lagrad
from lagrad import nested


def energy(q):
    return jnp.sum((q[1:] - q[:-1]) ** 4) / 4 + jnp.sum(jnp.cos(q))


def cube_root(a):
    """y^3 + y = a by Newton's method, entry by entry."""

    def residual(y):
        return y**3 + y - a

    step = lambda y: y - residual(y) / (3 * y**2 + 1)  # noqa: E731
    return lax.while_loop(lambda y: jnp.max(jnp.abs(residual(y))) > 1e-13, step, jnp.zeros_like(a))


def long_chain(scan):
    def end(x):
        return scan(lambda q, u: (q + 0.1 * jnp.sin(q) * u, None), x[0], x)[0]

    return lambda x: jax.vmap(end)(x.reshape(4, -1))


square = jax.custom_vjp(lambda x: x * x)
square.defvjp(lambda x: (square(x), x), lambda x, w: (2 * x * w,))

# Constraint with the tool, the same without, nonzeros of the Jacobian for 12 variables.
PAIRS = {
    "gradient": (nested.grad(energy), jax.grad(energy), 34),
    "batch of gradients": (
        lambda x: jax.vmap(nested.grad(energy))(x.reshape(4, 3)),
        lambda x: jax.vmap(jax.grad(energy))(x.reshape(4, 3)),
        28,
    ),
    "implicit": (
        lambda x: jax.vmap(nested.implicit(lambda y, a: y**3 + y - a, cube_root))(x.reshape(4, 3)), None, 36,
    ),
    "island": (nested.forward_mode(cube_root), None, 12),
    "segments": (long_chain(nested.checkpointed_scan), long_chain(lax.scan), 12),
}  # fmt: skip


@pytest.mark.parametrize(
    "tool", [pytest.param(name, marks=[pytest.mark.slow] * (name == "segments")) for name in PAIRS]
)
def test_structure_stays_sparse_and_values_are_dense_ones(tool):
    """The pattern is as narrow as the function; Jacobian and Lagrangian Hessian are those of dense JAX."""
    fun, plain, entries = PAIRS[tool]
    plain = plain or newton_by_steps
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        problem = lagrad.Problem(
            lambda x: jnp.sum(fun(x) ** 2), np.ones(12), constraints=lagrad.Equality(fun)
        )
        derivatives = lagrad.differentiate(problem)
    x = np.linspace(-1, 1.5, 12)
    multipliers = np.cos(np.arange(derivatives.m))

    def lagrangian(x):
        values = jnp.ravel(plain(x))
        return 0.7 * jnp.sum(values**2) + multipliers @ values

    assert derivatives.jacobian(x).nnz == entries
    np.testing.assert_allclose(
        derivatives.jacobian(x).toarray(), jax.jacfwd(lambda x: jnp.ravel(plain(x)))(x), rtol=1e-9, atol=1e-11
    )
    found = derivatives.hessian(x, multipliers, 0.7).toarray()
    np.testing.assert_allclose(found, jax.hessian(lagrangian)(x), rtol=1e-8, atol=1e-9)


def newton_by_steps(a):
    y = jnp.zeros_like(a)
    for _ in range(25):
        y = y - (y**3 + y - a) / (3 * y**2 + 1)
    return y


def test_stationarity_of_an_inner_problem_is_a_constraint():
    """min (y - 2)^2 + x^2 with y minimizing (y - x)^2 + y^4 / 4: its optimality conditions by hand."""

    def inner(y, x):
        return (y - x) ** 2 + y**4 / 4

    problem = lagrad.Problem(
        lambda v: (v["y"] - 2) ** 2 + v["x"] ** 2,
        {"x": 1.0, "y": 0.5},
        constraints=lagrad.Equality(lambda v: nested.grad(inner)(v["y"], v["x"])),
    )
    solution = lagrad.solve(problem, method="trust-constr", tol=1e-10)
    y = float(solution.x["y"])
    # x = y + y^3 / 2 from the inner problem; then 2 (y - 2) + 2 x (1 + 3 y^2 / 2) = 0.
    assert float(solution.x["x"]) == pytest.approx(y + y**3 / 2, abs=1e-8)
    assert y - 2 + (y + y**3 / 2) * (1 + 1.5 * y**2) == pytest.approx(0, abs=1e-6)
