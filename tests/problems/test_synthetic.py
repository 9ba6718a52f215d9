"""Our own networks: feasible, reproducible, and cases like any other."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from lagrad_problems import opf


@pytest.mark.parametrize("buses", [2, 3, 30, 400])
def test_networks_are_in_one_piece(buses):
    """Every bus can be reached, and there is one reference."""
    network = opf.synthetic(buses, seed=3)
    links = csr_array((np.ones(network.branches), (network.from_bus, network.to_bus)), shape=(buses, buses))
    assert connected_components(links, directed=False)[0] == 1
    assert network.reference.size == 1
    assert network.buses == buses


def test_the_same_seed_gives_the_same_network():
    """Networks are functions of size and seed."""
    one, same, other = opf.synthetic(20, 1), opf.synthetic(20, 1), opf.synthetic(20, 2)
    np.testing.assert_array_equal(one.load_p, same.load_p)
    assert not np.array_equal(one.load_p, other.load_p)


def test_synthetic_cases_survive_a_file(tmp_path):
    """Written and read, it is the same network."""
    path = tmp_path / "grid.m"
    path.write_text(opf.write(opf.synthetic_case(12, 5)))
    direct, read = opf.synthetic(12, 5), opf.network(opf.read(path))
    for name in ("load_p", "square", "rate", "p_upper", "from_bus"):
        np.testing.assert_array_equal(getattr(direct, name), getattr(read, name))


def test_ratings_leave_room_for_a_flow():
    """Total generation can cover the load, and no branch is rated zero."""
    network = opf.synthetic(100)
    assert network.p_upper.sum() > network.load_p.sum()
    assert (network.rate > 0).all()


def test_one_bus_is_refused():
    """The message says what was found."""
    with pytest.raises(ValueError, match="buses is 1, expected at least 2"):
        opf.synthetic(1)
