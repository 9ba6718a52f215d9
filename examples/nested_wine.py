"""Learn under constraints: a network for the Wine data that keeps equality constraints exactly.

A tanh network tells three kinds of wine apart by 13 features. It is trained under equalities that a penalty
meets only roughly: every hidden unit looks in a direction of length one, the mean prediction of a kind is its
share in the data, and the mean squared slope of the scores in the features is fixed. The last one contains a
gradient; `lagrad.nested.grad` makes its derivatives forward sweeps.

    python examples/nested_wine.py [hidden units]        needs scikit-learn, for the data
"""

from __future__ import annotations

import sys
import time
from importlib.util import find_spec

import jax
import jax.numpy as jnp
import numpy as np

import lagrad
from lagrad import nested

STEEPNESS = 1.0
DECAY = 1e-3


def wine() -> tuple[np.ndarray, np.ndarray]:
    """Features of mean 0 and deviation 1, shape (178, 13), and kinds one-hot, shape (178, 3)."""
    from sklearn.datasets import load_wine  # pyright: ignore[reportMissingImports]

    features, kinds = load_wine(return_X_y=True)
    features, kinds = np.asarray(features), np.asarray(kinds)
    return (features - features.mean(0)) / features.std(0), np.eye(3)[kinds]


def start(hidden: int) -> dict:
    """Random parameters of a network with one hidden layer."""
    random = np.random.default_rng(0)
    return {
        "directions": random.normal(size=(hidden, 13)) / np.sqrt(13),
        "shifts": np.zeros(hidden),
        "scores": random.normal(size=(3, hidden)) / np.sqrt(hidden),
        "offsets": np.zeros(3),
    }


def scores(x, theta):
    """Logits of one wine, shape (3,)."""
    return theta["scores"] @ jnp.tanh(theta["directions"] @ x + theta["shifts"]) + theta["offsets"]


def training(hidden: int, features: np.ndarray, kinds: np.ndarray, gradient=nested.grad) -> lagrad.Problem:
    """Cross-entropy under equality constraints, as a problem in the parameters."""

    def loss(theta):
        logits = jax.vmap(scores, (0, None))(features, theta)
        weights = sum(jnp.sum(theta[name] ** 2) for name in ("scores", "shifts", "offsets"))
        return -jnp.mean(jnp.sum(kinds * jax.nn.log_softmax(logits), axis=1)) + DECAY * weights

    def lengths(theta):
        return jnp.sum(theta["directions"] ** 2, axis=1)

    def shares(theta):
        # The three shares add up to one: two of them are independent.
        return jnp.mean(jax.nn.softmax(jax.vmap(scores, (0, None))(features, theta)), axis=0)[:2]

    def steepness(theta):
        def energy(x):
            return jnp.sum(scores(x, theta) ** 2) / 2

        return jnp.mean(jnp.sum(jax.vmap(gradient(energy))(features) ** 2, axis=1))

    constraints = {
        "lengths": lagrad.Equality(lengths, 1.0),
        "shares": lagrad.Equality(shares, kinds.mean(0)[:2]),
        "steepness": lagrad.Equality(steepness, STEEPNESS),
    }
    return lagrad.Problem(loss, start(hidden), constraints, name=f"wine network, {hidden} hidden units")


def accuracy(theta, features, kinds) -> float:
    """Share of wines told right."""
    # In single precision now. JAX 0.10 confuses a NumPy array that `vmap` met in double precision before.
    logits = jax.vmap(scores, (0, None))(jnp.asarray(features), theta)
    return float(np.mean(np.argmax(logits, 1) == np.argmax(kinds, 1)))


def main() -> None:
    if find_spec("sklearn") is None:
        print("This example needs the Wine data that scikit-learn ships: pip install scikit-learn. Skipped.")
        return
    features, kinds = wine()
    problem = training(int(sys.argv[1]) if len(sys.argv) > 1 else 6, features, kinds)
    began = time.perf_counter()
    solution = lagrad.solve(problem, max_iterations=500)
    print(f"{problem.name}: n = {problem.n}, {problem.m} equalities, {solution.method}")
    print(f"{solution.status}, {solution.iterations} iterations, {time.perf_counter() - began:.1f} s")
    print(f"loss {solution.objective:.4f}, {accuracy(solution.x, features, kinds):.1%} told right")
    print(f"largest constraint violation {solution.history.infeasibility[-1]:.1e}")


if __name__ == "__main__":
    main()
