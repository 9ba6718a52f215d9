"""The registry: every name gives an entry, and wrong names and sizes are told so."""

from __future__ import annotations

import inspect
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
    "tanh_network": {"units": 2, "inputs": 3, "samples": 5},
}


@pytest.mark.parametrize("name", sorted(SIZED.keys() - SMALL.keys()))
def test_sizes_without_arguments_are_small(name):
    """So that a test or a reader can afford `get(name)`; the others are in SMALL."""
    assert get(name).n <= 600


@pytest.mark.parametrize("name", ["hs71", "hs6", *SIZED])
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


@pytest.mark.parametrize("name", names())
def test_sizes_out_of_range_are_refused(name):
    """The message names the problem and the least size; zero is too small for all but seeds."""
    for size in inspect.signature(PROBLEMS[name]).parameters:
        if size not in ("path", "seed", "number", "model", "method", "name", "buses"):
            with pytest.raises(ValueError, match=f"{name}.*expected at least"):
                get(name, **{size: 0})


def test_known_minima_are_recognised():
    """The optimum and the other local minima count, anything else does not."""
    entry = get("hs16")
    assert entry.is_optimum(0.25) and entry.is_optimum(3.982060454)
    assert not entry.is_optimum(0.26)
