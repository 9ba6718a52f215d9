"""Declare the problems of `benchmarks.batched`, and clock calls."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import lagrad
from lagrad_problems.cart_pole import rates

UPRIGHT = np.array([0.0, np.pi, 0.0, 0.0])
STEP, FORCE = 0.05, 15.0
TOLERANCE = 1e-6


def mpc(stages: int = 20) -> lagrad.Problem:
    """Bring cart and pole upright: explicit midpoint steps, bounded force, the first state as params."""

    def cost(x, p):
        error = x["state"] - UPRIGHT
        running = jnp.sum(error**2 @ jnp.array([1.0, 2.0, 0.1, 0.1])) + 0.01 * jnp.sum(x["force"] ** 2)
        return STEP * running + jnp.sum(error[-1] ** 2)

    def defects(x, p):
        state, force = x["state"], x["force"]
        middle = state[:-1] + 0.5 * STEP * rates(state[:-1], force)
        return state[1:] - state[:-1] - STEP * rates(middle, force)

    limits = {"state": np.full((stages + 1, 4), np.inf), "force": np.full(stages, FORCE)}
    return lagrad.Problem(
        cost,
        {"state": np.tile(UPRIGHT, (stages + 1, 1)), "force": np.zeros(stages)},
        {"dynamics": lagrad.Equality(defects), "first": lagrad.Equality(lambda x, p: x["state"][0] - p)},
        bounds=(jax.tree.map(np.negative, limits), limits),
        params=UPRIGHT + np.array([0.0, 0.3, 0.0, 0.0]),
        name=f"mpc({stages})",
    )


def states(count: int) -> np.ndarray:
    """First states around upright, at random."""
    spread = np.random.default_rng(0).uniform(-1.0, 1.0, (count, 4))
    return UPRIGHT + spread * np.array([1.0, 0.8, 1.0, 1.5])


def dense(n: int) -> lagrad.Problem:
    """A curved, coupled cost on the simplex and inside an ellipsoid: the target is the parameter."""
    mixing = np.random.default_rng(n).normal(size=(n, n)) / np.sqrt(n)

    def cost(x, p):
        return jnp.sum(jnp.log1p((mixing @ x - p) ** 2)) + 0.1 * jnp.sum(x**2)

    rows = {
        "sum": lagrad.Equality(lambda x, p: jnp.sum(x), 1.0),
        "energy": lagrad.Inequality(lambda x, p: jnp.sum((mixing @ x) ** 2), upper=0.5),
    }
    params = np.zeros(n)
    return lagrad.Problem(cost, np.full(n, 1.0 / n), rows, (0.0, 1.0), params=params, name=f"dense({n})")


def targets(n: int, count: int) -> np.ndarray:
    """Parameters of `dense`, at random."""
    return 0.3 * np.random.default_rng(1).normal(size=(count, n))


def clock(call: Callable) -> tuple[float, Any]:
    """Seconds of a call whose arrays are waited for, and what it gave."""
    begin = time.perf_counter()
    found = jax.block_until_ready(call())
    return time.perf_counter() - begin, found


def fastest(call: Callable, rounds: int = 2) -> tuple[float, Any]:
    """The same of the fastest of some calls."""
    return min((clock(call) for _ in range(rounds)), key=lambda timed: timed[0])


def side_by_side(call: Callable, shares: list) -> list:
    """Results of a compiled function, each call in a thread of its own."""
    with ThreadPoolExecutor(len(shares)) as pool:
        return list(pool.map(lambda share: jax.block_until_ready(call(share)), shares))
