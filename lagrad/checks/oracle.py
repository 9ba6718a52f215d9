"""Evaluate a problem by plain, dense JAX, one seed at a time.

Nothing of lagrad's structure, colors or plan is used: these are what the assembled matrices are held against.
The rows are f first, then c: F(x) = [f(x), c(x)], shape (m + 1,).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.annotations import Pytree
from lagrad.precision import float64
from lagrad.problem.functions import arguments
from lagrad.problem.problem import Problem
from lagrad.program.callbacks import jitted


class Oracle:
    """Products with the derivatives of a problem, compiled when first used.

    Args:
        problem: n variables, m rows.
        params: in place of the problem's.
    """

    def __init__(self, problem: Problem, params: Pytree = None):
        self.problem = problem
        self.leaves = arguments(problem, problem.start, params)[1:]
        self.structure = jax.tree.structure(problem.params)

    def function(self, x: jax.Array, *leaves: jax.Array) -> jax.Array:
        """F(x): traceable, shape (m + 1,)."""
        params = jax.tree.unflatten(self.structure, leaves)
        objective = self.problem.flat_objective(x, params).reshape(1)
        return jnp.concatenate([objective, self.problem.flat_constraints(x, params)])

    def values(self, x: np.ndarray) -> np.ndarray:
        """F(x), shape (m + 1,)."""
        return self.call(self.compiled_values, x)

    def jvp(self, x: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """F'(x) direction, shape (m + 1,)."""
        return self.call(self.compiled_jvp, x, direction)

    def vjp(self, x: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """weights' F'(x), shape (n,)."""
        return self.call(self.compiled_vjp, x, weights)

    def hvp(self, x: np.ndarray, weights: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """(weights' F)''(x) direction, shape (n,)."""
        return self.call(self.compiled_hvp, x, weights, direction)

    def call(self, function: Callable[..., Any], *given: np.ndarray) -> np.ndarray:
        """A compiled function's value, in float64."""
        with float64():
            return np.asarray(function(*given, *self.leaves))

    @cached_property
    def compiled_values(self) -> Callable[..., Any]:
        """(x, *leaves) -> F."""
        return jitted(self.function)

    @cached_property
    def compiled_jvp(self) -> Callable[..., Any]:
        """(x, direction, *leaves) -> F' direction."""
        return jitted(lambda x, d, *leaves: jax.jvp(lambda x: self.function(x, *leaves), (x,), (d,))[1])

    @cached_property
    def compiled_vjp(self) -> Callable[..., Any]:
        """(x, weights, *leaves) -> weights' F'."""
        return jitted(jax.grad(self.weighted))

    @cached_property
    def compiled_hvp(self) -> Callable[..., Any]:
        """(x, weights, direction, *leaves) -> (weights' F)'' direction."""

        def product(x: jax.Array, weights: jax.Array, direction: jax.Array, *leaves: jax.Array) -> jax.Array:
            gradient = jax.grad(lambda x: self.weighted(x, weights, *leaves))
            return jax.jvp(gradient, (x,), (direction,))[1]

        return jitted(product)

    def weighted(self, x: jax.Array, weights: jax.Array, *leaves: jax.Array) -> jax.Array:
        """weights' F(x): traceable, scalar."""
        return weights @ self.function(x, *leaves)
