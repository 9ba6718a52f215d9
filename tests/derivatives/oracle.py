"""Compute dense derivatives by JAX alone: nothing of the engine is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import lagrad

# Both sides evaluate one formula in different orders: room for rounding, of the largest entry.
TOLERANCE = 1e-10
# Oracles run a few times only: what XLA saves on optimisation is worth more.
QUICK = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}


class Dense(NamedTuple):
    """f, gradient (n,), c (m,), Jacobian (m, n) and Hessian of the Lagrangian (n, n) at a point."""

    f: np.ndarray
    gradient: np.ndarray
    c: np.ndarray
    jacobian: np.ndarray
    hessian: np.ndarray


def dense(problem: lagrad.Problem) -> Callable[..., Dense]:
    """Function (x, multipliers, objective weight, params) -> Dense."""

    def outputs(x, params):
        return jnp.concatenate([problem.flat_objective(x, params)[None], problem.flat_constraints(x, params)])

    def both(x, weights, params):
        first = jax.jacrev(outputs)
        return outputs(x, params), first(x, params), jax.jacfwd(lambda x: weights @ first(x, params))(x)

    with jax.enable_x64(True):
        example = (problem.start, np.zeros(problem.m + 1), problem.params)
        compiled = jax.jit(both).lower(*example).compile(compiler_options=QUICK)

    def at(x, multipliers, weight=1.0, params=None) -> Dense:
        with jax.enable_x64(True):
            params = problem.params if params is None else params
            values, first, second = map(
                np.asarray, compiled(x, np.concatenate([[weight], multipliers]), params)
            )
        return Dense(values[0], first[0], values[1:], first[1:], second)

    return at


def assert_close(name: str, found, expected, scale=0.0) -> None:
    """Equal to 1e-10 of the largest entry, or of `scale` if that is larger."""
    largest = max(1e-10, scale, np.max(abs(expected), initial=0.0))
    error = np.max(abs(np.asarray(found) - expected), initial=0.0)
    assert error <= TOLERANCE * largest, f"{name}: off by {error:.1e} of {largest:.1e}"


def check(
    derivatives: lagrad.Derivatives,
    count: int = 2,
    seed: int = 0,
    products: bool = False,
    params=None,
    oracle: lagrad.Problem | None = None,
) -> None:
    """f, c, gradient, Jacobian and Hessian are those of dense JAX at random points, and hvp if `products`.

    Dense JAX differentiates `oracle`, the problem itself unless another way to write it is given.
    """
    problem, random = derivatives.problem, np.random.default_rng(seed)
    at = dense(oracle or problem)
    for _ in range(count):
        x = problem.start * random.uniform(0.8, 1.2, problem.n) + random.uniform(-0.05, 0.05, problem.n)
        multipliers, weight, vector = (
            random.normal(size=problem.m),
            random.normal(),
            random.normal(size=problem.n),
        )
        expected = at(x, multipliers, weight, params)
        f, c = derivatives.values(x, params=params)
        assert_close("objective", f, expected.f)
        # A row may vanish by cancellation of terms of this size.
        terms = np.max(abs(expected.jacobian) @ abs(x), initial=0.0)
        assert_close("constraints", c, expected.c, terms)
        assert_close("gradient", derivatives.gradient(x, params=params), expected.gradient)
        assert_close("jacobian", derivatives.jacobian(x, params=params).toarray(), expected.jacobian)
        assert_close(
            "hessian", derivatives.hessian(x, multipliers, weight, params=params).toarray(), expected.hessian
        )
        if products:
            found = derivatives.hvp(x, multipliers, vector, weight, params=params)
            scale = (abs(expected.hessian) @ abs(vector)).max()
            assert_close("hvp", found, expected.hessian @ vector, scale)
