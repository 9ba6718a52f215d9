"""Cross Hessians d2f/dx dw: time against (smaller dimension) x (one Hessian-vector product) and dense ways.

A relu network with x of 10 inputs and w its weights; one HVP is the product of the Hessian in w with a
direction, compiled by itself. "wrong side" runs over the larger dimension.

    python benchmarks/nested_cross.py
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from nested_measure import as_row, measure, publish

from lagrad import nested

# Hidden width and inputs: w has width * (inputs + width + 1) entries.
CASES = [(8, 10), (26, 10), (64, 10), (128, 10), (300, 10)]


def network(x, w):
    hidden = jax.nn.relu(w["first"] @ x)
    return w["last"] @ jnp.tanh(w["middle"] @ hidden)


def arguments(width, inputs):
    random = np.random.default_rng(0)
    weights = {
        "first": random.normal(size=(width, inputs)) / np.sqrt(inputs),
        "middle": random.normal(size=(width, width)) / np.sqrt(width),
        "last": random.normal(size=width),
    }
    return random.normal(size=inputs), weights


def flat_block(tree):
    return jnp.concatenate([leaf.reshape(leaf.shape[0], -1) for leaf in jax.tree.leaves(tree)], axis=1)


def contenders(size):
    def one_product(x, w):
        return nested.hvp(lambda w: network(x, w), w, w)

    def ours(x, w):
        return flat_block(nested.cross_hessian(network)(x, w))

    def forward_over_reverse(x, w):
        return flat_block(jax.jacfwd(jax.grad(network, argnums=1))(x, w))

    def reverse_over_reverse(x, w):
        return flat_block(jax.jacrev(jax.grad(network), argnums=1)(x, w))

    def wrong_side(x, w):
        return flat_block(jax.jacfwd(jax.grad(network), argnums=1)(x, w))

    found = {"one HVP": one_product, "cross_hessian": ours, "reverse over reverse": reverse_over_reverse}
    return found | ({"wrong side": wrong_side} if size < 20000 else {})


def main():
    jax.config.update("jax_enable_x64", True)
    rows = []
    for width, inputs in CASES:
        x, w = arguments(width, inputs)
        size = sum(leaf.size for leaf in w.values())
        found = measure(contenders(size), (x, w))
        limit = min(inputs, size) * found["one HVP"].seconds
        for name, measured in found.items():
            if name != "one HVP":
                np.testing.assert_allclose(
                    measured.value, found["cross_hessian"].value, rtol=1e-9, atol=1e-12
                )
            rows.append(
                {"x": inputs, "w": size, "contender": name}
                | as_row(measured)
                | {"over_min_dim_HVPs": measured.seconds / limit}
            )
    publish("nested_cross", rows)


if __name__ == "__main__":
    main()
