"""Declare trusses: bars between nodes, under loads, on a ground structure."""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jax import Array

import lagrad
from lagrad_problems.entry import PUBLISHED, TWO_SOLVERS, Entry, known_at

SOURCE = "M. P. Bendsoe, O. Sigmund, Topology Optimization (2003), chapter 4"
LAYOUT = {(5, 3): (15.0, TWO_SOLVERS)}
COMPLIANCE = {(4, 3): (8.350504447, TWO_SOLVERS)}


@dataclass(frozen=True, eq=False)
class Ground:
    """Nodes and all bars that might be built.

    Args:
        nodes: shape (k, 2).
        bars: shape (b, 2), pairs of nodes.
        lengths: shape (b,).
        directions: each bar's unit elongation by the nodes' displacements, shape (b, 2 k).
    """

    nodes: np.ndarray
    bars: np.ndarray
    lengths: np.ndarray
    directions: np.ndarray


def ground(nodes: np.ndarray, bars: np.ndarray) -> Ground:
    """Lengths and directions of given bars."""
    vectors = nodes[bars[:, 1]] - nodes[bars[:, 0]]
    lengths = np.linalg.norm(vectors, axis=1)
    directions = np.zeros((len(bars), nodes.size))
    for row, ((one, other), unit) in enumerate(zip(bars, vectors / lengths[:, None], strict=True)):
        directions[row, 2 * one : 2 * one + 2] = -unit
        directions[row, 2 * other : 2 * other + 2] = unit
    return Ground(nodes, bars, lengths, directions)


def lattice(width: int, height: int) -> Ground:
    """A grid of nodes with all bars of at most two cells' width that do not lie on one another."""
    nodes = np.array([[float(i), float(j)] for i in range(width) for j in range(height)])
    one, other = np.triu_indices(len(nodes), 1)
    step = abs(nodes[one] - nodes[other]).astype(int)
    chosen = (np.gcd(step[:, 0], step[:, 1]) == 1) & (step.max(axis=1) <= 2)
    return ground(nodes, np.stack([one[chosen], other[chosen]], axis=1))


def truss_layout(width: int = 5, height: int = 3) -> Entry:
    """Michell's problem as a linear program: least volume of bars that carry a load, pulled or pressed.

    Args:
        width: nodes from the wall to the load, at least 2.
        height: nodes along the wall, at least 2.

    Returns:
        Entry; x is a dict of "tension" and "compression", each of shape (bars,).

    Raises:
        ValueError: a size below 2.

    >>> truss_layout(3, 2).m
    8
    """
    if min(width, height) < 2:
        raise ValueError(f"truss_layout: sizes {width} and {height}, expected at least 2 each.")
    frame = lattice(width, height)
    load = np.zeros(frame.nodes.shape)
    load[-height + height // 2, 1] = -1.0
    held = np.repeat(frame.nodes[:, 0] > 0, 2)
    balance = frame.directions.T[held]
    bars = len(frame.bars)
    problem = lagrad.Problem(
        lambda x: jnp.dot(frame.lengths, x["tension"] + x["compression"]),
        {"tension": np.ones(bars), "compression": np.ones(bars)},
        {
            "balance": lagrad.Equality(
                lambda x: balance @ (x["tension"] - x["compression"]), load.ravel()[held]
            )
        },
        bounds=(0.0, None),
        name=f"truss_layout({width}, {height})",
    )
    return Entry(
        "truss_layout",
        problem,
        "truss",
        source="A. G. M. Michell (1904); " + SOURCE,
        note="A linear program whose solutions are not unique: only the objective is.",
        numbers=frame,
        **known_at((width, height), LAYOUT),
    )


def truss_compliance(width: int = 4, height: int = 3) -> Entry:
    """The stiffest truss of a given volume, displacements and areas both variables (bilinear equilibrium).

    Args:
        width: nodes from the wall to the load, at least 2.
        height: nodes along the wall, at least 2.

    Returns:
        Entry; x is a dict of "area", shape (bars,), and "displacement", shape (degrees of freedom,).

    Raises:
        ValueError: a size below 2.

    >>> truss_compliance(3, 2).m
    9
    """
    if min(width, height) < 2:
        raise ValueError(f"truss_compliance: sizes {width} and {height}, expected at least 2 each.")
    frame = lattice(width, height)
    load = np.zeros(frame.nodes.shape)
    load[-height + height // 2, 1] = -1.0
    held = np.repeat(frame.nodes[:, 0] > 0, 2)
    elongation, force = frame.directions[:, held], load.ravel()[held]
    volume = float(width * height)

    def balance(x: dict) -> Array:
        stress = x["area"] / frame.lengths * (elongation @ x["displacement"])
        return elongation.T @ stress

    area = np.full(len(frame.bars), volume / frame.lengths.sum())
    stiffness = elongation.T @ np.diag(area / frame.lengths) @ elongation
    problem = lagrad.Problem(
        lambda x: jnp.dot(force, x["displacement"]),
        {"area": area, "displacement": np.linalg.solve(stiffness, force)},
        {
            "balance": lagrad.Equality(balance, force),
            "volume": lagrad.Inequality(lambda x: jnp.dot(frame.lengths, x["area"]), upper=volume),
        },
        # Bars may get thin, but not vanish: without them some nodes would hang free.
        bounds=({"area": 1e-3, "displacement": -np.inf}, {"area": 5.0, "displacement": np.inf}),
        name=f"truss_compliance({width}, {height})",
    )
    return Entry(
        "truss_compliance",
        problem,
        "truss",
        source=SOURCE,
        numbers=frame,
        **known_at((width, height), COMPLIANCE),
    )


def ten_bar_truss() -> Entry:
    """The classic of sizing: ten aluminium bars, two loads, limits of stress and displacement.

    Returns:
        Entry; x is a dict of "area", shape (10,), square inches, and "displacement", shape (8,), inches.

    >>> ten_bar_truss().n
    18
    """
    nodes = 360.0 * np.array([[2, 1], [2, 0], [1, 1], [1, 0], [0, 1], [0, 0]])
    bars = np.array([[4, 2], [2, 0], [5, 3], [3, 1], [2, 3], [0, 1], [4, 3], [5, 2], [2, 1], [3, 0]])
    frame, modulus = ground(nodes, bars), 1e4
    elongation = frame.directions[:, :8]
    # Kips, downwards at the two lower free nodes.
    force = np.array([0.0, 0.0, 0.0, -100.0, 0.0, 0.0, 0.0, -100.0])

    def stress(x: dict) -> Array:
        return modulus / frame.lengths * (elongation @ x["displacement"])

    area = np.full(10, 30.0)
    stiffness = elongation.T @ np.diag(modulus * area / frame.lengths) @ elongation
    problem = lagrad.Problem(
        lambda x: 0.1 * jnp.dot(frame.lengths, x["area"]),
        {"area": area, "displacement": np.clip(np.linalg.solve(stiffness, force), -2, 2)},
        {
            "balance": lagrad.Equality(lambda x: elongation.T @ (x["area"] * stress(x)), force),
            "stress": lagrad.Inequality(stress, lower=-25.0, upper=25.0),
        },
        bounds=({"area": 0.1, "displacement": -2.0}, {"area": 50.0, "displacement": 2.0}),
        name="ten_bar_truss",
    )
    return Entry(
        "ten_bar_truss",
        problem,
        "truss",
        5060.85366,
        "L. A. Schmit, B. Farshi, Some Approximation Concepts for Structural Synthesis (1974)",
        note="Pounds; the literature prints 5060.85. From most starts solvers end at 5076.67.",
        numbers=frame,
        other_optima=(5076.669299,),
        evidence=PUBLISHED,
    )


PROBLEMS = (ten_bar_truss, truss_compliance, truss_layout)
