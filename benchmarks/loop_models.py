"""Declare models that are written as Python loops over stages, elements or time, in JAX and in CasADi.

As people bring them: a state a column, corners of a mesh by lists of numbers, data that differ from stage to
stage, arrays filled row by row, and simulations in which each step goes on from the one before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import casadi
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.stage_models import IN_CASADI, IN_JAX, Staged, advance

RANDOM = np.random.default_rng(0)


def oscillator(x, u, m):
    """Four states, coupled."""
    return m.stack([x[1], m.sin(x[0]) + u, x[3], -x[2] * x[0]])


def prey(x, rates, m):
    """Prey and predators."""
    return m.stack([rates[0] * x[0] - rates[1] * x[0] * x[1], rates[2] * x[0] * x[1] - rates[3] * x[1]])


def as_rows(function: Callable[[Any], Any], size: int) -> Callable[[Any], Any]:
    """Rows of scalars of CasADi's as a Function of its matrices."""
    x = casadi.SX.sym("x", size)
    return casadi.Function("rows", [x], [function(x)])


def columns(stages: int) -> Staged:
    """Explicit Euler steps, a state a column."""

    def rows(states, controls, m):
        return [
            states[:, k + 1] - states[:, k] - 0.1 * oscillator(states[:, k], controls[k], m)
            for k in range(stages)
        ]

    cut, size = 4 * (stages + 1), 5 * stages + 4

    def in_jax(z):
        return jnp.concatenate(rows(z[:cut].reshape(4, -1), z[cut:], IN_JAX))

    def in_casadi(z):
        return casadi.vertcat(*rows(casadi.reshape(z[:cut], -1, 4).T, z[cut:], IN_CASADI))

    start = 0.1 + 0.05 * np.sin(np.arange(size))
    return Staged(start, in_jax, lambda z: as_rows(in_casadi, size)(z), stages)


def targets(stages: int) -> Staged:
    """Distances from targets, through matrices, that differ from stage to stage."""
    matrices, places = RANDOM.normal(size=(stages, 3, 3)), RANDOM.normal(size=(stages, 3))

    def rows(x):
        return jnp.stack([jnp.linalg.norm(matrices[k] @ x[k] - places[k]) for k in range(stages)])

    def in_casadi(z):
        x = casadi.reshape(z, 3, -1)
        parts = [
            casadi.norm_2(casadi.DM(matrices[k]) @ x[:, k] - casadi.DM(places[k])) for k in range(stages)
        ]
        return casadi.vertcat(*parts)

    start = 0.1 * np.sin(np.arange(3 * stages))
    return Staged(
        start, lambda z: rows(z.reshape(-1, 3)), lambda z: as_rows(in_casadi, 3 * stages)(z), stages
    )


def mesh(elements: int) -> Staged:
    """Forces of triangles added to the rows of their corners."""
    nodes = elements * 2 // 3
    corners = np.array([RANDOM.choice(nodes, 3, replace=False) for _ in range(elements)])
    stiffness = RANDOM.normal(size=(3, 3))

    def rows(u):
        force = jnp.zeros(nodes)
        for each in corners:
            force = force.at[each].add(stiffness @ jnp.sin(u[each]))
        return force

    def in_casadi(u):
        force = [casadi.SX(0)] * nodes
        for each in corners.tolist():
            values = casadi.DM(stiffness) @ casadi.sin(u[each])
            for place, node in enumerate(each):
                force[node] = force[node] + values[place]
        return casadi.vertcat(*force)

    start = 0.1 * np.sin(np.arange(nodes))
    return Staged(start, rows, lambda z: as_rows(in_casadi, nodes)(z), elements)


def single_shooting(steps: int) -> Staged:
    """Controls alone are variables: each Runge-Kutta step goes on from the one before; rows of states."""

    def rows(controls, start, m):
        slope, found, x = advance(oscillator, 0.1, 1, m), [], start
        for k in range(steps):
            x = slope(x, controls[k])
            found.append(x[0])
        return [*found, m.stack([x[1], x[3]])[0]]

    def in_casadi(z):
        return casadi.vertcat(*rows(z, casadi.DM.zeros(4), IN_CASADI))

    start = 0.1 * np.sin(np.arange(steps))
    return Staged(
        start,
        lambda z: jnp.stack(rows(z, jnp.zeros(4), IN_JAX)),
        lambda z: as_rows(in_casadi, steps)(z),
        steps,
    )


def simulation_fit(steps: int) -> Staged:
    """Rates and the start of a simulation by measurements of every step: six variables, a sum of squares."""
    seen = RANDOM.uniform(0.5, 2.0, size=(steps, 2))

    def rows(p, m):
        step, x, total = advance(prey, 0.05, 1, m), p[4:6], 0.0
        for k in range(steps):
            x = step(x, p)
            total = total + (x[0] - float(seen[k, 0])) ** 2 + (x[1] - float(seen[k, 1])) ** 2
        return total

    start = np.array([1.0, 0.5, 0.4, 0.8, 1.2, 0.9])
    return Staged(
        start,
        lambda z: jnp.stack([rows(z, IN_JAX)]),
        lambda z: as_rows(lambda p: rows(p, IN_CASADI), 6)(z),
        steps,
    )


def robust_fit(terms: int) -> Staged:
    """Losses of residuals with branches and derivative rules of their own, a term a pass."""
    features = RANDOM.normal(size=(terms, 6))

    def in_jax(p):
        total = 0.0
        for row in features:
            z = jnp.dot(row, p)
            total = total + jax.lax.cond(jnp.abs(z) < 1, near, lambda z: jnp.abs(z) - 0.5, z)
            total = total + jax.nn.relu(z) ** 2 + jax.nn.softplus(z)
        return jnp.stack([total])

    def in_casadi(p):
        total = casadi.SX(0)
        for row in features:
            z = casadi.dot(casadi.DM(row), p)
            total += casadi.if_else(casadi.fabs(z) < 1, near(z), casadi.fabs(z) - 0.5)
            total += casadi.fmax(z, 0) ** 2 + casadi.log1p(casadi.exp(z))
        return total

    return Staged(0.3 * np.cos(np.arange(6.0)), in_jax, lambda z: as_rows(in_casadi, 6)(z), terms)


def near(z):
    """Huber's loss of small residuals."""
    return 0.5 * z * z


MODELS: dict[str, Callable[[], Staged]] = {
    "columns, 200 stages": lambda: columns(200),
    "targets, 300 stages": lambda: targets(300),
    "mesh, 300 elements": lambda: mesh(300),
    "single shooting, 40 steps": lambda: single_shooting(40),
    "single shooting, 200 steps": lambda: single_shooting(200),
    "simulation fit, 10 steps": lambda: simulation_fit(10),
    "simulation fit, 200 steps": lambda: simulation_fit(200),
    "robust fit, 100 terms": lambda: robust_fit(100),
    "robust fit, 1000 terms": lambda: robust_fit(1000),
}
