"""Declare neural networks under constraints, and estimation with dynamics."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

import lagrad
from lagrad_problems.collocation import continuity, gauss, stage_values, values_at
from lagrad_problems.entry import CLOSED_FORM, TWO_SOLVERS, Entry, known_at

MLP = {(4, 0): (0.01875626667, TWO_SOLVERS)}
MONOTONE = {(5, 0): (0.05969407395, TWO_SOLVERS)}
PHYSICS = {6: (9.061965846e-05, TWO_SOLVERS)}
PREY, EPIDEMIC = np.array([0.5, 0.3, 0.4]), np.array([0.6, 0.2])


def layers(widths: tuple[int, ...], seed: int) -> list[dict[str, np.ndarray]]:
    """Random weights and zero biases of a multilayer perceptron."""
    random = np.random.default_rng(seed)
    return [
        {"weight": random.normal(size=(out, into)) / np.sqrt(into), "bias": np.zeros(out)}
        for into, out in zip(widths[:-1], widths[1:], strict=True)
    ]


def perceptron(parameters: list[dict[str, Any]], points: Any) -> Array:
    """Outputs at many points, shape (count, out), with tanh between the layers."""
    values = points
    for place, layer in enumerate(parameters):
        values = values @ layer["weight"].T + layer["bias"]
        values = jnp.tanh(values) if place < len(parameters) - 1 else values
    return values


def constrained_network(width: int = 4, seed: int = 0) -> Entry:
    """A network that fits data and passes exactly through four points.

    Args:
        width: of two hidden layers, at least 2.
        seed: of the weights.

    Returns:
        Entry; x is a list of a dict a layer, "weight" and "bias".

    Raises:
        ValueError: fewer than two units.

    >>> constrained_network(4).n
    33
    """
    if width < 2:
        raise ValueError(f"constrained_network: width is {width}, expected at least 2.")
    points = np.linspace(-2.0, 2.0, 25)[:, None]
    targets = np.sin(2 * points) + 0.1 * np.random.default_rng(7).normal(size=points.shape)
    pinned = np.array([[-2.0], [-0.5], [0.5], [2.0]])

    def misfit(x: list) -> Array:
        penalty = sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(x))
        return jnp.mean((perceptron(x, points) - targets) ** 2) + 1e-3 * penalty

    problem = lagrad.Problem(
        misfit,
        layers((1, width, width, 1), seed),
        {"pinned": lagrad.Equality(lambda x: perceptron(x, pinned), np.sin(2 * pinned))},
        name=f"constrained_network({width})",
    )
    return Entry(
        "constrained_network",
        problem,
        "constrained learning",
        source="Ours: regression with exact data points",
        note="Many local minima.",
        **known_at((width, seed), MLP),
    )


def monotone_network(width: int = 5, seed: int = 0) -> Entry:
    """A network whose slope is nonnegative at given points: derivatives of a network as constraints.

    Args:
        width: of the hidden layer, at least 2.
        seed: of the weights.

    Returns:
        Entry; x is a list of a dict a layer, "weight" and "bias".

    Raises:
        ValueError: fewer than two units.

    >>> monotone_network(5).m
    20
    """
    if width < 2:
        raise ValueError(f"monotone_network: width is {width}, expected at least 2.")
    points = np.linspace(-2.0, 2.0, 20)
    targets = np.sign(points) * np.sqrt(abs(points)) + 0.3 * np.sin(8 * points)

    def misfit(x: list) -> Array:
        penalty = sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(x))
        return jnp.mean((perceptron(x, points[:, None])[:, 0] - targets) ** 2) + 1e-3 * penalty

    def slopes(x: list) -> Array:
        return jax.vmap(jax.grad(lambda t: perceptron(x, t[None, None])[0, 0]))(jnp.asarray(points))

    problem = lagrad.Problem(
        misfit,
        layers((1, width, 1), seed),
        {"slope": lagrad.Inequality(slopes, lower=0.0)},
        name=f"monotone_network({width})",
    )
    return Entry(
        "monotone_network",
        problem,
        "constrained learning",
        source="Ours: monotone regression",
        note="Many local minima.",
        **known_at((width, seed), MONOTONE),
    )


def physics_network(width: int = 6) -> Entry:
    """A network that satisfies y'' = -y at collocation points in the least squares, boundary values exactly.

    Args:
        width: of the hidden layer, at least 2.

    Returns:
        Entry; x is a list of a dict a layer, "weight" and "bias".

    Raises:
        ValueError: fewer than two units.

    >>> physics_network(6).m
    2
    """
    if width < 2:
        raise ValueError(f"physics_network: width is {width}, expected at least 2.")
    points = np.linspace(0.0, np.pi / 2, 15)

    def value(x: list, t: Array) -> Array:
        return perceptron(x, t[None, None])[0, 0]

    def misfit(x: list) -> Array:
        second = jax.vmap(jax.grad(jax.grad(value, 1), 1), (None, 0))(x, jnp.asarray(points))
        penalty = sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(x))
        return jnp.mean((second + perceptron(x, points[:, None])[:, 0]) ** 2) + 1e-5 * penalty

    problem = lagrad.Problem(
        misfit,
        layers((1, width, 1), 3),
        {"ends": lagrad.Equality(lambda x: perceptron(x, points[[0, -1], None])[:, 0], np.array([0.0, 1.0]))},
        name=f"physics_network({width})",
    )
    return Entry(
        "physics_network",
        problem,
        "constrained learning",
        source="M. Raissi, P. Perdikaris, G. E. Karniadakis, Physics-Informed Neural Networks (2019), after",
        note="Many local minima.",
        **known_at(width, PHYSICS),
    )


def exact_fit(
    name: str, rate, first: np.ndarray, truth: np.ndarray, duration: float, intervals: int
) -> Entry:
    """Parameters of dynamics from measurements that the discretized dynamics themselves make: misfit zero."""
    if intervals < 2:
        raise ValueError(f"{name}: intervals is {intervals}, expected at least 2.")
    rule, h = gauss(2), duration / intervals
    states = first.size
    # Fixed-point iterations, interval by interval, make node and slope at the true parameters.
    node, slope = np.zeros((intervals + 1, states)), np.zeros((intervals, 2, states))
    node[0] = first
    for k in range(intervals):
        here = np.tile(rate(node[k], truth), (2, 1))
        for _ in range(100):
            here = np.stack([rate(y, truth) for y in node[k] + h * rule.matrix @ here])
        slope[k], node[k + 1] = here, node[k] + h * rule.weights @ here
    times = np.linspace(0.0, duration, 2 * intervals + 1)
    with jax.enable_x64(True):
        data = np.asarray(values_at(rule, times, jnp.asarray(node), jnp.asarray(slope), h))

    def equation(x: dict) -> Array:
        along = jax.vmap(jax.vmap(rate, (0, None)), (0, None))
        return x["slope"] - along(stage_values(rule, x["node"], x["slope"], h), x["parameters"])

    lower, upper = np.zeros_like(node), np.full_like(node, np.inf)
    lower[0] = upper[0] = first
    problem = lagrad.Problem(
        lambda x: jnp.sum((values_at(rule, times, x["node"], x["slope"], h) - data) ** 2),
        {"node": data[::2], "slope": np.zeros_like(slope), "parameters": 0.5 * truth},
        {
            "equation": lagrad.Equality(equation),
            "continuity": lagrad.Equality(lambda x: continuity(rule, x["node"], x["slope"], h)),
        },
        bounds=(
            {"node": lower, "slope": -np.inf, "parameters": 0.0},
            {"node": upper, "slope": np.inf, "parameters": np.inf},
        ),
        name=f"{name}({intervals})",
    )
    return Entry(
        name,
        problem,
        "parameter estimation",
        0.0,
        "Ours: measurements without noise",
        numbers={"times": times, "data": data, "truth": truth},
        evidence=CLOSED_FORM,
    )


def predator_prey_fit(intervals: int = 20) -> Entry:
    """Lotka and Volterra's equations.

    Args:
        intervals: number of equal intervals, at least 2.

    Raises:
        ValueError: fewer than two intervals.

    >>> predator_prey_fit(20).m
    120
    """

    def rate(y, p):
        stacked = jnp.stack if isinstance(y, Array) else np.stack
        return stacked([p[0] * y[0] - p[1] * y[0] * y[1], p[1] * y[0] * y[1] - p[2] * y[1]])

    return exact_fit("predator_prey_fit", rate, np.array([2.0, 1.0]), PREY, 10.0, intervals)


def epidemic_fit(intervals: int = 20) -> Entry:
    """Susceptible, infected and recovered shares of a population.

    Args:
        intervals: number of equal intervals, at least 2.

    Raises:
        ValueError: fewer than two intervals.

    >>> epidemic_fit(20).m
    180
    """

    def rate(y, p):
        stacked = jnp.stack if isinstance(y, Array) else np.stack
        caught = p[0] * y[0] * y[1]
        return stacked([-caught, caught - p[1] * y[1], p[1] * y[1]])

    return exact_fit("epidemic_fit", rate, np.array([0.95, 0.05, 0.0]), EPIDEMIC, 20.0, intervals)


PROBLEMS = (constrained_network, epidemic_fit, monotone_network, physics_network, predator_prey_fit)
