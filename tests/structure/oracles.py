"""Dense derivatives at random points: a function in, where its Jacobian and Hessian are not zero out."""

from __future__ import annotations

import jax
import numpy as np

from lagrad.precision import float64


def nonzero_jacobian(function, n: int, points: int = 3, seed: int = 0) -> np.ndarray:
    """Boolean (m, n): entries that are finite and not zero at one of a few points."""
    with float64():
        values = np.asarray(jax.vmap(jax.jacrev(function))(sample(points, n, seed)))
    return seen(values)


def nonzero_hessian(function, n: int, points: int = 3, seed: int = 0, *, forward: bool = True) -> np.ndarray:
    """Boolean (n, n): the same for the Hessian of the outputs with random weights, forward or reverse over reverse."""
    with float64():
        x = sample(points, n, seed)
        weights = np.random.default_rng(seed + 1).normal(size=jax.eval_shape(function, x[0]).shape)
        outer = jax.jacfwd if forward else jax.jacrev
        values = np.asarray(jax.vmap(outer(jax.grad(lambda v: weights @ function(v))))(x))
    return seen(values)


def sample(points: int, n: int, seed: int) -> np.ndarray:
    """Random points of moderate size."""
    return np.random.default_rng(seed).normal(size=(points, n))


def seen(values: np.ndarray) -> np.ndarray:
    """Entries with a finite nonzero at one of the points on the leading axis."""
    return (np.isfinite(values) & (values != 0)).any(axis=0)
