"""Nested differentiation tool by tool: each prints what it found beside what is known by hand.

python examples/nested_tour.py
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import lagrad
from lagrad import nested


def cross_terms():
    """Ten inputs, 1060 weights: the block between them by ten passes, and as products."""
    random = np.random.default_rng(0)
    weights = {"first": random.normal(size=(100, 10)), "second": random.normal(size=60)}

    def network(x, w):
        return jnp.sum(jnp.tanh(jnp.outer(w["second"], jax.nn.relu(w["first"] @ x)))) / 100

    x, u = np.ones(10), np.arange(10.0)
    block = nested.cross_hessian(network)(x, weights)
    product = nested.cross_transpose_product(network, x, weights, u)
    gap = jnp.abs(jnp.einsum("i,ijk->jk", u, block["first"]) - product["first"]).max()
    print(f"cross Hessian: {block['first'].shape} and {block['second'].shape}; gap to the product {gap:.1e}")


def sparse_cross_terms():
    """d2L/dx dp of a chain whose links have a parameter each: two diagonals, two passes."""

    def lagrangian(x, p):
        return jnp.sum(jnp.exp(p) * (x[1:] - x[:-1]) ** 2)

    x, p = np.arange(1000.0), np.zeros(999)
    pattern = lagrad.jacobian_sparsity(lambda p: jax.grad(lagrangian)(x, p), p)
    coloring = lagrad.color_columns(pattern)
    block = nested.sparse_cross_hessian(lagrangian, pattern, columns=coloring.colors)(x, p)
    print(f"sparse cross Hessian: {block.nnz} entries of {block.shape} by {coloring.num_colors} passes")


def function_of_a_gradient():
    """h = |grad f|^2 / 2 has the gradient H grad f: one JVP."""

    def f(x):
        return jnp.sum(x**4)

    x = jnp.array([1.0, 2.0])
    slope = jax.grad(lambda x: jnp.sum(nested.grad(f)(x) ** 2) / 2)(x)
    print(f"function of a gradient: {slope}, by hand {12 * x**2 * 4 * x**3}")


def four_nestings():
    """One product, four ways."""

    def f(x):
        return jnp.prod(jnp.sin(x))

    x, v = jnp.array([0.5, 1.0, 1.5]), jnp.array([1.0, 0.0, -1.0])
    products = {mode: nested.hvp(f, x, v, mode) for mode in nested.MODES}
    gap = max(jnp.abs(product - products["forward-over-reverse"]).max() for product in products.values())
    print(f"four nestings: H v = {products['forward-over-reverse']}, largest gap {gap:.1e}")


def forward_mode_inside_reverse():
    """A loop of unknown length in reverse mode, twice."""

    def logarithm(x):
        """log x: halved until below 1.5, then Newton's method until it stands still."""
        halved, count = lax.while_loop(lambda s: s[0] > 1.5, lambda s: (s[0] / 2, s[1] + 1), (x, 0.0))
        y = lax.while_loop(
            lambda s: jnp.abs(s[1]) > 1e-9,
            lambda s: (s[0] - 1 + halved * jnp.exp(-s[0]), 1 - halved * jnp.exp(-s[0])),
            (halved - 1, jnp.ones_like(x)),
        )[0]
        return y + count * jnp.log(2.0)

    log = nested.forward_mode(logarithm)
    found = float(jax.grad(log)(5.0)), float(jax.grad(jax.grad(log))(5.0))
    print(f"forward mode inside reverse: {found}, by hand {(1 / 5, -1 / 25)}")


def implicit_function():
    """Kepler's equation E - e sin E = M by Newton's method; dE/dM = 1 / (1 - e cos E)."""

    def residual(anomaly, mean):
        return anomaly - 0.3 * jnp.sin(anomaly) - mean

    def newton(mean):
        step = lambda e: e - residual(e, mean) / (1 - 0.3 * jnp.cos(e))  # noqa: E731
        return lax.while_loop(lambda e: jnp.abs(residual(e, mean)) > 1e-12, step, mean)

    kepler = nested.implicit(residual, newton)
    anomaly = kepler(1.0)
    by_hand = 1 / (1 - 0.3 * jnp.cos(anomaly))
    print(f"implicit: {float(jax.grad(kepler)(1.0)):.12f}, by hand {float(by_hand):.12f}")


def long_recurrence():
    """Memory of the gradient of 10000 steps, as XLA plans it."""

    def memory(scan):
        def end(x):
            return jnp.sum(scan(lambda q, _: (q + 0.01 * jnp.sin(q), None), x, None, 10_000)[0])

        plan = jax.jit(jax.grad(end)).lower(np.ones(100)).compile().memory_analysis()
        return plan.temp_size_in_bytes / 1e6 if plan else float("nan")

    plain, segments = memory(lax.scan), memory(nested.checkpointed_scan)
    print(f"long recurrence: {plain:.1f} MB plain, {segments:.2f} MB in segments")


def custom_rules():
    """A custom_vjp function in forward mode."""
    square = jax.custom_vjp(lambda x: x * x)
    square.defvjp(lambda x: (square(x), x), lambda x, w: (2 * x * w,))
    found = jax.hessian(nested.both_modes(lambda x: square(x) ** 2))(3.0)
    print(f"custom rules: {float(found)}, by hand {12 * 3.0**2}")


def smooth_corner():
    """The Hessian of a norm at zero, and of its smooth neighbor."""
    x = jnp.zeros(2)
    smooth = jax.hessian(lambda x: nested.smooth_norm(x, 0.1))(x)
    print(f"kink: Hessian {jax.hessian(jnp.linalg.norm)(x).tolist()} of the norm, {smooth.tolist()} smoothed")


def main() -> None:
    with jax.enable_x64(True):
        cross_terms()
        sparse_cross_terms()
        function_of_a_gradient()
        four_nestings()
        forward_mode_inside_reverse()
        implicit_function()
        long_recurrence()
        custom_rules()
        smooth_corner()


if __name__ == "__main__":
    main()
