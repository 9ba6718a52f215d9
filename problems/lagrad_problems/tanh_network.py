"""Declare a small neural network with unit-norm weights.

Sixteen hidden units fit random data; each unit's weight vector has norm one:

    min  mean of (v' tanh(W a + b) - t)^2 over the samples + 1e-3 (|v|^2 + |b|^2)     s.t.  |W_k|^2 = 1

The Hessian is dense: no structure to find, everything for the arithmetic.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array

import lagrad
from lagrad_problems.entry import TWO_SOLVERS, Entry

SOURCE = "Ours: regression with normalized weights"
# Ours, by units, inputs, samples and seed: local minima, the best first.
OPTIMA = {(4, 3, 50, 0): (0.02849654421, 0.04331881068), (16, 12, 200, 0): (0.01266488763,)}


def tanh_network(units: int = 16, inputs: int = 12, samples: int = 200, seed: int = 0) -> Entry:
    """The network with units (inputs + 2) variables and as many equalities as units.

    Args:
        units: hidden units, at least 1.
        inputs: inputs of a unit, at least 1.
        samples: data points, at least 1.
        seed: of the data and the start.

    Returns:
        Entry; x is a dict of "bias", shape (units,), "output", shape (units,), and "weights", shape (units,
        inputs); `numbers` is a dict of "inputs", shape (samples, inputs), and "targets", shape (samples,).

    Raises:
        ValueError: a size below 1.

    >>> entry = tanh_network()
    >>> entry.n, entry.m
    (224, 16)
    """
    if min(units, inputs, samples) < 1:
        raise ValueError(f"tanh_network: sizes {units}, {inputs}, {samples}, expected at least 1 each.")
    random = np.random.default_rng(seed)
    points = random.normal(size=(samples, inputs))
    targets = np.sin(points[:, 0]) + 0.5 * np.cos(points.sum(axis=1)) + 0.1 * random.normal(size=samples)
    weights = random.normal(size=(units, inputs))
    problem = lagrad.Problem(
        lambda x: misfit(x, points, targets),
        {
            "bias": np.zeros(units),
            "output": 0.1 * random.normal(size=units),
            "weights": weights / np.linalg.norm(weights, axis=1, keepdims=True),
        },
        {"norm": lagrad.Equality(lambda x: jnp.sum(x["weights"] ** 2, axis=1), 1.0)},
        name=f"tanh_network({units}, {inputs})",
    )
    known = OPTIMA.get((units, inputs, samples, seed), (None,))
    return Entry(
        "tanh_network",
        problem,
        "regression",
        known[0],
        SOURCE,
        evidence=TWO_SOLVERS if known[0] is not None else "",
        note="Many local minima.",
        other_optima=known[1:],
        numbers={"inputs": points, "targets": targets},
    )


def misfit(x: dict, points: np.ndarray, targets: np.ndarray) -> Array:
    """Mean squared error of the network plus a small penalty."""
    hidden = jnp.tanh(points @ x["weights"].T + x["bias"])
    penalty = jnp.sum(x["output"] ** 2) + jnp.sum(x["bias"] ** 2)
    return jnp.mean((hidden @ x["output"] - targets) ** 2) + 1e-3 * penalty
