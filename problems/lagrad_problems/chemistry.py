"""Declare chemical equilibria, a distillation column and a chain of reactors."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

import lagrad
from lagrad_problems.entry import CLOSED_FORM, TWO_SOLVERS, Entry, known_at

GIBBS_SOURCE = "W. B. White, S. M. Johnson, G. B. Dantzig, Chemical Equilibrium in Complex Mixtures (1958)"
COLUMN_SOURCE = (
    "J. D. Seader, E. J. Henley, Separation Process Principles (1998), constant relative volatility"
)
REACTOR_SOURCE = "O. Levenspiel, Chemical Reaction Engineering (1999), second-order reaction in stirred tanks"
GIBBS = {(1, 12): (-222.6351214, TWO_SOLVERS), (2, 12): (-222.4865659, TWO_SOLVERS)}
COLUMN = {12: (1.038336355, TWO_SOLVERS)}
REACTORS = {3: (-0.5386813616, TWO_SOLVERS)}
VOLATILITY = np.array([2.5, 1.0])


def gibbs_energy(phases: int = 1, species: int = 12) -> Entry:
    """The least free energy of an ideal mixture in several phases; convex, with a logarithm at every bound.

    Args:
        phases: at least 1.
        species: in each phase, at least 4.

    Returns:
        Entry; x is a list of moles, an array of shape (species,) a phase.

    Raises:
        ValueError: a size is too small.

    >>> gibbs_energy(3, 8).m
    4
    """
    if phases < 1 or species < 4:
        raise ValueError(
            f"gibbs_energy: sizes {phases} and {species}, expected at least 1 phase and 4 species."
        )
    random = np.random.default_rng(0)
    atoms = random.integers(0, 4, size=(4, species)).astype(float)
    # Each element alone is a species too, so that every amount can be had.
    atoms[:, :4] = np.eye(4)
    potentials = [0.3 * random.normal(size=species) - 3 for _ in range(phases)]
    total = atoms @ np.ones(species)

    def energy(moles: list[Array]) -> Any:
        return sum(
            jnp.sum(n * (potential + jnp.log(n / jnp.sum(n))))
            for n, potential in zip(moles, potentials, strict=True)
        )

    problem = lagrad.Problem(
        energy,
        [np.full(species, 1 / phases) for _ in range(phases)],
        {"elements": lagrad.Equality(lambda moles: atoms @ sum(moles), total)},
        bounds=(1e-3, None),
        name=f"gibbs_energy({phases}, {species})",
    )
    return Entry(
        "gibbs_energy",
        problem,
        "chemical equilibrium",
        source=GIBBS_SOURCE,
        numbers={"atoms": atoms, "potentials": potentials},
        **known_at((phases, species), GIBBS),
    )


def reaction_equilibrium() -> Entry:
    """Propane burns in air: ten equations for the moles of ten products, in logarithms.

    Returns:
        Entry; x has shape (10,).

    >>> reaction_equilibrium().n
    10
    """
    pressure, ratio = 40.0, 10.0
    constants = np.array(
        [0.193, 0.002597 / np.sqrt(40.0), 0.003448 / np.sqrt(40.0), 1.799e-5 / 40.0, 2.155e-4 / np.sqrt(40.0)]
    )
    last = 3.846e-5 / pressure

    def rows(log_moles: Array) -> Array:
        n = jnp.exp(log_moles)
        total = jnp.sum(n)
        return jnp.stack(
            [
                n[0] + n[3] - 3,
                2 * n[0] + n[1] + n[3] + n[6] + n[7] + n[8] + 2 * n[9] - ratio,
                2 * n[1] + 2 * n[4] + n[5] + n[6] - 8,
                2 * n[2] + n[8] - 4 * ratio,
                constants[0] * n[1] * n[3] - n[0] * n[4],
                n[5] * jnp.sqrt(n[1]) - constants[1] * jnp.sqrt(n[1] * n[3] * total) * jnp.sqrt(n[1] / n[3]),
                n[6] * jnp.sqrt(n[3]) - constants[2] * jnp.sqrt(n[0] * n[1] * total),
                n[7] * n[3] - constants[3] * n[0] * total,
                n[8] * n[3] - constants[4] * n[0] * jnp.sqrt(n[2] * total),
                n[9] * n[3] ** 2 - last * n[3] ** 2 * total,
            ]
        )

    problem = lagrad.Problem(
        lambda x: jnp.zeros(()),
        np.log(np.array([2.9, 3.9, 19.9, 0.1, 0.1, 0.01, 0.05, 0.1, 0.1, 0.1])),
        {"rows": lagrad.Equality(rows)},
        bounds=(-30.0, 5.0),
        name="reaction_equilibrium",
    )
    return Entry(
        "reaction_equilibrium",
        problem,
        "chemical equilibrium",
        0.0,
        "After K. Meintjes, A. P. Morgan, Chemical Equilibrium Systems as Numerical Test Problems (1990)",
        note="A system of equations: the objective is zero.",
        evidence=CLOSED_FORM,
    )


def distillation(trays: int = 12) -> Entry:
    """A binary column with constant flows: least reboiler duty for given purities.

    Args:
        trays: at least 5, condenser and reboiler among them.

    Returns:
        Entry; x is a dict of "liquid", "vapor", mole fractions on the trays, shape (trays,), "reflux" and
        "distillate".

    Raises:
        ValueError: fewer than five trays.

    >>> distillation(12).m
    24
    """
    if trays < 5:
        raise ValueError(f"distillation: trays is {trays}, expected at least 5.")
    feed, light = trays // 2, 0.5

    def vapor(x: dict) -> Array:
        heavy = 1 - x["liquid"]
        return (
            x["vapor"] * (VOLATILITY[0] * x["liquid"] + VOLATILITY[1] * heavy) - VOLATILITY[0] * x["liquid"]
        )

    def balance(x: dict) -> Array:
        down, up = x["liquid"], x["vapor"]
        top, boil = x["reflux"], x["reflux"] + x["distillate"]
        bottom = top + 1.0
        flow = jnp.where(np.arange(trays) < feed, top, bottom)
        condenser = up[1] - down[0]
        inside = boil * (up[2:] - up[1:-1]) + flow[:-2] * down[:-2] - flow[1:-1] * down[1:-1]
        inside = inside.at[feed - 1].add(light)
        reboiler = bottom * down[-2] - boil * up[-1] - (bottom - boil) * down[-1]
        return jnp.concatenate([condenser[None], inside, reboiler[None]])

    fractions = np.linspace(0.9, 0.1, trays)
    problem = lagrad.Problem(
        lambda x: x["reflux"] + x["distillate"],
        {
            "liquid": fractions,
            "vapor": 2.5 * fractions / (1 + 1.5 * fractions),
            "reflux": np.array(2.0),
            "distillate": np.array(0.5),
        },
        {"balance": lagrad.Equality(balance), "equilibrium": lagrad.Equality(vapor)},
        bounds=(
            {"liquid": np.r_[0.9, np.zeros(trays - 1)], "vapor": 0.0, "reflux": 0.1, "distillate": 0.1},
            {"liquid": np.r_[np.ones(trays - 1), 0.1], "vapor": 1.0, "reflux": 50.0, "distillate": 0.9},
        ),
        name=f"distillation({trays})",
    )
    return Entry("distillation", problem, "distillation", source=COLUMN_SOURCE, **known_at(trays, COLUMN))


def reactor_chain(tanks: int = 3) -> Entry:
    """Stirred tanks in series with reactions A -> B -> C, the first of second order: most B at the end.

    Args:
        tanks: at least 1.

    Returns:
        Entry; x is a dict of "a", "b", concentrations, and "time", residence times, each of shape (tanks,).

    Raises:
        ValueError: no tank.

    >>> reactor_chain(3).n
    9
    """
    if tanks < 1:
        raise ValueError(f"reactor_chain: tanks is {tanks}, expected at least 1.")

    def balance(x: dict) -> dict[str, Array]:
        a, b, time = x["a"], x["b"], x["time"]
        a_before, b_before = jnp.append(1.0, a[:-1]), jnp.append(0.0, b[:-1])
        return {
            "a": a_before - a - time * a**2,
            "b": b_before - b + time * (a**2 - 0.1 * b),
        }

    problem = lagrad.Problem(
        lambda x: -x["b"][-1],
        {"a": np.full(tanks, 0.5), "b": np.full(tanks, 0.4), "time": np.ones(tanks)},
        {
            "balance": lagrad.Equality(balance),
            "volume": lagrad.Inequality(lambda x: jnp.sum(jnp.sqrt(x["time"])), upper=4.0),
        },
        bounds=({"a": 0.0, "b": 0.0, "time": 1e-5}, {"a": 1.0, "b": 1.0, "time": 16.0}),
        name=f"reactor_chain({tanks})",
    )
    return Entry(
        "reactor_chain", problem, "chemical reactor", source=REACTOR_SOURCE, **known_at(tanks, REACTORS)
    )


PROBLEMS = (distillation, gibbs_energy, reaction_equilibrium, reactor_chain)
