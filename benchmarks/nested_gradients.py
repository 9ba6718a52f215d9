"""What the derivative of a function of a gradient costs: nested.grad, jax.grad twice, and an HVP by hand.

The function is the input-gradient penalty h = |df/dx|^2 / 2 of a tanh network with parameters theta. Its
gradient in (x, theta) is one Hessian-vector product: H (g, 0) with g = df/dx.

    python benchmarks/nested_gradients.py                         time, compile time, memory by XLA's plan
    python benchmarks/nested_gradients.py --resident CONTENDER    peak resident memory of one contender
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from nested_measure import as_row, measure, publish

from lagrad import nested

SMALL, WIDE, DEEP = (32, 32, 64), (8, 256, 64), (64, 64, 512)


def network(x, theta):
    """Scalar of a batch of inputs; layers in a scan, so that depth costs no compile time."""

    def layer(h, weight):
        return jnp.tanh(h @ weight), None

    return jnp.mean(jnp.sin(jax.lax.scan(layer, x, theta)[0]))


def checkpointed(x, theta):
    """The same network, each layer run again when its derivative is due."""

    @jax.checkpoint
    def layer(h, weight):
        return jnp.tanh(h @ weight)

    return jnp.mean(jnp.sin(jax.lax.scan(lambda h, weight: (layer(h, weight), None), x, theta)[0]))


def segments(x, theta):
    """The same network, segments of layers run again: memory of the root of the depth."""
    last, _ = nested.checkpointed_scan(lambda h, weight: (jnp.tanh(h @ weight), None), x, theta)
    return jnp.mean(jnp.sin(last))


def unrolled(x, theta):
    """The same network, layer by layer in one program."""
    for weight in theta:
        x = jnp.tanh(x @ weight)
    return jnp.mean(jnp.sin(x))


STYLES = {
    "scan": (network, [SMALL, WIDE, DEEP]),
    "checkpointed": (checkpointed, [SMALL, WIDE, DEEP]),
    "segments": (segments, [DEEP]),
    "unrolled": (unrolled, [SMALL, WIDE]),
}


def penalty_of(gradient, f):
    """Gradient in x and theta of |df/dx|^2 / 2."""
    return jax.grad(lambda x, theta: jnp.sum(gradient(f)(x, theta) ** 2) / 2, argnums=(0, 1))


def by_hand(f):
    """One gradient, and its derivative along the gradient in x: what an expert writes."""

    def product(x, theta):
        direction = jax.grad(f)(x, theta)
        slope = jax.grad(f, argnums=(0, 1))
        return jax.jvp(lambda x: slope(x, theta), (x,), (direction,))[1]

    return product


def contenders(f):
    return {
        "HVP by hand": by_hand(f),
        "nested.grad": penalty_of(nested.grad, f),
        "jax.grad of jax.grad": penalty_of(jax.grad, f),
    }


def arguments(depth, width, batch):
    random = np.random.default_rng(0)
    return random.normal(size=(batch, width)), random.normal(size=(depth, width, width)) / np.sqrt(width)


def table():
    rows = []
    for style, (f, cases) in STYLES.items():
        for depth, width, batch in cases:
            found = measure(contenders(f), arguments(depth, width, batch), budget=2.0)
            reference = found["HVP by hand"]
            for name, measured in found.items():
                for left, right in zip(measured.value, reference.value, strict=True):
                    np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-12)
                rows.append(
                    {"layers": style, "depth": depth, "width": width, "batch": batch, "contender": name}
                    | as_row(measured)
                    | {
                        "time_ratio": measured.seconds / reference.seconds,
                        "memory_ratio": measured.temp_bytes / found["jax.grad of jax.grad"].temp_bytes,
                    }
                )
    return rows


def resident(name):
    """Peak resident megabytes of one contender on the deep network, above those before it ran."""
    args = jax.device_put(arguments(*DEEP))
    compiled = jax.jit(contenders(checkpointed)[name]).lower(*args).compile()
    before = high_water()
    jax.block_until_ready(compiled(*args))
    return (high_water() - before) / 1e3


def high_water():
    """Peak resident kilobytes of this process; `getrusage` would count those of the parent too."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def resident_rows():
    rows = []
    for name in contenders(network):
        command = [sys.executable, __file__, "--resident", name]
        grown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        rows.append(
            {"layers": "checkpointed", "depth": DEEP[0], "contender": name, "resident_MB": float(grown)}
        )
    return rows


def main():
    jax.config.update("jax_enable_x64", True)
    if "--resident" in sys.argv:
        print(resident(sys.argv[-1]))
        return
    publish("nested_gradients", table())
    publish("nested_gradients_resident", resident_rows())


if __name__ == "__main__":
    main()
