"""Constrained learning on the Wine data: IPOPT with the exact Hessian against first-order training.

The peer is what one writes without second derivatives: an augmented Lagrangian whose inner problems are
minimized by Adam, compiled as one program. Both start from the same parameters; times include compilation.

    python benchmarks/nested_learning.py [hidden units ...]
"""

from __future__ import annotations

import sys
import time
from importlib.util import find_spec
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from nested_measure import publish

import lagrad

sys.path.append(str(Path(__file__).parents[1] / "examples"))
import nested_wine as story  # noqa: E402  # pyright: ignore[reportMissingImports]

OUTER, INNER, RATE, GROWTH, MOST_PENALTY = 40, 500, 1e-2, 1.5, 1e4


def augmented_lagrangian(problem):
    """Multiplier steps around Adam: a compiled function x -> (x, multipliers)."""

    def violation(x):
        return problem.flat_constraints(x, None) - problem.constraint_lower

    def merit(x, multipliers, penalty):
        c = violation(x)
        return problem.flat_objective(x, None) + multipliers @ c + penalty / 2 * c @ c

    def adam(state, step):
        x, mean, square, multipliers, penalty, rate = state
        slope = jax.grad(merit)(x, multipliers, penalty)
        mean, square = 0.9 * mean + 0.1 * slope, 0.999 * square + 0.001 * slope**2
        unbiased = mean / (1 - 0.9 ** (step + 1)), square / (1 - 0.999 ** (step + 1))
        x = x - rate * unbiased[0] / (jnp.sqrt(unbiased[1]) + 1e-12)
        return (x, mean, square, multipliers, penalty, rate), None

    def outer(state, k):
        x, multipliers, penalty = state
        rate = RATE * 0.9**k
        inner = (x, 0 * x, 0 * x, multipliers, penalty, rate)
        x = jax.lax.scan(adam, inner, jnp.arange(INNER))[0][0]
        multipliers = multipliers + penalty * violation(x)
        return (x, multipliers, jnp.minimum(GROWTH * penalty, MOST_PENALTY)), jnp.abs(violation(x)).max()

    def run(x):
        state = (x, jnp.zeros(problem.m), jnp.asarray(10.0))
        return jax.lax.scan(outer, state, jnp.arange(OUTER))[0][0]

    return run


def first_order(problem):
    with jax.enable_x64(True):
        began = time.perf_counter()
        compiled = jax.jit(augmented_lagrangian(problem)).lower(problem.start).compile()
        x = np.asarray(compiled(problem.start))
        seconds = time.perf_counter() - began
    return x, OUTER * INNER, seconds


def second_order(problem, method):
    began = time.perf_counter()
    solution = lagrad.solve(problem, method=method, max_iterations=1000)
    return problem.variables.flatten(solution.x), solution.iterations, time.perf_counter() - began, solution


def judged(problem, x, features, kinds):
    with jax.enable_x64(True):
        theta = problem.variables.unflatten(x)
        gap = np.abs(np.asarray(problem.flat_constraints(x, None)) - problem.constraint_lower)
        return {
            "loss": float(problem.flat_objective(x, None)),
            "violation": float(gap.max()),
            "accuracy": story.accuracy(theta, features, kinds),
        }


def main():
    if find_spec("sklearn") is None:
        sys.exit("This benchmark needs the Wine data that scikit-learn ships: pip install scikit-learn")
    features, kinds = story.wine()
    method = "ipopt" if find_spec("cyipopt") else "trust-constr"
    rows = []
    for hidden in [int(word) for word in sys.argv[1:]] or [3, 6, 12, 24]:
        problem = story.training(hidden, features, kinds)
        x, iterations, seconds, solution = second_order(problem, method)
        row = {"hidden": hidden, "n": problem.n, "contender": f"lagrad, {method}", "iterations": iterations}
        rows.append(
            row | {"seconds": seconds, "status": solution.status.name} | judged(problem, x, features, kinds)
        )
        plain = story.training(hidden, features, kinds, gradient=jax.grad)
        x, iterations, seconds, solution = second_order(plain, method)
        row = {
            "hidden": hidden,
            "n": problem.n,
            "contender": f"the same with jax.grad, {method}",
            "iterations": iterations,
        }
        rows.append(
            row | {"seconds": seconds, "status": solution.status.name} | judged(problem, x, features, kinds)
        )
        x, iterations, seconds = first_order(problem)
        row = {
            "hidden": hidden,
            "n": problem.n,
            "contender": "augmented Lagrangian, Adam",
            "iterations": iterations,
        }
        rows.append(row | {"seconds": seconds, "status": ""} | judged(problem, x, features, kinds))
    publish("nested_learning", rows)


if __name__ == "__main__":
    main()
