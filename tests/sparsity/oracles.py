"""Compute dense derivatives at random points."""

from __future__ import annotations

from collections.abc import Callable

import jax
import numpy as np

from lagrad.precision import float64

Modes = tuple[Callable, Callable]
FORWARD_OVER_REVERSE: Modes = (jax.jacrev, jax.jacfwd)
# Each function is compiled once and run at a few points: the compiler need not try.
QUICKLY = {
    "xla_backend_optimization_level": "0",
    "xla_llvm_disable_expensive_passes": True,
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_parallel_codegen_split_count": 1,
}


def dense_derivatives(
    function, n: int, *, modes: Modes = FORWARD_OVER_REVERSE, seed: int = 0, points: int = 3
):
    """Jacobian and Hessian at a few random points.

    Args:
        function: vector of n numbers -> vector of m.
        n: number of inputs.
        modes: inner and outer derivative; custom rules may tell modes apart.
        seed: of the points, and of the weights of the outputs in the Hessian.
        points: how many.

    Returns:
        Arrays of shape (points, m, n) and (points, n, n).
    """
    rng = np.random.default_rng(seed)
    inner, outer = modes

    def both(x, weights):
        return inner(function)(x), outer(inner(lambda v: weights @ function(v)))(x)

    setting = jax.config.jax_enable_x64
    with float64():
        x = rng.normal(size=(points, n))
        weights = rng.normal(size=(points, *jax.eval_shape(function, x[0]).shape))
        # Point after point: one more mapped axis is one too many for JAX's sparse matrices.
        mapped = jax.jit(lambda *given: jax.lax.map(lambda point: both(*point), given))
        compiled = mapped.lower(x, weights).compile(compiler_options=QUICKLY)
        # JAX rounds what a callback gives by the setting of the thread that runs it, which XLA may start.
        jax.config.update("jax_enable_x64", True)
        try:
            jacobian, hessian = map(np.asarray, compiled(x, weights))
        finally:
            jax.config.update("jax_enable_x64", setting)
    return jacobian, hessian


def nonzero(values: np.ndarray) -> np.ndarray:
    """Entries that are finite and not zero at one of the points on the leading axis."""
    return (np.isfinite(values) & (values != 0)).any(axis=0)
