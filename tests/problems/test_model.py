"""The optimal power flow's functions against the bus admittance matrix, branch by branch."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from lagrad_problems import opf
from lagrad_problems.opf import model
from lagrad_problems.opf.network import FLOWS
from tests.problems.cases import CASE, with_line, with_row
from tests.problems.test_network import flows_by_admittances

PIECEWISE = "\t1\t0\t0\t3\t0\t0\t100\t1000\t200\t3000;"


def network(text: str = CASE) -> opf.Network:
    """The typed case, or a variant of it."""
    return opf.network(opf.parse(text))


def state(grid: opf.Network, seed: int = 0) -> dict[str, np.ndarray]:
    """Random voltages and generation, and the flows that belong to the voltages."""
    random = np.random.default_rng(seed)
    branch = opf.parse(CASE).branch.values
    vm, va = random.uniform(0.9, 1.1, grid.buses), random.uniform(-0.3, 0.3, grid.buses)
    voltage = vm * np.exp(1j * va)
    ends = zip(grid.from_bus, grid.to_bus, strict=True)
    each = [
        flows_by_admittances(row, voltage[f], voltage[t]) for row, (f, t) in zip(branch, ends, strict=True)
    ]
    flows = {name: np.array([flow[name] for flow in each]) for name in each[0]}
    return flows | {"vm": vm, "va": va, "p_gen": random.random(grid.gens), "q_gen": random.random(grid.gens)}


def test_flow_rows_vanish_where_flows_belong_to_voltages():
    """And only there: another flow is missing by as much."""
    grid = network()
    x = state(grid)
    with jax.enable_x64(True):
        exact = model.flow(x, grid)
        shifted = model.flow(x | {"q_to": x["q_to"] + 0.5}, grid)
    for name in FLOWS:
        np.testing.assert_allclose(exact[name], 0, atol=1e-13)
    np.testing.assert_allclose(shifted["q_to"], -0.5, atol=1e-13)


def test_balance_is_kirchhoffs_law_with_the_admittance_matrix():
    """Generation - load - V conj(Y V), with shunts in Y."""
    grid, case = network(), opf.parse(CASE)
    x = state(grid)
    admittance = np.diag(grid.shunt_g + 1j * grid.shunt_b)
    for row, f, t in zip(case.branch.values, grid.from_bus, grid.to_bus, strict=True):
        series, ratio = 1 / (row[2] + 1j * row[3]), (row[8] or 1) * np.exp(1j * np.deg2rad(row[9]))
        admittance[f, f] += (series + 0.5j * row[4]) / abs(ratio) ** 2
        admittance[t, t] += series + 0.5j * row[4]
        admittance[f, t] -= series / np.conj(ratio)
        admittance[t, f] -= series / ratio
    voltage = x["vm"] * np.exp(1j * x["va"])
    expected = -grid.load_p - 1j * grid.load_q - voltage * np.conj(admittance @ voltage)
    np.add.at(expected, grid.gen_bus, x["p_gen"] + 1j * x["q_gen"])
    with jax.enable_x64(True):
        found = model.balance(x, grid)
    np.testing.assert_allclose(found["p"], expected.real, atol=1e-13)
    np.testing.assert_allclose(found["q"], expected.imag, atol=1e-13)


def test_cost_is_the_sum_of_the_files_polynomials():
    """In the file's units: 0.11 P^2 + 5 P + 7 and 1.2 P + 3 with P in MW."""
    grid = network()
    with jax.enable_x64(True):
        found = model.cost({"p_gen": np.array([1.5, 0.4])}, grid)
    assert found == pytest.approx(0.11 * 150**2 + 5 * 150 + 7 + 1.2 * 40 + 3)


def test_a_piecewise_linear_cost_is_bounded_by_its_points():
    """The least cost that its rows allow is the interpolation of the file's points."""
    grid = network(with_line("\t2\t0\t0\t3", PIECEWISE).replace("\t1.2\t3;", "\t1.2\t3\t0\t0\t0\t0;"))
    power = 1.7
    rows = np.asarray(model.above_lines({"p_gen": np.array([power, 0]), "cost": np.zeros(1)}, grid))
    assert np.max(grid.costs.intercept - rows) == pytest.approx(
        np.interp(170, [0, 100, 200], [0, 1000, 3000])
    )
    problem = opf.opf_problem(grid)
    assert problem.n == 2 * grid.buses + 2 * grid.gens + 4 * grid.branches + 1
    assert problem.row_layouts["piecewise"].size == 2


def test_only_rated_branches_have_thermal_rows():
    """Two of the three branches are rated; a row at each end."""
    problem = opf.opf_problem(network())
    assert problem.row_layouts["thermal"].size == 4
    assert problem.row_layouts["angle"].size == 2
    unrated = with_line("\t1\t300", "\t1\t300\t0.065\t0.62\t0.45\t0\t0\t0\t0\t0\t1\t-30\t30;")
    unrated = unrated.replace("\t0.7\t50\t", "\t0.7\t0\t")
    assert "thermal" not in opf.opf_problem(network(unrated)).row_layouts


def test_a_network_without_branches_is_a_problem_too():
    """Every bus is an island with its own reference."""
    lonely = CASE.split("mpc.branch = [")[0] + "mpc.branch = [];\n%% costs\n" + CASE.split("%% costs\n")[1]
    problem = opf.opf_problem(network(lonely))
    assert problem.row_layouts["reference"].size == 3
    assert set(problem.row_layouts) == {"reference", "balance"}


def test_the_start_lies_within_the_bounds():
    """Generators with a least output start there."""
    grid = network(with_row("bus", "40 1 1 0 0 0 1 1 0 345 1 1.2 1.05"))
    start = model.start(grid)
    np.testing.assert_allclose(start["p_gen"], [0, 0.1])
    np.testing.assert_allclose(start["vm"], [1, 1, 1, 1.05])
