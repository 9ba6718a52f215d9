"""Turn a MATPOWER case into per-unit arrays, with positions instead of bus names.

What is out of service (status 0, or at an isolated bus of type 4) is left out. A branch is the usual pi model
with an ideal transformer of ratio t = tap exp(j shift) at its from end:

    Y_ff = (y + j b/2) / tap^2,  Y_ft = -y / conj(t),  Y_tf = -y / t,  Y_tt = y + j b/2,  y = 1 / (r + j x)

and with v = |V_f| |V_t| and angle difference d, each of its four flows is

    square |V|^2 + v (cosine cos d + sine sin d)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from lagrad_problems.opf.costs import Costs, read_costs
from lagrad_problems.opf.matpower import Case, Table

ISOLATED, REFERENCE = 4, 3
# Columns that hold no limits: loads and shunts of a bus; impedance, charging, tap and shift of a branch.
LOADS, IMPEDANCES = (2, 3, 4, 5), (2, 3, 4, 8, 9)
FLOWS = ("p_from", "q_from", "p_to", "q_to")


@dataclass(frozen=True, eq=False)
class Network:
    """The numbers of an AC optimal power flow, per unit and radians.

    Args:
        name: where it came from.
        base_mva: one per unit, in MVA.
        bus_names: the file's bus numbers, shape (buses,).
        reference: positions of the buses whose angle is zero, one an island at least.
        load_p, load_q: demand at the buses, shape (buses,).
        shunt_g, shunt_b: shunt admittance at the buses, shape (buses,).
        vm_lower, vm_upper: limits of the voltage magnitudes, shape (buses,).
        gen_bus: position of each generator's bus, shape (gens,).
        p_lower, p_upper, q_lower, q_upper: limits of the generators, shape (gens,).
        costs: what the generators' power costs per hour.
        from_bus, to_bus: positions of the branches' ends, shape (branches,).
        square, cosine, sine: coefficients of the flows in the order of `FLOWS`, shape (4, branches).
        rate: limit of the apparent power at both ends, infinite where there is none, shape (branches,).
        angle_lower, angle_upper: limits of the angle difference, infinite where there is none, shape
            (branches,).
    """

    name: str
    base_mva: float
    bus_names: np.ndarray
    reference: np.ndarray
    load_p: np.ndarray
    load_q: np.ndarray
    shunt_g: np.ndarray
    shunt_b: np.ndarray
    vm_lower: np.ndarray
    vm_upper: np.ndarray
    gen_bus: np.ndarray
    p_lower: np.ndarray
    p_upper: np.ndarray
    q_lower: np.ndarray
    q_upper: np.ndarray
    costs: Costs
    from_bus: np.ndarray
    to_bus: np.ndarray
    square: np.ndarray
    cosine: np.ndarray
    sine: np.ndarray
    rate: np.ndarray
    angle_lower: np.ndarray
    angle_upper: np.ndarray

    @property
    def buses(self) -> int:
        """Number of buses in service."""
        return self.bus_names.size

    @property
    def gens(self) -> int:
        """Number of generators in service."""
        return self.gen_bus.size

    @property
    def branches(self) -> int:
        """Number of branches in service."""
        return self.from_bus.size


def network(case: Case) -> Network:
    """The part of a case that is in service, as arrays.

    Args:
        case: from `read`, `parse` or `synthetic_case`.

    Returns:
        Network.

    Raises:
        ValueError: a bus twice or without a whole number, a row at an unknown bus, a branch without
            impedance, an infinite load or impedance, limits that cross, or costs of a kind that is not
            modelled; the message has the file's name and the line.
    """
    bus_rows = _rows_in_service(case.bus, case.bus.values[:, 1] != ISOLATED)
    names = _bus_names(case)
    in_service = bus_rows.values[:, 0]
    gens = _gens_in_service(case, names, in_service)
    branches = _branches_in_service(case, names, in_service)
    bus, gen = bus_rows.values, case.gen.values[gens]
    _check_finite(case, bus_rows, LOADS, "bus")
    _check_finite(case, _rows_in_service(case.branch, branches), IMPEDANCES, "branch")
    _check_limits(case, bus_rows, (12, 11), "bus")
    _check_limits(case, Table(gen, case.gen.lines[gens]), (9, 8), "gen")
    _check_limits(case, Table(gen, case.gen.lines[gens]), (4, 3), "gen")
    base = case.base_mva
    lines = _lines(case, branches, in_service)
    gen_bus = _positions(gen[:, 0], in_service)
    return Network(
        name=case.name,
        base_mva=base,
        bus_names=bus[:, 0].astype(int),
        reference=_references(bus, gen_bus, gen[:, 8], lines["from_bus"], lines["to_bus"]),
        load_p=bus[:, 2] / base,
        load_q=bus[:, 3] / base,
        shunt_g=bus[:, 4] / base,
        shunt_b=bus[:, 5] / base,
        vm_lower=bus[:, 12],
        vm_upper=bus[:, 11],
        gen_bus=gen_bus,
        p_lower=gen[:, 9] / base,
        p_upper=gen[:, 8] / base,
        q_lower=gen[:, 4] / base,
        q_upper=gen[:, 3] / base,
        costs=read_costs(case, gens),
        **lines,
    )


def _rows_in_service(table: Table, keep: np.ndarray) -> Table:
    """The rows to keep, with their lines."""
    return Table(table.values[keep], table.lines[keep])


def _bus_names(case: Case) -> np.ndarray:
    """All bus numbers of the file, each once."""
    numbers = case.bus.values[:, 0]
    odd = np.flatnonzero((numbers < 1) | (numbers >= 2**53) | (numbers % 1 != 0))
    if odd.size:
        message = f"bus {numbers[odd[0]]:g}, expected a positive whole number. Number the buses."
        _check_none(case, case.bus, odd, message)
    names = numbers.astype(int)
    unique, first = np.unique(names, return_index=True)
    if unique.size < names.size:
        again = int(np.setdiff1d(np.arange(names.size), first)[0])
        raise ValueError(f"{case.name}, line {case.bus.lines[again]}: bus {names[again]} is there already.")
    if not (case.bus.values[:, 1] != ISOLATED).any():
        raise ValueError(f"{case.name}: no bus in service, expected one at least.")
    return unique


def _gens_in_service(case: Case, names: np.ndarray, in_service: np.ndarray) -> np.ndarray:
    """Rows of generators that run and whose bus is in service."""
    table = case.gen
    _check_buses(case, table, 0, names, "generator")
    return np.flatnonzero((table.values[:, 7] > 0) & np.isin(table.values[:, 0], in_service))


def _branches_in_service(case: Case, names: np.ndarray, in_service: np.ndarray) -> np.ndarray:
    """Rows of branches that are closed and whose ends are in service."""
    table, values = case.branch, case.branch.values
    for column in (0, 1):
        _check_buses(case, table, column, names, "branch")
    rows = np.flatnonzero((values[:, 10] > 0) & np.isin(values[:, :2], in_service).all(axis=1))
    _check_none(
        case, table, rows[~values[rows, 2:4].any(axis=1)], "branch with r = x = 0. Give an impedance."
    )
    _check_none(
        case, table, rows[values[rows, 0] == values[rows, 1]], "branch from a bus to itself. Remove it."
    )
    return rows


def _check_buses(case: Case, table: Table, column: int, names: np.ndarray, what: str) -> None:
    """Every row must stand at a bus of the file."""
    unknown = np.flatnonzero(~np.isin(table.values[:, column], names))
    if unknown.size:
        bus = table.values[unknown[0], column]
        _check_none(case, table, unknown, f"{what} at bus {bus:g}, which is not in `mpc.bus`. Add the bus.")


def _check_none(case: Case, table: Table, rows: np.ndarray, message: str) -> None:
    """Complain of the first of the rows, if there are any."""
    if rows.size:
        raise ValueError(f"{case.name}, line {table.lines[rows[0]]}: {message}")


def _check_finite(case: Case, table: Table, columns: tuple[int, ...], what: str) -> None:
    """Loads, shunts and impedances must be finite."""
    bad = np.flatnonzero(~np.isfinite(table.values[:, list(columns)]).all(axis=1))
    message = f"an infinite number in `mpc.{what}`, which only limits may be. Give a finite one."
    _check_none(case, table, bad, message)


def _check_limits(case: Case, table: Table, columns: tuple[int, int], what: str) -> None:
    """Lower limits must not exceed upper limits."""
    lower, upper = (table.values[:, column] for column in columns)
    crossed = np.flatnonzero(lower > upper)
    if crossed.size:
        low, high = lower[crossed[0]], upper[crossed[0]]
        _check_none(
            case, table, crossed, f"limits of `mpc.{what}` {low:g} and {high:g}, expected lower <= upper."
        )


def _positions(wanted: np.ndarray, names: np.ndarray) -> np.ndarray:
    """Where each wanted name stands among the names."""
    order = np.argsort(names)
    return order[np.searchsorted(names[order], wanted)]


def _lines(case: Case, rows: np.ndarray, buses: np.ndarray) -> dict[str, np.ndarray]:
    """Everything of the branches: ends, coefficients of the flows, limits."""
    values = case.branch.values[rows]
    lower, upper = _angle_limits(values)
    square, cosine, sine = flow_coefficients(values)
    return {
        "from_bus": _positions(values[:, 0], buses),
        "to_bus": _positions(values[:, 1], buses),
        "square": square,
        "cosine": cosine,
        "sine": sine,
        # MATPOWER: a rating of zero means none.
        "rate": np.where(values[:, 5] > 0, values[:, 5] / case.base_mva, np.inf),
        "angle_lower": lower,
        "angle_upper": upper,
    }


def flow_coefficients(branch: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients of |V|^2, of v cos d and of v sin d in the four flows of each branch.

    Args:
        branch: rows of a case's branch table, shape (branches, 11 or more).

    Returns:
        Three arrays of shape (4, branches), rows in the order of `FLOWS`; d is the angle at the from end
        minus the angle at the to end for all four.
    """
    series = 1 / (branch[:, 2] + 1j * branch[:, 3])
    tap = np.where(branch[:, 8] == 0, 1.0, branch[:, 8])
    ratio = tap * np.exp(1j * np.deg2rad(branch[:, 9]))
    own_to = series + 0.5j * branch[:, 4]
    own_from = own_to / tap**2
    to_from, from_to = -series / ratio, -series / np.conj(ratio)
    square = np.stack([own_from.real, -own_from.imag, own_to.real, -own_to.imag])
    cosine = np.stack([from_to.real, -from_to.imag, to_from.real, -to_from.imag])
    sine = np.stack([from_to.imag, from_to.real, -to_from.imag, -to_from.real])
    return square, cosine, sine


def _angle_limits(branch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Limits of the angle differences in radians: none at 360 degrees or beyond, none if both are zero."""
    if branch.shape[1] < 13:
        return np.full(len(branch), -np.inf), np.full(len(branch), np.inf)
    lower, upper = branch[:, 11], branch[:, 12]
    free = (lower == 0) & (upper == 0)
    return (
        np.where(free | (lower <= -360), -np.inf, np.deg2rad(lower)),
        np.where(free | (upper >= 360), np.inf, np.deg2rad(upper)),
    )


def _references(bus, gen_bus, gen_p, from_bus, to_bus) -> np.ndarray:
    """Reference buses; an island without one gets the bus of its largest generator, or its first bus."""
    n = len(bus)
    links = csr_array((np.ones(from_bus.size), (from_bus, to_bus)), shape=(n, n))
    count, island = connected_components(links, directed=False)
    given = np.flatnonzero(bus[:, 1] == REFERENCE)
    power = np.zeros(n)
    np.maximum.at(power, gen_bus, np.maximum(gen_p, 0) + 1)
    chosen = [
        np.flatnonzero(island == missing)[np.argmax(power[island == missing])]
        for missing in np.setdiff1d(np.arange(count), island[given])
    ]
    return np.array(sorted([*given, *chosen]), int)
