"""Make feasible power networks of any number of buses.

Buses lie at random in a square and are joined to near neighbours; one in five carries a generator. The loads
are those that a plausible state (angles of a DC power flow, voltages near one) leaves over, so that state is
feasible.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.sparse.linalg import splu
from scipy.spatial import KDTree

from lagrad_problems.opf.matpower import Case, Table
from lagrad_problems.opf.network import Network, flow_coefficients, network

BASE_MVA = 100.0
# Flows of the plausible state stay below the ratings, and below this share of them.
LOADING = 0.7


def synthetic(buses: int = 100, seed: int = 0) -> Network:
    """A plausible network that has a feasible power flow.

    Args:
        buses: number of buses, at least 2.
        seed: of everything that is random.

    Returns:
        Network named "synthetic(buses, seed)".

    Raises:
        ValueError: fewer than two buses.

    >>> synthetic(50).buses
    50
    """
    return network(synthetic_case(buses, seed))


def synthetic_case(buses: int = 100, seed: int = 0) -> Case:
    """The same network as a MATPOWER case, which `write` turns into a file.

    Args:
        buses: number of buses, at least 2.
        seed: of everything that is random.

    Returns:
        Case with quadratic costs, ratings, angle limits, some transformers and some shunts.

    Raises:
        ValueError: fewer than two buses.
    """
    if buses < 2:
        raise ValueError(f"synthetic: buses is {buses}, expected at least 2.")
    random = np.random.default_rng(seed)
    from_bus, to_bus, length = _lines(buses, random)
    branch = _branch_table(from_bus, to_bus, length, random)
    gen_bus = np.sort(random.choice(buses, max(1, buses // 5), replace=False))
    injection = _injections(buses, gen_bus, random)
    voltage = random.uniform(0.98, 1.03, buses) * np.exp(1j * _angles(branch, injection))
    shunt = np.where(random.random(buses) < 0.1, random.uniform(5, 30, buses), 0.0)
    outgoing = _outgoing(branch, voltage) - 1j * shunt / BASE_MVA * abs(voltage) ** 2
    gen_p, gen_q = injection[gen_bus] + 0.4, outgoing[gen_bus].imag + 0.1
    load = -outgoing
    load[gen_bus] += gen_p + 1j * gen_q
    tables = {
        "bus": _bus_table(load, shunt, gen_bus[np.argmax(gen_p)]),
        "gen": _gen_table(gen_bus, gen_p, gen_q),
        "branch": branch,
        "gencost": _cost_table(gen_bus.size, random),
    }
    rows = {name: Table(values, np.arange(1, len(values) + 1)) for name, values in tables.items()}
    return Case(f"synthetic({buses}, {seed})", BASE_MVA, **rows)


def _lines(buses: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A tree along near neighbours and half as many further lines: ends, lengths in units of the spacing."""
    places = random.random((buses, 2)) * np.sqrt(buses)
    neighbours = min(8, buses)
    distance, near = map(np.asarray, KDTree(places).query(places, neighbours))
    order = np.argsort(places[:, 0])
    # Joining the buses from left to right keeps the graph in one piece whatever the neighbours are.
    chain = np.hypot(*(places[order[1:]] - places[order[:-1]]).T)
    rows = np.r_[np.repeat(np.arange(buses), neighbours - 1), order[:-1]]
    cols = np.r_[near[:, 1:].ravel(), order[1:]]
    lengths = np.r_[distance[:, 1:].ravel(), chain]
    low, high = np.minimum(rows, cols), np.maximum(rows, cols)
    _, first = np.unique(low * buses + high, return_index=True)
    graph = coo_array((lengths[first] + 1e-3, (low[first], high[first])), shape=(buses, buses))
    tree = minimum_spanning_tree(graph.tocsr()).tocoo()
    extra = random.choice(first, min(buses // 2, first.size), replace=False)
    ends = np.unique(np.r_[tree.row * buses + tree.col, low[extra] * buses + high[extra]])
    from_bus, to_bus = ends // buses, ends % buses
    return from_bus, to_bus, 0.2 + np.hypot(*(places[from_bus] - places[to_bus]).T)


def _branch_table(from_bus, to_bus, length, random: np.random.Generator) -> np.ndarray:
    """MATPOWER's branch columns; one in ten is a transformer with a tap, a few of those shift the phase."""
    count = from_bus.size
    reactance = 0.02 * length * random.uniform(0.8, 1.2, count)
    transformer = random.random(count) < 0.1
    shifter = transformer & (random.random(count) < 0.2)
    table = np.zeros((count, 13))
    table[:, 0], table[:, 1] = from_bus + 1, to_bus + 1
    table[:, 2], table[:, 3] = reactance * random.uniform(0.05, 0.2, count), reactance
    table[:, 4] = np.where(transformer, 0.0, 0.02 * length)
    table[:, 8] = np.where(transformer, random.uniform(0.97, 1.03, count), 0.0)
    table[:, 9] = np.where(shifter, random.uniform(-2, 2, count), 0.0)
    table[:, 10], table[:, 11], table[:, 12] = 1, -30, 30
    return table


def _injections(buses: int, gen_bus: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Real power into the network at each bus, per unit, adding up to zero."""
    injection = -random.uniform(0.1, 0.5, buses)
    share = random.uniform(0.5, 1.5, gen_bus.size)
    injection[gen_bus] = 0.0
    injection[gen_bus] = -injection.sum() * share / share.sum()
    return injection


def _angles(branch: np.ndarray, injection: np.ndarray) -> np.ndarray:
    """Angles of the DC power flow, the first bus at zero, scaled down where a line would carry too much."""
    buses = injection.size
    from_bus, to_bus, weight = branch[:, 0].astype(int) - 1, branch[:, 1].astype(int) - 1, 1 / branch[:, 3]
    rows, cols = np.r_[from_bus, to_bus, from_bus, to_bus], np.r_[to_bus, from_bus, from_bus, to_bus]
    laplacian = coo_array(
        (np.r_[-weight, -weight, weight, weight], (rows, cols)), shape=(buses, buses)
    ).tocsc()
    angles = np.zeros(buses)
    angles[1:] = splu(laplacian[1:, 1:].tocsc()).solve(injection[1:])
    steepest = np.abs(angles[from_bus] - angles[to_bus]).max()
    return angles * min(1.0, np.deg2rad(15) / steepest)


def _outgoing(branch: np.ndarray, voltage: np.ndarray) -> np.ndarray:
    """Complex power that leaves each bus along the branches; sets their ratings by the way."""
    from_bus, to_bus = branch[:, 0].astype(int) - 1, branch[:, 1].astype(int) - 1
    square, cosine, sine = flow_coefficients(branch)
    product = voltage[from_bus] * np.conj(voltage[to_bus])
    own = np.abs(voltage[[from_bus, from_bus, to_bus, to_bus]]) ** 2
    flows = square * own + cosine * np.real(product) + sine * np.imag(product)
    at_from, at_to = flows[0] + 1j * flows[1], flows[2] + 1j * flows[3]
    branch[:, 5:8] = (BASE_MVA * np.maximum(np.maximum(abs(at_from), abs(at_to)) / LOADING, 0.5))[:, None]
    outgoing = np.zeros(voltage.size, complex)
    np.add.at(outgoing, from_bus, at_from)
    np.add.at(outgoing, to_bus, at_to)
    return outgoing


def _bus_table(load: np.ndarray, shunt: np.ndarray, reference: int) -> np.ndarray:
    """MATPOWER's bus columns."""
    table = np.zeros((load.size, 13))
    table[:, 0], table[:, 1] = np.arange(1, load.size + 1), 1
    table[reference, 1] = 3
    table[:, 2], table[:, 3], table[:, 5] = BASE_MVA * np.real(load), BASE_MVA * np.imag(load), shunt
    table[:, [6, 7, 10]] = 1
    table[:, 9], table[:, 11], table[:, 12] = 138, 1.06, 0.94
    return table


def _gen_table(gen_bus: np.ndarray, gen_p: np.ndarray, gen_q: np.ndarray) -> np.ndarray:
    """MATPOWER's generator columns; the plausible state lies well within the limits."""
    table = np.zeros((gen_bus.size, 10))
    size = BASE_MVA * (abs(gen_p) + 0.2)
    table[:, 0], table[:, 1], table[:, 2] = gen_bus + 1, BASE_MVA * gen_p, BASE_MVA * gen_q
    table[:, 3], table[:, 4] = BASE_MVA * gen_q + size, BASE_MVA * gen_q - size
    table[:, 5], table[:, 6], table[:, 7] = 1, BASE_MVA, 1
    table[:, 8] = 1.6 * size
    return table


def _cost_table(gens: int, random: np.random.Generator) -> np.ndarray:
    """Quadratic costs in USD per hour and MW."""
    table = np.zeros((gens, 7))
    table[:, 0], table[:, 3] = 2, 3
    table[:, 4], table[:, 5] = random.uniform(0.005, 0.05, gens), random.uniform(10, 40, gens)
    return table
