"""Declare AC optimal power flow in polar form.

Variables: voltage angles va and magnitudes vm at the buses, power p_gen and q_gen of the generators, and the
four flows p_from, q_from, p_to, q_to of every branch: 2 buses + 2 gens + 4 branches in all. The cost per hour
is least subject to

    reference   angle zero at the reference buses
    flow        every flow is what the voltages at the branch's ends make of it
    balance     generation, load, shunts and flows add up to zero at every bus, real and reactive
    angle       the angle across a branch stays within its limits
    thermal     the apparent power at both ends of a branch stays below its rating
    piecewise   cost of a generator with piecewise linear cost lies above its straight lines
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array

import lagrad
from lagrad_problems.opf.network import FLOWS, Network


def opf_problem(network: Network) -> lagrad.Problem:
    """The problem of a network, from a flat start: one per unit, no angles, no power.

    Args:
        network: from `network` or `synthetic`.

    Returns:
        Problem whose x is a dict: va, vm of the buses, p_gen, q_gen of the generators, p_from, q_from, p_to,
            q_to of the branches. Constraints: reference, flow, balance, angle, thermal, piecewise; those
            that would be empty are left out.

    >>> from lagrad_problems import opf
    >>> opf.opf_problem(opf.synthetic(5)).variables.describe(0)
    "x['p_from'][0]"
    """
    return lagrad.Problem(
        lambda x: cost(x, network),
        start(network),
        constraints(network),
        bounds=bounds(network),
        name=network.name,
    )


def start(network: Network) -> dict[str, np.ndarray]:
    """Flat start, moved into the bounds."""
    zeros = {name: np.zeros(network.branches) for name in FLOWS}
    zeros |= {"p_gen": np.zeros(network.gens), "q_gen": np.zeros(network.gens)}
    zeros |= {"va": np.zeros(network.buses), "vm": np.ones(network.buses)}
    if network.costs.piecewise.size:
        zeros["cost"] = np.zeros(network.costs.piecewise.size)
    lower, upper = bounds(network)
    return {name: np.clip(value, lower[name], upper[name]) for name, value in zeros.items()}


def bounds(network: Network) -> tuple[dict, dict]:
    """Limits of the variables; a flow is bounded by its branch's rating."""
    lower = dict.fromkeys(FLOWS, -network.rate)
    upper = dict.fromkeys(FLOWS, network.rate)
    lower |= {"p_gen": network.p_lower, "q_gen": network.q_lower, "vm": network.vm_lower, "va": -np.inf}
    upper |= {"p_gen": network.p_upper, "q_gen": network.q_upper, "vm": network.vm_upper, "va": np.inf}
    if network.costs.piecewise.size:
        lower["cost"], upper["cost"] = -np.inf, np.inf
    return lower, upper


def constraints(network: Network) -> dict[str, lagrad.Equality | lagrad.Inequality]:
    """The constraints by name."""
    rated = np.flatnonzero(np.isfinite(network.rate))
    spread = np.flatnonzero(np.isfinite(network.angle_lower) | np.isfinite(network.angle_upper))
    rows: dict[str, lagrad.Equality | lagrad.Inequality] = {
        "reference": lagrad.Equality(lambda x: x["va"][network.reference]),
        "balance": lagrad.Equality(lambda x: balance(x, network)),
    }
    if network.branches:
        rows["flow"] = lagrad.Equality(lambda x: flow(x, network))
    if spread.size:
        rows["angle"] = lagrad.Inequality(
            lambda x: x["va"][network.from_bus[spread]] - x["va"][network.to_bus[spread]],
            network.angle_lower[spread],
            network.angle_upper[spread],
        )
    if rated.size:
        square = network.rate[rated] ** 2
        rows["thermal"] = lagrad.Inequality(
            lambda x: apparent(x, rated), upper={"from": square, "to": square}
        )
    if network.costs.piecewise.size:
        rows["piecewise"] = lagrad.Inequality(lambda x: above_lines(x, network), network.costs.intercept)
    return rows


def cost(x: dict, network: Network) -> Array:
    """Cost per hour: polynomials of the generators' power, plus the piecewise linear costs."""
    coefficients = network.costs.polynomial
    p = x["p_gen"]
    total = jnp.sum(coefficients[:, 0])
    for power in range(1, coefficients.shape[1]):
        total = total + coefficients[:, power] @ p**power
    return total + jnp.sum(x["cost"]) if network.costs.piecewise.size else total


def flow(x: dict, network: Network) -> dict[str, Array]:
    """What each flow is short of the one that the voltages make, four arrays of shape (branches,)."""
    vm_from, vm_to = x["vm"][network.from_bus], x["vm"][network.to_bus]
    difference = x["va"][network.from_bus] - x["va"][network.to_bus]
    product = vm_from * vm_to
    along, across = product * jnp.cos(difference), product * jnp.sin(difference)
    own = {"p_from": vm_from**2, "q_from": vm_from**2, "p_to": vm_to**2, "q_to": vm_to**2}
    return {
        name: network.square[k] * own[name] + network.cosine[k] * along + network.sine[k] * across - x[name]
        for k, name in enumerate(FLOWS)
    }


def balance(x: dict, network: Network) -> dict[str, Array]:
    """Generation less load, shunts and outgoing flows, real and reactive, each of shape (buses,)."""
    return left_over_at(x["vm"] ** 2, x, network)


def left_over_at(voltage: Array, x: dict, network: Network) -> dict[str, Array]:
    """The same from the squared voltage magnitudes, shape (buses,)."""

    def left_over(load, shunt, generated, from_end, to_end):
        here = jnp.asarray(-load - shunt * voltage)
        here = here.at[network.gen_bus].add(generated)
        return here.at[network.from_bus].add(-from_end).at[network.to_bus].add(-to_end)

    return {
        "p": left_over(network.load_p, network.shunt_g, x["p_gen"], x["p_from"], x["p_to"]),
        "q": left_over(network.load_q, -network.shunt_b, x["q_gen"], x["q_from"], x["q_to"]),
    }


def apparent(x: dict, rated: np.ndarray) -> dict[str, Array]:
    """Squared apparent power at both ends of the rated branches."""
    return {
        "from": x["p_from"][rated] ** 2 + x["q_from"][rated] ** 2,
        "to": x["p_to"][rated] ** 2 + x["q_to"][rated] ** 2,
    }


def above_lines(x: dict, network: Network) -> Array:
    """Piecewise linear cost less slope times power, one a straight line; it must exceed the intercept."""
    costs = network.costs
    return x["cost"][costs.line_cost] - costs.slope * x["p_gen"][costs.line_gen]
