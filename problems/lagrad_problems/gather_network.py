"""Declare coupled phases on a random graph.

Phase x_i at each node, two random edges a node; some nodes are metered:

    min  sum over edges of w (1 - cos(x_i - x_j - a)) + 1/20 sum over nodes of (x_i - t_i)^2
    s.t. sum over a metered node's edges of w sin(x_i - x_j) = p

Gathers in front, sums behind, and one small kernel for all edges: J and H have no band, and a long tail of
    degrees.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jax import Array

import lagrad
from lagrad_problems.entry import TWO_SOLVERS, Entry, known_at

SOURCE = "Ours, after Y. Kuramoto, Chemical Oscillations, Waves, and Turbulence (1984)"
# Ours, at 1e-10, by nodes and seed.
OPTIMA = {(100, 0): (3.951124509, TWO_SOLVERS), (1000, 0): (38.57231383, TWO_SOLVERS)}


@dataclass(frozen=True, eq=False)
class Graph:
    """The numbers behind the problem.

    Args:
        tail, head: the edges' nodes, shape (edges,).
        weight, angle: the edges' w and a, shape (edges,).
        target: the nodes' t, shape (nodes,).
        meter: the row of each metered node, and `meters` for the others, shape (nodes,).
        injection: p, shape (meters,).
    """

    tail: np.ndarray
    head: np.ndarray
    weight: np.ndarray
    angle: np.ndarray
    target: np.ndarray
    meter: np.ndarray
    injection: np.ndarray


def gather_network(nodes: int = 1000, seed: int = 0) -> Entry:
    """The network with n = nodes variables, 2 nodes edges and nodes // 10 equalities.

    Args:
        nodes: number of nodes, at least 10.
        seed: of the random graph and its numbers.

    Returns:
        Entry with the Graph as its `numbers`.

    Raises:
        ValueError: fewer than ten nodes.

    >>> gather_network(100).m
    10
    """
    if nodes < 10:
        raise ValueError(f"gather_network: nodes is {nodes}, expected at least 10.")
    graph = random_graph(nodes, seed)
    problem = lagrad.Problem(
        lambda x: energy(x, graph),
        np.zeros(nodes),
        {"meters": lagrad.Equality(lambda x: metered(x, graph), graph.injection)},
        name=f"gather_network({nodes})",
    )
    known = known_at((nodes, seed), OPTIMA)
    return Entry("gather_network", problem, "network", source=SOURCE, numbers=graph, **known)


def random_graph(nodes: int, seed: int) -> Graph:
    """A random graph without loops, and injections that some phases near the targets fulfil."""
    random = np.random.default_rng(seed)
    tail = np.repeat(np.arange(nodes), 2)
    head = (tail + random.integers(1, nodes, 2 * nodes)) % nodes
    weight, angle = random.uniform(0.5, 1.5, 2 * nodes), random.uniform(-0.3, 0.3, 2 * nodes)
    target = random.uniform(-0.5, 0.5, nodes)
    meters = nodes // 10
    meter = np.full(nodes, meters)
    meter[random.choice(nodes, meters, replace=False)] = np.arange(meters)
    phases = target + random.uniform(-0.1, 0.1, nodes)
    flow = weight * np.sin(phases[tail] - phases[head])
    injection = np.bincount(meter[tail], flow, meters + 1) - np.bincount(meter[head], flow, meters + 1)
    return Graph(tail, head, weight, angle, target, meter, injection[:meters])


def energy(x: Array, graph: Graph) -> Array:
    """Objective of the phases x, shape (nodes,)."""
    differences = x[graph.tail] - x[graph.head] - graph.angle
    return jnp.sum(graph.weight * (1 - jnp.cos(differences))) + 0.05 * jnp.sum((x - graph.target) ** 2)


def metered(x: Array, graph: Graph) -> Array:
    """What leaves each metered node along its edges, shape (meters,)."""
    flow = graph.weight * jnp.sin(x[graph.tail] - x[graph.head])
    meters = graph.injection.size
    sums = jnp.zeros(meters + 1).at[graph.meter[graph.tail]].add(flow).at[graph.meter[graph.head]].add(-flow)
    return sums[:meters]
