"""Models written one scalar at a time, as people bring them, and the same on whole arrays.

The loops serve lagrad and CasADi alike: `m` holds sin, cos, exp and log of whoever traces them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np


@dataclass(frozen=True)
class Scalar:
    """A model of `terms` repeated terms.

    Args:
        start: x0, shape (n,).
        objective: (x, m) -> scalar, in loops.
        rows: (x, m) -> list of scalars, equal to zero; None if there are none.
        arrays: (objective, rows) of the same functions on whole arrays, in JAX.
    """

    start: np.ndarray
    objective: Callable[[Any, Any], Any]
    rows: Callable[[Any, Any], list] | None
    arrays: tuple[Callable, Callable | None]


def rosenbrock(terms: int) -> Scalar:
    """The chained function."""

    def objective(x, m):
        total = 0.0
        for i in range(terms):
            total = total + 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
        return total

    def arrays(x):
        return jnp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

    return Scalar(np.linspace(-0.5, 0.8, terms + 1), objective, None, (arrays, None))


def mixture(terms: int) -> Scalar:
    """Negative logarithm of a mixture of three normal densities, as in Hock and Schittkowski 105."""
    seen = np.random.default_rng(0).normal(size=terms) * np.linspace(0.5, 2.0, terms)
    root = float(np.sqrt(2.0 * np.pi))

    def objective(x, m):
        total = 0.0
        for y in seen.tolist():
            density = 0.0
            for k in range(3):
                spread = x[6 + k]
                density = density + x[k] / (root * spread) * m.exp(-((y - x[3 + k]) ** 2) / (2.0 * spread**2))
            total = total - m.log(density)
        return total

    def arrays(x):
        share, center, spread = x[:3], x[3:6], x[6:]
        power = -((seen[:, None] - center) ** 2) / (2.0 * spread**2)
        return -jnp.sum(jnp.log(jnp.sum(share / (root * spread) * jnp.exp(power), axis=1)))

    start = np.array([0.3, 0.3, 0.4, -1.0, 0.1, 1.0, 0.8, 1.0, 1.3])
    return Scalar(start, objective, None, (arrays, None))


def pendulum(terms: int) -> Scalar:
    """A pendulum on a grid, the classical fourth-order step unrolled, two rows a step."""
    h = 0.02

    def step(angle, speed, push, sin):
        def slope(a, s):
            return s, push - 9.81 * sin(a)

        a1, s1 = slope(angle, speed)
        a2, s2 = slope(angle + 0.5 * h * a1, speed + 0.5 * h * s1)
        a3, s3 = slope(angle + 0.5 * h * a2, speed + 0.5 * h * s2)
        a4, s4 = slope(angle + h * a3, speed + h * s3)
        return angle + h / 6.0 * (a1 + 2.0 * a2 + 2.0 * a3 + a4), speed + h / 6.0 * (
            s1 + 2.0 * s2 + 2.0 * s3 + s4
        )

    def objective(x, m):
        total = 0.0
        for k in range(terms):
            total = total + x[3 * k + 2] ** 2
        return total

    def rows(x, m):
        found = []
        for k in range(terms):
            angle, speed = step(x[3 * k], x[3 * k + 1], x[3 * k + 2], m.sin)
            found += [x[3 * k + 3] - angle, x[3 * k + 4] - speed]
        return found

    def all_rows(x):
        states = x.reshape(-1, 3)
        angle, speed = step(states[:-1, 0], states[:-1, 1], states[:-1, 2], jnp.sin)
        return jnp.stack([states[1:, 0] - angle, states[1:, 1] - speed], axis=1).reshape(-1)

    arrays = (lambda x: jnp.sum(x.reshape(-1, 3)[:-1, 2] ** 2)), all_rows
    return Scalar(np.linspace(0.1, 0.6, 3 * terms + 3), objective, rows, arrays)


def power_flow(terms: int) -> Scalar:
    """AC power balances bus by bus over a ring with chords; two rows a bus, `terms` branches."""
    buses = max(terms * 2 // 3, 4)
    random = np.random.default_rng(1)
    ends = [(i, (i + 1) % buses) for i in range(buses)]
    ends += [tuple(random.choice(buses, 2, replace=False).tolist()) for _ in range(terms - buses)]
    g, b = random.uniform(0.5, 2.0, len(ends)), random.uniform(-9.0, -5.0, len(ends))
    load = random.uniform(0.0, 0.1, (2, buses))
    around: list[list[tuple[int, int]]] = [[] for _ in range(buses)]
    for number, (i, j) in enumerate(ends):
        around[i].append((number, j))
        around[j].append((number, i))

    def rows(x, m):
        found = []
        for i in range(buses):
            real, reactive = x[2 * buses + i] - float(load[0, i]), x[3 * buses + i] - float(load[1, i])
            for number, j in around[i]:
                vi, vj, angle = x[i], x[j], x[buses + i] - x[buses + j]
                gk, bk = float(g[number]), float(b[number])
                real = real - (gk * vi**2 - vi * vj * (gk * m.cos(angle) + bk * m.sin(angle)))
                reactive = reactive - (-bk * vi**2 - vi * vj * (gk * m.sin(angle) - bk * m.cos(angle)))
            found += [real, reactive]
        return found

    def objective(x, m):
        total = 0.0
        for i in range(buses):
            total = total + (1.0 + 0.1 * (i % 5)) * x[2 * buses + i] ** 2 + 0.5 * x[2 * buses + i]
        return total

    fr, to = np.array(ends).T
    both = np.concatenate([fr, to]), np.concatenate([to, fr])
    cost = 1.0 + 0.1 * (np.arange(buses) % 5)

    def all_rows(x):
        v, angle, p, q = (x[k * buses : (k + 1) * buses] for k in range(4))
        i, j = both
        gg, bb, d = np.tile(g, 2), np.tile(b, 2), angle[i] - angle[j]
        real = gg * v[i] ** 2 - v[i] * v[j] * (gg * jnp.cos(d) + bb * jnp.sin(d))
        reactive = -bb * v[i] ** 2 - v[i] * v[j] * (gg * jnp.sin(d) - bb * jnp.cos(d))
        balance = jnp.stack([p - load[0], q - load[1]]).at[:, i].add(-jnp.stack([real, reactive]))
        return balance.T.reshape(-1)

    def total(x):
        p = x[2 * buses : 3 * buses]
        return jnp.sum(cost * p**2 + 0.5 * p)

    start = np.concatenate([np.ones(buses), np.linspace(0, 0.2, buses), np.full(2 * buses, 0.3)])
    return Scalar(start, objective, rows, (total, all_rows))


MODELS: dict[str, Callable[[int], Scalar]] = {
    "rosenbrock": rosenbrock,
    "mixture": mixture,
    "pendulum, RK4": pendulum,
    "power flow, bus by bus": power_flow,
}
