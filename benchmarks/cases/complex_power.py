"""Declare AC optimal power flow by complex voltages, as textbooks write it: V = v exp(ja), S = V conj(Y V).

Variables, rows, limits and optimum are those of `lagrad_problems.opf.opf_problem`; the flows alone are
written otherwise.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

import lagrad
from lagrad_problems.opf import model
from lagrad_problems.opf.network import Network


def complex_problem(network: Network) -> lagrad.Problem:
    """The polar form of a network, its flows by complex arithmetic.

    Args:
        network: from `lagrad_problems.opf.network` or `synthetic`.

    Returns:
        Problem of the same variables and rows.

    >>> from lagrad_problems import opf
    >>> complex_problem(opf.synthetic(5)).m == opf.opf_problem(opf.synthetic(5)).m
    True
    """
    rows = model.constraints(network) | {"flow": lagrad.Equality(lambda x: flow(x, network))}
    bounds = model.bounds(network)
    return lagrad.Problem(
        lambda x: model.cost(x, network), model.start(network), rows, bounds=bounds, name=network.name
    )


def flow(x: dict, network: Network) -> dict[str, Array]:
    """What each flow is short of the one that the voltages make, four arrays of shape (branches,)."""
    voltage = x["vm"] * jnp.exp(1j * x["va"])
    here, there = voltage[network.from_bus], voltage[network.to_bus]
    square, cosine, sine = network.square, network.cosine, network.sine
    at_from = here * jnp.conj((square[0] - 1j * square[1]) * here + (cosine[0] + 1j * sine[0]) * there)
    at_to = there * jnp.conj((square[2] - 1j * square[3]) * there + (cosine[2] - 1j * sine[2]) * here)
    return {
        "p_from": at_from.real - x["p_from"],
        "q_from": at_from.imag - x["q_from"],
        "p_to": at_to.real - x["p_to"],
        "q_to": at_to.imag - x["q_to"],
    }
