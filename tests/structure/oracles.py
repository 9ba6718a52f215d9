"""Dense derivatives at random points: a function in, its Jacobians and Hessians out."""

from __future__ import annotations

import jax
import numpy as np

from lagrad.precision import float64

# Each function is compiled once and run at a few points: the compiler need not try.
QUICKLY = {"xla_backend_optimization_level": "0", "xla_llvm_disable_expensive_passes": True}


def dense_derivatives(function, n: int, *, seed: int = 0, forward: bool = True, points: int = 3):
    """Jacobian and Hessian at a few random points.

    Args:
        function: vector of n numbers -> vector of m.
        n: number of inputs.
        seed: of the points, and of the weights of the outputs in the Hessian.
        forward: forward over reverse, else reverse over reverse; custom rules may tell them apart.
        points: how many.

    Returns:
        Arrays of shape (points, m, n) and (points, n, n).
    """
    rng = np.random.default_rng(seed)
    outer = jax.jacfwd if forward else jax.jacrev

    def both(x, weights):
        return jax.jacrev(function)(x), outer(jax.grad(lambda v: weights @ function(v)))(x)

    with float64():
        x = rng.normal(size=(points, n))
        weights = rng.normal(size=(points, *jax.eval_shape(function, x[0]).shape))
        compiled = jax.jit(jax.vmap(both)).lower(x, weights).compile(compiler_options=QUICKLY)
        jacobian, hessian = compiled(x, weights)
    return np.asarray(jacobian), np.asarray(hessian)


def nonzero(values: np.ndarray) -> np.ndarray:
    """Entries that are finite and not zero at one of the points on the leading axis."""
    return (np.isfinite(values) & (values != 0)).any(axis=0)
