"""Declare networks of pipes.

Water obeys Hazen and Williams, pressure lost is r q |q|^0.852; gas obeys Weymouth, the difference of squared
pressures is r q |q|. Both kinks are smooth once only: the second derivative of q |q| jumps at zero flow.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jax import Array

import lagrad
from lagrad_problems.entry import CLOSED_FORM, TWO_SOLVERS, Entry, known_at

WATER_SOURCE = "M. Collins et al., Solving the Pipe Network Analysis Problem (1978); a random network of ours"
GAS_SOURCE = "D. De Wolf, Y. Smeers, The Gas Transmission Problem (2000); a random network of ours"
CONTENT = {(20, 0): (1.157333967, TWO_SOLVERS)}
GAS = {(20, 0): (0.2703937151, TWO_SOLVERS)}
DESIGN = {(12, 1): (11.61238426, TWO_SOLVERS)}


@dataclass(frozen=True, eq=False)
class Pipes:
    """A connected network; node 0 is the source.

    Args:
        tail, head: ends of each pipe, shape (pipes,).
        resistance: of each pipe, shape (pipes,).
        length: of each pipe, shape (pipes,).
        demand: at each node, adds up to zero, shape (nodes,).
    """

    tail: np.ndarray
    head: np.ndarray
    resistance: np.ndarray
    length: np.ndarray
    demand: np.ndarray


def random_pipes(name: str, nodes: int, seed: int) -> Pipes:
    """A random tree, and half as many pipes again that close loops."""
    if nodes < 4:
        raise ValueError(f"{name}: nodes is {nodes}, expected at least 4.")
    random = np.random.default_rng(seed)
    head = np.arange(1, nodes)
    tail = np.array([random.integers(0, k) for k in head])
    extra = np.array([random.choice(nodes, 2, replace=False) for _ in range(nodes // 2)])
    tail, head = np.r_[tail, extra[:, 0]], np.r_[head, extra[:, 1]]
    length = random.uniform(1.0, 3.0, size=tail.size)
    demand = random.uniform(0.2, 1.0, size=nodes)
    demand[0] = -demand[1:].sum()
    return Pipes(tail, head, 0.05 * length, length, demand)


def inflow(pipes: Pipes, flow: Array) -> Array:
    """What pipes bring to each node, shape (nodes,)."""
    return jnp.zeros(pipes.demand.size).at[pipes.head].add(flow).at[pipes.tail].add(-flow)


def water_content(nodes: int = 20, seed: int = 0) -> Entry:
    """Flows of water as the minimum of a convex content; the multipliers are the heads.

    Args:
        nodes: at least 4.
        seed: of the network.

    Returns:
        Entry; x has shape (pipes,).

    Raises:
        ValueError: fewer than four nodes.

    >>> water_content(20).m
    19
    """
    pipes = random_pipes("water_content", nodes, seed)
    problem = lagrad.Problem(
        # The integral of r q |q|^0.852.
        lambda q: jnp.sum(pipes.resistance / 2.852 * jnp.abs(q) ** 2.852),
        np.full(pipes.tail.size, 0.1),
        {"balance": lagrad.Equality(lambda q: inflow(pipes, q)[1:], pipes.demand[1:])},
        name=f"water_content({nodes})",
    )
    return Entry(
        "water_content",
        problem,
        "network of pipes",
        source=WATER_SOURCE,
        numbers=pipes,
        **known_at((nodes, seed), CONTENT),
    )


def water_heads(nodes: int = 20, seed: int = 0) -> Entry:
    """The same flows as the root of their equations, heads and flows both variables.

    Args:
        nodes: at least 4.
        seed: of the network.

    Returns:
        Entry; x is a dict of "flow", shape (pipes,), and "head", shape (nodes,).

    Raises:
        ValueError: fewer than four nodes.

    >>> water_heads(20).m
    49
    """
    pipes = random_pipes("water_heads", nodes, seed)

    def loss(x: dict) -> Array:
        q = x["flow"]
        return x["head"][pipes.tail] - x["head"][pipes.head] - pipes.resistance * q * jnp.abs(q) ** 0.852

    problem = lagrad.Problem(
        lambda x: jnp.zeros(()),
        {"flow": np.full(pipes.tail.size, 0.1), "head": np.full(nodes, 10.0)},
        {
            "balance": lagrad.Equality(lambda x: inflow(pipes, x["flow"])[1:], pipes.demand[1:]),
            "loss": lagrad.Equality(loss),
            "source": lagrad.Equality(lambda x: x["head"][0], 10.0),
        },
        name=f"water_heads({nodes})",
    )
    return Entry(
        "water_heads",
        problem,
        "network of pipes",
        0.0,
        WATER_SOURCE,
        note="A system of equations: the objective is zero.",
        numbers=pipes,
        evidence=CLOSED_FORM,
    )


def water_design(nodes: int = 12, seed: int = 1) -> Entry:
    """Which diameters? Cost of pipes, with a least head at every node.

    Args:
        nodes: at least 4.
        seed: of the network.

    Returns:
        Entry; x is a dict of "diameter", "flow", each of shape (pipes,), and "head", shape (nodes,).

    Raises:
        ValueError: fewer than four nodes.

    >>> water_design(12).m
    28
    """
    pipes = random_pipes("water_design", nodes, seed)

    def loss(x: dict) -> Array:
        q = x["flow"]
        drop = pipes.resistance * q * jnp.abs(q) ** 0.852 / x["diameter"] ** 4.87
        return x["head"][pipes.tail] - x["head"][pipes.head] - drop

    problem = lagrad.Problem(
        lambda x: jnp.dot(pipes.length, x["diameter"] ** 1.5),
        {
            "diameter": np.ones(pipes.tail.size),
            "flow": np.full(pipes.tail.size, 0.1),
            "head": np.full(nodes, 10.0),
        },
        {
            "balance": lagrad.Equality(lambda x: inflow(pipes, x["flow"])[1:], pipes.demand[1:]),
            "loss": lagrad.Equality(loss),
        },
        bounds=(
            {"diameter": 0.3, "flow": -np.inf, "head": np.r_[10.0, np.full(nodes - 1, 8.0)]},
            {"diameter": 3.0, "flow": np.inf, "head": 10.0},
        ),
        name=f"water_design({nodes})",
    )
    return Entry(
        "water_design",
        problem,
        "network of pipes",
        source=WATER_SOURCE,
        note="Not convex: which pipes close a loop is open.",
        numbers=pipes,
        **known_at((nodes, seed), DESIGN),
    )


def gas_transport(nodes: int = 20, seed: int = 0) -> Entry:
    """Gas through pipes with compressors at every fourth pipe: least power of the compressors.

    Args:
        nodes: at least 4.
        seed: of the network.

    Returns:
        Entry; x is a dict of "flow", shape (pipes,), "square", squared pressures, shape (nodes,), and
        "boost", shape (compressors,).

    Raises:
        ValueError: fewer than four nodes.

    >>> gas_transport(20).m
    48
    """
    pipes = random_pipes("gas_transport", nodes, seed)
    count = pipes.tail.size
    # Compressors stand on pipes of the tree, in the direction away from the source.
    boosted = np.arange(0, nodes - 1, 4)
    lowest, highest = np.full(nodes, 29.0), np.full(nodes, 49.0)
    lowest[0] = highest[0] = 30.0

    def weymouth(x: dict) -> Array:
        entering = x["square"][pipes.tail].at[boosted].multiply(x["boost"], unique_indices=True)
        return entering - x["square"][pipes.head] - 2.0 * pipes.resistance * x["flow"] * jnp.abs(x["flow"])

    def power(x: dict) -> Array:
        return jnp.sum(x["flow"][boosted] * (x["boost"] ** 0.126 - 1))

    lower = {"flow": np.full(count, -np.inf), "square": lowest, "boost": 1.0}
    lower["flow"][boosted] = 0.0
    problem = lagrad.Problem(
        power,
        {"flow": np.full(count, 0.1), "square": np.full(nodes, 30.0), "boost": np.full(boosted.size, 1.2)},
        {
            "balance": lagrad.Equality(lambda x: inflow(pipes, x["flow"])[1:], pipes.demand[1:]),
            "weymouth": lagrad.Equality(weymouth),
        },
        bounds=(lower, {"flow": np.inf, "square": highest, "boost": 2.5}),
        name=f"gas_transport({nodes})",
    )
    return Entry(
        "gas_transport",
        problem,
        "network of pipes",
        source=GAS_SOURCE,
        numbers=pipes,
        **known_at((nodes, seed), GAS),
    )


PROBLEMS = (gas_transport, water_content, water_design, water_heads)
