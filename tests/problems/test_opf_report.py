"""Reports of power flows: prices are what one more MW costs, sums close, tables agree with the solution."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

import lagrad
from lagrad_problems import opf


@pytest.fixture(scope="module")
def flow():
    """A network of eight buses, tightly solved."""
    network = opf.synthetic(8, 1)
    return opf.PowerFlow(lagrad.solve(opf.opf_problem(network), tol=1e-10), network)


def test_a_price_is_what_one_more_megawatt_costs(flow):
    """Solved again with a little more load, real and reactive; the signs are those of engineers."""
    network, more = flow.network, 1e-4
    for field, column in (("load_p", "price, $/MWh"), ("load_q", "price, $/MVArh")):
        load = getattr(network, field).copy()
        load[3] += more
        moved = lagrad.solve(opf.opf_problem(replace(network, **{field: load})), tol=1e-10)
        slope = (moved.objective - flow.solution.objective) / (more * network.base_mva)
        assert flow.buses[3][column] == pytest.approx(slope, rel=1e-3, abs=1e-3)
    assert min(row["price, $/MWh"] for row in flow.buses) > 0


def test_a_shadow_price_is_what_one_more_rating_saves():
    """Solved again with a little more rating of the dearest branch; an unrated branch has no price."""
    network, more = opf.synthetic(12, 5), 1e-4
    rate = network.rate.copy()
    rate[0] = np.inf
    network = replace(network, rate=rate.copy())
    flow = opf.PowerFlow(lagrad.solve(opf.opf_problem(network), tol=1e-10), network)
    full = max(range(1, network.branches), key=lambda k: flow.branches[k]["shadow price, $/MVAh"])
    rate[full] += more
    moved = lagrad.solve(opf.opf_problem(replace(network, rate=rate)), tol=1e-10)
    saved = (flow.solution.objective - moved.objective) / (more * network.base_mva)
    assert flow.branches[full]["loading, %"] == pytest.approx(100.0, abs=1e-3)
    assert flow.branches[full]["shadow price, $/MVAh"] == pytest.approx(saved, rel=1e-3)
    assert saved > 1.0


def test_an_unrated_branch_has_no_shadow_price():
    """Nor has any branch of what is no solution."""
    network = opf.synthetic(5)
    rate = network.rate.copy()
    rate[0] = np.inf
    network = replace(network, rate=rate)
    solution = lagrad.solve(opf.opf_problem(network))
    for given in (solution, replace(solution, success=False)):
        prices = [row["shadow price, $/MVAh"] for row in opf.PowerFlow(given, network).branches]
        assert np.isnan(prices[0]) and np.isfinite(prices[1]) == given.success


def test_power_is_neither_made_nor_lost(flow):
    """Generation is load and losses and shunts; the tables add up to the totals."""
    totals = flow.totals
    used = totals["load, MW"] + totals["losses in branches, MW"] + totals["shunts, MW"]
    assert totals["generation, MW"] == pytest.approx(used, abs=1e-4)
    assert sum(row["losses, MW"] for row in flow.branches) == pytest.approx(totals["losses in branches, MW"])
    assert sum(row["power, MW"] for row in flow.generators) == pytest.approx(totals["generation, MW"])


def test_names_are_the_numbers_of_the_file():
    """Not positions: buses 10, 20, ... stay so everywhere."""
    case = opf.synthetic_case(5)
    for table, columns in ((case.bus, [0]), (case.gen, [0]), (case.branch, [0, 1])):
        table.values[:, columns] *= 10
    network = opf.network(case)
    flow = opf.PowerFlow(lagrad.solve(opf.opf_problem(network)), network)
    assert [row["bus"] for row in flow.buses] == [10, 20, 30, 40, 50]
    assert {row["from"] for row in flow.branches} <= {10, 20, 30, 40, 50}
    assert "50" in str(flow)


def test_reports_are_read_by_others(flow):
    """Strict JSON and CSV; a branch without rating has no loading."""
    network = replace(flow.network, rate=np.full(flow.network.branches, np.inf))
    bare = opf.PowerFlow(flow.solution, network)
    assert json.loads(bare.to_json(), parse_constant=pytest.fail)["branches"][0]["loading, %"] is None
    [first, *_] = csv.DictReader(io.StringIO(flow.to_csv("buses")))
    assert float(first["price, $/MWh"]) == flow.buses[0]["price, $/MWh"]
    assert "no branch has a rating" in bare.plot().axes[1].get_title()


def test_what_is_no_solution_has_no_prices():
    """Twice the power that there is: the tables stand, prices do not."""
    network = opf.synthetic(5, 1)
    starved = replace(network, p_upper=0.01 * network.p_upper)
    flow = opf.PowerFlow(lagrad.solve(opf.opf_problem(starved), max_iterations=200), starved)
    assert not flow.solution.success
    assert "no prices: this is no solution" in str(flow)
    assert json.loads(flow.to_json())["buses"][0]["price, $/MWh"] is None
    assert "no prices" in flow.plot().axes[0].get_title()


def test_generators_between_their_limits_cost_what_their_bus_pays(flow):
    """The order of merit can be read off: cost of one more MW, beside the price at the bus."""
    prices = {row["bus"]: row["price, $/MWh"] for row in flow.buses}
    free = [row for row in flow.generators if not row["at"]]
    assert free
    for row in free:
        assert row["marginal cost, $/MWh"] == pytest.approx(prices[row["bus"]], rel=1e-4)


def test_long_tables_say_where_the_rest_is():
    """Twelve rows of each, and how to see all; ratings stand beside loadings."""
    network = opf.synthetic(16, 1)
    flow = opf.PowerFlow(lagrad.solve(opf.opf_problem(network)), network)
    assert "12 of 16; all of them: `lagrad solve --csv FILE`, or PowerFlow's `buses`" in str(flow)
    rated = next(row for row in flow.branches if row["rating, MVA"] > 0)
    largest = max(np.hypot(rated[f"{end}, MW"], rated[f"{end}, MVAr"]) for end in ("from", "to"))
    assert rated["loading, %"] == pytest.approx(100 * largest / rated["rating, MVA"])
