"""Declare AC optimal power flow in rectangular and in current form.

The same physics as `lagrad_problems.opf.model`, with voltages e + j f:

    rectangular   flows are expressions, quadratic in the voltages: few variables, dense rows
    current       branch currents are variables, linear in the voltages; power is a product of both

Cost, limits and optimum are those of the polar form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from jax import Array

import lagrad
from lagrad_problems.opf.model import apparent, cost, left_over_at
from lagrad_problems.opf.network import FLOWS, Network

ENDS = ("from", "to")


def rectangular(network: Network) -> lagrad.Problem:
    """Voltages and generation as variables: 2 buses + 2 gens.

    Args:
        network: without piecewise linear costs.

    Returns:
        Problem whose x is a dict of "e", "f", "p_gen", "q_gen".

    >>> from lagrad_problems import opf
    >>> rectangular(opf.synthetic(5)).variables.describe(0)
    "x['e'][0]"
    """
    return declared("rectangular", network, {}, lambda x: flows(x, network), {})


def current(network: Network) -> lagrad.Problem:
    """Voltages, generation and currents as variables: 2 buses + 2 gens + 4 branches.

    Args:
        network: without piecewise linear costs.

    Returns:
        Problem whose x is a dict of "e", "f", "p_gen", "q_gen", and "re_from", "im_from", "re_to", "im_to".

    >>> from lagrad_problems import opf
    >>> current(opf.synthetic(5)).m > rectangular(opf.synthetic(5)).m
    True
    """
    names = [f"{part}_{end}" for end in ENDS for part in ("re", "im")]
    start = {name: np.zeros(network.branches) for name in names}
    law = {"current": lagrad.Equality(lambda x: currents(x, network))}
    return declared("current", network, start, lambda x: powers(x, network), law)


def declared(
    form: str,
    network: Network,
    more: dict[str, np.ndarray],
    flows_of: Callable[[dict], dict[str, Array]],
    laws: dict[str, lagrad.Equality],
) -> lagrad.Problem:
    """What both forms share: `more` variables with their `laws`, and flows by name from x."""
    rated = np.flatnonzero(np.isfinite(network.rate))
    spread = np.flatnonzero(np.isfinite(network.angle_lower) & np.isfinite(network.angle_upper))
    square = network.rate[rated] ** 2
    rows: dict[str, lagrad.Equality | lagrad.Inequality] = {
        "reference": lagrad.Equality(lambda x: x["f"][network.reference]),
        "balance": lagrad.Equality(lambda x: left_over_at(square_voltage(x), x | flows_of(x), network)),
        "voltage": lagrad.Inequality(square_voltage, network.vm_lower**2, network.vm_upper**2),
        **laws,
    }
    if spread.size:
        rows["angle"] = lagrad.Inequality(lambda x: angles(x, network, spread), upper=0.0)
    if rated.size:
        rows["thermal"] = lagrad.Inequality(
            lambda x: apparent(flows_of(x), rated), upper={"from": square, "to": square}
        )
    generation = {"p_gen": (network.p_lower, network.p_upper), "q_gen": (network.q_lower, network.q_upper)}
    lower, upper = (
        dict.fromkeys(["e", "f", *more], sign * np.inf)
        | {name: both[side] for name, both in generation.items()}
        for side, sign in enumerate((-1, 1))
    )
    # Where the reference's real part is negative the same flows would have another solution.
    lower["e"] = np.where(np.isin(np.arange(network.buses), network.reference), 0.0, -np.inf)
    start = {"e": np.ones(network.buses), "f": np.zeros(network.buses)}
    start |= {name: np.clip(0.0, *both) for name, both in generation.items()}
    return lagrad.Problem(
        lambda x: cost(x, network), start | more, rows, bounds=(lower, upper), name=f"{network.name}, {form}"
    )


def square_voltage(x: dict) -> Array:
    """Squared magnitudes, shape (buses,)."""
    return x["e"] ** 2 + x["f"] ** 2


def products(x: dict, network: Network) -> tuple[Array, Array]:
    """Products of the voltages at both ends, times cosine and sine of their angle."""
    e_from, f_from = x["e"][network.from_bus], x["f"][network.from_bus]
    e_to, f_to = x["e"][network.to_bus], x["f"][network.to_bus]
    return e_from * e_to + f_from * f_to, f_from * e_to - e_from * f_to


def flows(x: dict, network: Network) -> dict[str, Array]:
    """The four flows of each branch, from its voltages."""
    along, across = products(x, network)
    voltage = square_voltage(x)
    own = [voltage[network.from_bus]] * 2 + [voltage[network.to_bus]] * 2
    return {
        name: network.square[k] * own[k] + network.cosine[k] * along + network.sine[k] * across
        for k, name in enumerate(FLOWS)
    }


def powers(x: dict, network: Network) -> dict[str, Array]:
    """The four flows of each branch, from voltages and currents: S = V conj(I)."""
    made = {}
    for end, bus in zip(ENDS, (network.from_bus, network.to_bus), strict=True):
        e, f, re, im = x["e"][bus], x["f"][bus], x[f"re_{end}"], x[f"im_{end}"]
        made |= {f"p_{end}": e * re + f * im, f"q_{end}": f * re - e * im}
    return made


def currents(x: dict, network: Network) -> dict[str, Array]:
    """What each current is short of Ohm's law, I = Y_own V_own + Y_across V_other; linear."""
    buses = network.from_bus, network.to_bus
    missing = {}
    for side, (end, sign) in enumerate(zip(ENDS, (1, -1), strict=True)):
        own, other = buses[side], buses[1 - side]
        g_own, b_own = network.square[2 * side], -network.square[2 * side + 1]
        g, b = network.cosine[2 * side], sign * network.sine[2 * side]
        real = g_own * x["e"][own] - b_own * x["f"][own] + g * x["e"][other] - b * x["f"][other]
        imaginary = g_own * x["f"][own] + b_own * x["e"][own] + g * x["f"][other] + b * x["e"][other]
        missing |= {f"re_{end}": x[f"re_{end}"] - real, f"im_{end}": x[f"im_{end}"] - imaginary}
    return missing


def angles(x: dict, network: Network, spread: np.ndarray) -> dict[str, Any]:
    """Limits of the angle as limits of its tangent, at most zero; angles are below a right one."""
    along, across = (part[spread] for part in products(x, network))
    return {
        "above": np.tan(network.angle_lower[spread]) * along - across,
        "below": across - np.tan(network.angle_upper[spread]) * along,
    }
