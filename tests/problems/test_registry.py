"""The registry: every name gives an entry, and wrong names and sizes are told so."""

from __future__ import annotations

import re

import pytest

from lagrad_problems import get, names
from lagrad_problems.registry import PROBLEMS, SIZED

# Small enough to be declared in milliseconds.
SMALL = {
    "ac_opf": {"buses": 5},
    "cart_pole": {"intervals": 5},
    "chained_rosenbrock": {"n": 6},
    "clnlbeam": {"intervals": 5},
    "elliptic_control": {"grid": 3},
    "gather_network": {"nodes": 20},
    "hanging_chain": {"intervals": 5},
    "multiple_shooting": {"intervals": 3},
    "rocket": {"intervals": 5},
    "cam_shape": {"n": 10},
    "catalyst_mixing": {"intervals": 3},
    "channel_flow": {"intervals": 3},
    "electrons": {"count": 4},
    "gasoil": {"intervals": 3},
    "glider": {"intervals": 3},
    "journal_bearing": {"grid": 3},
    "marine": {"intervals": 3},
    "methanol": {"intervals": 3},
    "minimal_surface": {"grid": 3},
    "pinene": {"intervals": 3},
    "polygon": {"vertices": 4},
    "robot_arm": {"intervals": 3},
    "steering": {"intervals": 3},
    "torsion": {"grid": 3},
    "tanh_network": {"units": 2, "inputs": 3, "samples": 5},
}


def test_every_sized_problem_has_a_small_size_here():
    """So that no new problem is forgotten in these tests."""
    assert SMALL.keys() == SIZED.keys()


@pytest.mark.parametrize("name", ["hs71", "hs6", *SMALL])
def test_entries_say_what_they_are(name):
    """Name, size, kind and source are there."""
    entry = get(name, **SMALL.get(name, {}))
    assert entry.name == name
    assert (entry.n, entry.m) == (entry.problem.n, entry.problem.m)
    assert entry.kind and entry.source


def test_names_are_words():
    """A name can be typed on a command line, and no two differ in case only."""
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names())
    assert len(set(names())) == len(names()) == len(PROBLEMS)


@pytest.mark.parametrize(
    ("name", "sizes", "n", "m"),
    [
        ("cart_pole", {"intervals": 100}, 505, 400),
        ("chained_rosenbrock", {"n": 1000}, 1000, 998),
        ("clnlbeam", {"intervals": 1000}, 3003, 2000),
        ("elliptic_control", {"grid": 50}, 5000, 2500),
        ("gather_network", {"nodes": 100}, 100, 10),
        ("multiple_shooting", {"intervals": 200}, 1207, 801),
        ("tanh_network", {}, 224, 16),
    ],
)
def test_sizes_are_those_of_the_literature(name, sizes, n, m):
    """Problems are the ones that others publish figures of."""
    entry = get(name, **sizes)
    assert (entry.n, entry.m) == (n, m)


def test_optimal_power_flow_counts_flows_as_variables():
    """2 buses + 2 generators + 4 branches."""
    entry = get("ac_opf", buses=30)
    network = entry.numbers
    assert entry.n == 2 * network.buses + 2 * network.gens + 4 * network.branches


def test_unknown_names_are_told_where_to_look():
    """The message shows what was asked for."""
    with pytest.raises(KeyError, match="'hs72000'.*names()"):
        get("hs72000")


def test_unknown_sizes_are_refused():
    """A size that a problem does not have is a TypeError, as for any function."""
    with pytest.raises(TypeError, match="intervalls"):
        get("cart_pole", intervalls=3)


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("cart_pole", {"intervals": 1}),
        ("chained_rosenbrock", {"n": 2}),
        ("clnlbeam", {"intervals": 1}),
        ("elliptic_control", {"grid": 0}),
        ("gather_network", {"nodes": 9}),
        ("hanging_chain", {"intervals": 1}),
        ("multiple_shooting", {"intervals": 1}),
        ("rocket", {"intervals": 1}),
        ("cam_shape", {"n": 2}),
        ("catalyst_mixing", {"intervals": 1}),
        ("channel_flow", {"intervals": 1}),
        ("electrons", {"count": 1}),
        ("gasoil", {"intervals": 1}),
        ("glider", {"intervals": 1}),
        ("journal_bearing", {"grid": 0}),
        ("luksan_vlcek_2", {"n": 7}),
        ("minimal_surface", {"grid": 2}),
        ("polygon", {"vertices": 2}),
        ("robot_arm", {"intervals": 1}),
        ("steering", {"intervals": 1}),
        ("torsion", {"grid": 0}),
        ("tanh_network", {"units": 0}),
    ],
)
def test_sizes_out_of_range_are_refused(name, sizes):
    """The message names the problem and the least size."""
    with pytest.raises(ValueError, match=f"{name}.*expected at least"):
        get(name, **sizes)


def test_known_minima_are_recognised():
    """The optimum and the other local minima count, anything else does not."""
    entry = get("hs16")
    assert entry.is_optimum(0.25) and entry.is_optimum(3.982060454)
    assert not entry.is_optimum(0.26)
