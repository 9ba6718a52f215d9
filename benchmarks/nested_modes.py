"""The four nestings of a Hessian-vector product, and the two modes of a Jacobian: time, compile time, memory.

python benchmarks/nested_modes.py            nestings over depth, width, chain length and n
python benchmarks/nested_modes.py jacobian   a tanh network on the Wine data, 1 to 1000 hidden units
"""

from __future__ import annotations

import sys

import jax
import jax.numpy as jnp
import numpy as np
from nested_measure import as_row, measure, publish

from lagrad import nested

HIDDEN = (1, 3, 10, 13, 30, 100, 300, 1000)
# Forward over forward needs n sweeps: beyond this size it is not run.
SWEEPS = 300


def deep(depth, width, batch=64):
    """Loss of a tanh network in its weights, layers in a scan."""
    random = np.random.default_rng(0)
    inputs = jnp.asarray(random.normal(size=(batch, width)))

    def loss(weights):
        return jnp.mean(jax.lax.scan(lambda h, w: (jnp.tanh(h @ w), None), inputs, weights)[0] ** 2)

    return loss, random.normal(size=(depth, width, width)) / np.sqrt(width)


def chain(n):
    """Chained Rosenbrock: elementwise, no recurrence."""
    return lambda x: jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2), np.linspace(-1, 1, n)


def recurrence(steps, n=100):
    """A pendulum chain stepped in time: a long scan over a small state."""

    def energy(x):
        return jnp.sum(
            jax.lax.scan(lambda q, _: (q + 0.01 * jnp.sin(q), None), x, None, length=steps)[0] ** 2
        )

    return energy, np.linspace(-1, 1, n)


def cases():
    for depth, width in ((4, 16), (64, 16), (4, 128), (32, 128)):
        yield f"network depth {depth} width {width}", *deep(depth, width)
    for n in (100, 10_000, 1_000_000):
        yield f"chained Rosenbrock n {n}", *chain(n)
    for steps in (100, 10_000):
        yield f"recurrence of {steps} steps", *recurrence(steps)


def nestings():
    rows = []
    for name, f, x in cases():
        modes = [mode for mode in nested.MODES if mode != "forward-over-forward" or x.size <= SWEEPS]
        runs = {mode: (lambda x, v, f=f, mode=mode: nested.hvp(f, x, v, mode)) for mode in modes}
        found = measure({"gradient": lambda x, v, f=f: jax.grad(f)(x), **runs}, (x, np.cos(x)))
        for contender, measured in found.items():
            if contender != "gradient":
                reference = found["forward-over-reverse"].value
                scale = np.abs(reference).max()
                np.testing.assert_allclose(measured.value, reference, rtol=1e-8, atol=1e-10 * scale)
            gradients = measured.seconds / found["gradient"].seconds
            rows.append(
                {"function": name, "n": x.size, "contender": contender}
                | as_row(measured)
                | {"gradients": gradients}
            )
    publish("nested_modes", rows)


def wine():
    """13 features of 178 wines, each of mean 0 and deviation 1."""
    try:
        from sklearn.datasets import load_wine
    except ImportError:
        sys.exit("This benchmark needs the Wine data of scikit-learn: pip install scikit-learn")
    features = np.asarray(load_wine(return_X_y=True)[0])
    return (features - features.mean(0)) / features.std(0)


def jacobians():
    """Jacobian of the hidden layer's activations in the 13 features, for all wines at once."""
    features, random, rows = wine(), np.random.default_rng(0), []
    for hidden in HIDDEN:
        first = random.normal(size=(hidden, 13)) / np.sqrt(13)
        second = random.normal(size=(hidden, hidden)) / np.sqrt(hidden)

        def network(x, first=first, second=second):
            return jnp.tanh(second @ jnp.tanh(first @ x))

        runs = {
            mode: (lambda xs, mode=mode, f=network: jax.vmap(lambda x: nested.jacobian(f, x, mode))(xs))
            for mode in ("forward", "reverse")
        }
        found = measure(runs, (features,))
        np.testing.assert_allclose(found["forward"].value, found["reverse"].value, rtol=1e-9, atol=1e-12)
        faster = min(found, key=lambda mode: found[mode].seconds)
        for mode, measured in found.items():
            rows.append(
                {"inputs": 13, "outputs": hidden, "mode": mode} | as_row(measured) | {"faster": faster}
            )
    publish("nested_jacobian_wine", rows)


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    if "jacobian" in sys.argv:
        jacobians()
    else:
        nestings()
