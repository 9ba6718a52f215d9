"""Networks read from cases: flows agree with complex arithmetic; what is left out is told."""

from __future__ import annotations

import numpy as np
import pytest

from lagrad_problems import opf
from lagrad_problems.opf.network import FLOWS
from tests.problems.cases import CASE, with_line, with_row


def net(text: str = CASE) -> opf.Network:
    """The network of a text."""
    return opf.network(opf.parse(text, "tiny"))


def flows_by_admittances(branch: np.ndarray, from_voltage: complex, to_voltage: complex) -> dict[str, float]:
    """The four flows of one branch by the laws of circuits, with an ideal transformer at the from end."""
    ratio = (branch[8] or 1.0) * np.exp(1j * np.deg2rad(branch[9]))
    inner = from_voltage / ratio
    series = (inner - to_voltage) / (branch[2] + 1j * branch[3])
    into_from = (series + 0.5j * branch[4] * inner) / np.conj(ratio)
    into_to = -series + 0.5j * branch[4] * to_voltage
    at_from, at_to = from_voltage * np.conj(into_from), to_voltage * np.conj(into_to)
    return {"p_from": at_from.real, "q_from": at_from.imag, "p_to": at_to.real, "q_to": at_to.imag}


@pytest.mark.parametrize("row", [0, 1, 2])
def test_flows_are_those_of_the_circuit(row):
    """The coefficients give the same flows as voltages and currents: line, transformer and phase shifter."""
    case, network = opf.parse(CASE), net()
    vm, va = np.array([1.05, 0.97, 1.01]), np.array([0.0, -0.2, 0.1])
    f, t = network.from_bus[row], network.to_bus[row]
    expected = flows_by_admittances(case.branch.values[row], *(vm[[f, t]] * np.exp(1j * va[[f, t]])))
    difference, product = va[f] - va[t], vm[f] * vm[t]
    for k, name in enumerate(FLOWS):
        own = vm[f] ** 2 if name.endswith("from") else vm[t] ** 2
        cosine, sine = network.cosine[k, row] * np.cos(difference), network.sine[k, row] * np.sin(difference)
        assert network.square[k, row] * own + product * (cosine + sine) == pytest.approx(
            expected[name], abs=1e-12
        )


def test_units_are_per_unit_and_radians():
    """Powers are divided by the base, angles are in radians, bus numbers become positions."""
    network = net()
    np.testing.assert_allclose(network.load_p, [0, 1.1, 0.95])
    np.testing.assert_allclose(network.shunt_b, [0, -0.15, 0])
    np.testing.assert_array_equal(network.from_bus, [0, 2, 0])
    np.testing.assert_allclose(network.angle_upper[:2], np.deg2rad(30))
    np.testing.assert_array_equal(network.reference, [0])


def test_a_branch_is_taken_out_of_service_by_its_buses():
    """In either order, one of parallel branches at a time; the case itself stays; others are refused."""
    case = opf.parse(with_row("branch", "\t1\t20\t0.05\t0.5\t0\t0\t0\t0\t0\t0\t1\t0\t0;"), "tiny")
    second = opf.without_branch(case, 20, 1, circuit=1).branch.values
    assert second[:, 10].tolist() == [1.0, 1.0, 1.0, 0.0] and case.branch.values[:, 10].all()
    first = opf.without_branch(case, 20, 1)
    assert opf.network(first).branches == 3
    with pytest.raises(ValueError, match="tiny: 0 branches in service between buses 1 and 20"):
        opf.without_branch(opf.without_branch(first, 1, 20), 1, 20)


def test_zero_ratings_and_zero_angle_limits_mean_none():
    """MATPOWER's conventions for a missing limit."""
    network = net()
    np.testing.assert_array_equal(network.rate, [90.0, 0.5, np.inf])
    assert network.angle_lower[2] == -np.inf and network.angle_upper[2] == np.inf
    wide = net(with_line("\t1\t20", "\t1\t20\t0.042\t0.9\t0.3\t0\t0\t0\t0\t0\t1\t-360\t360;"))
    assert wide.angle_lower[2] == -np.inf and wide.angle_upper[2] == np.inf


def test_what_is_out_of_service_is_left_out():
    """Generators and branches with status 0 are not in the network."""
    network = net(with_row("branch", "1 300 0.1 0.1 0 0 0 0 0 0 0 -30 30"))
    assert network.branches == 3
    text = with_row("gen", "20 0 0 10 -10 1 100 0 50 0").replace(
        "\t2\t0\t0\t2", "\t2\t0\t0\t2\t1.2\t3;\n\t2\t0\t0\t2"
    )
    assert net(text).gens == 2


def test_isolated_buses_take_their_branches_and_generators_along():
    """A bus of type 4 is not in the network, nor is anything at it."""
    network = net(with_line("\t300\t2", "\t300\t4\t95.0\t50.0\t0\t0\t1\t1\t0\t345\t1\t1.1\t0.9;"))
    assert (network.buses, network.gens, network.branches) == (2, 1, 1)
    np.testing.assert_array_equal(network.bus_names, [1, 20])
    assert network.costs.polynomial.shape == (1, 3)


def test_parallel_branches_and_several_generators_a_bus_are_kept():
    """Rows are never merged."""
    network = net(with_row("branch", "1 300 0.1 0.2 0 0 0 0 0 0 1 -30 30"))
    np.testing.assert_array_equal(network.from_bus[[0, 3]], 0)
    text = with_row("gen", "1 0 0 10 -10 1 100 1 50 0").replace(
        "\t2\t0\t0\t2", "\t2\t0\t0\t2\t1.2\t3;\n\t2\t0\t0\t2"
    )
    np.testing.assert_array_equal(net(text).gen_bus, [0, 2, 0])


def test_an_island_without_reference_gets_one():
    """Each island's angles are fixed somewhere, at its largest generator if it has one."""
    island = with_row("bus", "40 1 1 0 0 0 1 1 0 345 1 1.1 0.9")
    np.testing.assert_array_equal(net(island).reference, [0, 3])
    none = with_line("\t1\t3", "\t1\t1\t0\t0\t0\t0\t1\t1\t0\t345\t1\t1.1\t0.9;")
    np.testing.assert_array_equal(net(none).reference, [0])


@pytest.mark.parametrize(
    ("table", "row", "message"),
    [
        ("bus", "20 1 0 0 0 0 1 1 0 345 1 1.1 0.9", r"line 12: bus 20 is there already"),
        ("bus", "7 1 0 0 0 0 1 1 0 345 1 0.9 1.1", r"line 12: limits of `mpc\.bus` 1\.1 and 0\.9"),
        ("gen", "8 0 0 10 -10 1 100 1 50 0", r"line 18: generator at bus 8, which is not in `mpc\.bus`"),
        ("gen", "1 0 0 10 -10 1 100 1 50 60", r"line 18: limits of `mpc\.gen` 60 and 50"),
        ("gen", "1 0 0 -10 10 1 100 1 50 0", r"line 18: limits of `mpc\.gen` 10 and -10"),
        ("branch", "1 9 0.1 0.1 0 0 0 0 0 0 1 -30 30", r"line 25: branch at bus 9, which is not"),
        ("branch", "1 20 0 0 0 0 0 0 0 0 1 -30 30", r"line 25: branch with r = x = 0"),
        ("branch", "1 1 0.1 0.1 0 0 0 0 0 0 1 -30 30", r"line 25: branch from a bus to itself"),
    ],
)
def test_impossible_networks_are_refused_with_the_line(table, row, message):
    """The message names the file, the line and what is wrong."""
    with pytest.raises(ValueError, match="tiny, " + message):
        net(with_row(table, row))


def test_a_case_without_buses_in_service_is_refused():
    """There is nothing to optimise."""
    text = CASE
    for old, new in (("\t1\t3\t", "\t1\t4\t"), ("\t20\t1\t", "\t20\t4\t"), ("\t300\t2\t", "\t300\t4\t")):
        text = text.replace(old, new, 1)
    with pytest.raises(ValueError, match="no bus in service"):
        net(text)
