"""Models whose loops have states, each with a few variables and a nonlinear step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

RANDOM = np.random.default_rng(0)
STEPS = 60


class Model(NamedTuple):
    """An objective and rows of one vector, and params if any.

    Args:
        objective: (x, params) -> number.
        rows: (x, params) -> vector.
        size: number of variables.
        params: pytree of arrays.
    """

    objective: Callable[[Any, Any], Any]
    rows: Callable[[Any, Any], Any]
    size: int
    params: Any = 0.5


def pendulum(z, u):
    """A step of a driven pendulum."""
    return jnp.stack([z[0] + 0.2 * z[1], z[1] - 0.2 * jnp.sin(z[0]) * (1 + 0.1 * z[1]) + 0.2 * u])


def along(step, start, own):
    """All states after the steps of a scan."""

    def body(z, u):
        z = step(z, u)
        return z, z

    return lax.scan(body, start, own)[1]


START = np.array([0.3, -0.2])


def controls() -> Model:
    """States as they come, a cost of states and controls."""
    run = lambda x: along(pendulum, START, x)  # noqa: E731
    return Model(
        lambda x, p: jnp.sum(run(x) ** 2) + 0.1 * jnp.sum(x**2),
        lambda x, p: jnp.concatenate([run(x)[:, 0] * x, run(x)[-1]]),
        STEPS,
    )


def counted() -> Model:
    """A counter, controls read by it, and the cost added up on the way."""

    def run(x):
        def body(k, carry):
            z, cost = carry
            z = pendulum(z, x[k])
            return z, cost + jnp.cos(z[0]) * x[k]

        return lax.fori_loop(0, STEPS, body, (jnp.asarray(START), 0.0))

    return Model(lambda x, p: run(x)[1], lambda x, p: run(x)[0], STEPS)


def shared() -> Model:
    """Rates that all steps share, controls of their own, and a start that depends on variables."""

    def run(x):
        rates, start, u = x[:2], jnp.sin(x[2:4]), x[4:]
        step = lambda z, u: jnp.tanh(pendulum(z, u) * jnp.exp(-0.1 * rates) + rates[0] * z[0] * z[1])  # noqa: E731
        return along(step, start, u)

    return Model(
        lambda x, p: jnp.sum((run(x) - 0.1) ** 2),
        lambda x, p: jnp.concatenate([run(x)[::3].ravel() * x[0], x[:4] ** 2]),
        4 + STEPS,
    )


def phases() -> Model:
    """A second loop goes on from the first, with other steps."""

    def run(x):
        first = along(pendulum, START, x[:STEPS])
        step = lambda z, u: jnp.stack([z[0] * z[1] + u, z[2], jnp.tanh(z[0] + z[2])])  # noqa: E731
        start = jnp.concatenate([first[-1] ** 2, first[3, :1]])
        return first, along(step, start, x[STEPS:])

    def rows(x, p):
        first, second = run(x)
        return jnp.concatenate([second[:, 0], first[-1] * second[-1, :2]])

    return Model(lambda x, p: jnp.sum(run(x)[1] ** 3), rows, 2 * STEPS)


def meeting() -> Model:
    """States of different steps meet in one term: changes, and the last with the first."""

    def rows(x, p):
        z = along(pendulum, START, x)
        return jnp.concatenate([(z[1:, 0] - z[:-1, 0]) ** 3, z[-1] * z[0], z[3] * z[8] * x[:2]])

    def objective(x, p):
        z = along(pendulum, START, x)
        return jnp.sum((z[2:] * z[:-2]) ** 2) + z[-1, 0] * z[0, 0]

    return Model(objective, rows, STEPS)


def backwards() -> Model:
    """A scan in reverse."""

    def run(x):
        body = lambda z, u: (pendulum(z, u), z[1] * u)  # noqa: E731
        return lax.scan(body, jnp.asarray(START), x, reverse=True)

    return Model(lambda x, p: jnp.sum(run(x)[1] ** 2), lambda x, p: run(x)[0] * x[:2], STEPS)


def two_steps_back() -> Model:
    """The step before the last as a carry of its own, and carries of several shapes."""

    def run(x):
        def body(carry, u):
            here, before, (a, matrix) = carry
            following = 2 * here - before - 0.04 * jnp.sin(here) + 0.04 * u * a
            a = a * 0.9 + 0.1 * jnp.cos(following) * matrix[0, 1]
            return (following, here, (a, matrix * 0.5 + a * jnp.ones((2, 2)))), following

        start = (jnp.asarray(0.3), jnp.asarray(0.25), (jnp.asarray(1.0), jnp.eye(2)))
        return lax.scan(body, start, x)

    return Model(lambda x, p: jnp.sum(run(x)[1] ** 2), lambda x, p: run(x)[0][2][1].ravel() * x[:4], STEPS)


def with_params() -> Model:
    """Start and data from params, another number for each step."""

    def run(x, p):
        step = lambda z, u: pendulum(z, u[0] * u[1]) * p["rate"]  # noqa: E731
        return along(step, p["start"], jnp.stack([x, p["gains"]], axis=1))

    return Model(
        lambda x, p: jnp.sum(run(x, p) ** 2) * p["rate"],
        lambda x, p: run(x, p)[:, 1] + p["gains"],
        STEPS,
        {"start": np.array([0.2, 0.1]), "rate": np.array(0.9), "gains": RANDOM.uniform(0.5, 1.5, STEPS)},
    )


def many() -> Model:
    """Several simulations side by side, with controls of their own."""
    run = jax.vmap(lambda x: along(pendulum, START, x))
    return Model(
        lambda x, p: jnp.sum(run(x.reshape(3, STEPS)) ** 2),
        lambda x, p: run(x.reshape(3, STEPS))[:, -1].ravel() ** 2,
        3 * STEPS,
    )


def scenarios() -> Model:
    """Simulations side by side with common controls, and one of its own for each."""

    def run(x):
        own = jnp.linspace(0.5, 1.5, 3) + x[-3:]
        return jax.vmap(lambda gain: along(lambda z, u: pendulum(z, gain * u), START, x[:STEPS]))(own)

    return Model(lambda x, p: jnp.sum(run(x) ** 2), lambda x, p: (run(x)[:, -1] * x[:2]).ravel(), STEPS + 3)


def unrolled() -> Model:
    """A Python loop of Runge-Kutta steps."""
    slope = lambda z, u: jnp.stack([z[1], jnp.sin(z[0]) + u, z[3], -z[2] * z[0]])  # noqa: E731

    def run(x):
        z, found = jnp.array([0.1, 0.2, 0.3, 0.4]), []
        for k in range(40):
            a = slope(z, x[k])
            b = slope(z + 0.05 * a, x[k])
            c = slope(z + 0.05 * b, x[k])
            z = z + 0.1 / 6 * (a + 2 * b + 2 * c + slope(z + 0.1 * c, x[k]))
            found.append(z[0])
        return jnp.stack(found)

    return Model(lambda x, p: jnp.sum(run(x) ** 2), lambda x, p: run(x)[::5] * x[::5], 40)


def nested() -> Model:
    """Substeps in a loop of their own."""
    step = lambda z, u: lax.fori_loop(0, 3, lambda _, z: pendulum(z, u / 3), z)  # noqa: E731
    run = lambda x: along(step, START, x)  # noqa: E731
    return Model(lambda x, p: jnp.sum(run(x) ** 2), lambda x, p: run(x)[-1] * x[:2], STEPS)


def linear() -> Model:
    """Affine steps, of which only the cost is nonlinear."""
    a, b = np.array([[1.0, 0.2], [-0.2, 0.9]]), np.array([0.0, 0.2])
    run = lambda x: along(lambda z, u: a @ z + b * u, START, x)  # noqa: E731
    return Model(lambda x, p: jnp.sum(run(x) ** 4), lambda x, p: run(x)[:, 0], STEPS)


def network() -> Model:
    """A recurrent network whose weights are variables."""
    inputs = RANDOM.normal(size=(STEPS, 2))

    def run(x):
        inner, outer = x[:9].reshape(3, 3), x[9:15].reshape(3, 2)
        return along(lambda z, u: jnp.tanh(inner @ z + outer @ u), jnp.zeros(3), inputs)

    return Model(lambda x, p: jnp.sum((run(x) - 0.2) ** 2), lambda x, p: run(x)[-1] * x[:3], 15)


def uneven() -> Model:
    """States that controls reach only after some steps, or never."""

    def step(z, u):
        return jnp.stack([z[0] * 0.9 + z[1] * u, z[2] + 0.5 * z[1], z[2] * 0.5 + u * u, z[3] * jnp.cos(z[3])])

    run = lambda x: along(step, np.array([0.5, 0.6, 0.7, 0.8]), x)  # noqa: E731
    return Model(lambda x, p: jnp.sum(run(x)[:, 0]), lambda x, p: run(x).T.ravel(), STEPS)


MODELS = {
    each.__name__: each
    for each in (
        *(controls, counted, shared, phases, meeting, backwards, two_steps_back, with_params),
        *(many, scenarios, unrolled, nested, linear, network, uneven),
    )
}
