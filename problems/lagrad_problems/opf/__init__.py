"""Declare AC optimal power flow, of MATPOWER files and of networks of our own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import lagrad
from lagrad_problems.entry import TWO_FORMS, TWO_SOLVERS, Entry, known_at
from lagrad_problems.opf.costs import Costs
from lagrad_problems.opf.forms import current, rectangular
from lagrad_problems.opf.matpower import Case, parse, read, without_branch, write
from lagrad_problems.opf.model import opf_problem
from lagrad_problems.opf.network import Network, network
from lagrad_problems.opf.report import PowerFlow
from lagrad_problems.opf.synthetic import synthetic, synthetic_case

__all__ = [
    "Case",
    "Costs",
    "Network",
    "PowerFlow",
    "ac_opf",
    "ac_opf_current",
    "ac_opf_rectangular",
    "current",
    "network",
    "opf_problem",
    "parse",
    "read",
    "rectangular",
    "synthetic",
    "synthetic_case",
    "without_branch",
    "write",
]

SOURCE = "J. Carpentier (1962); the formulation of C. Coffrin et al., PowerModels.jl (2018)"
# Ours, at 1e-10, by buses and seed of the synthetic network; USD per hour.
OPTIMA = {
    (5, 0): (4686.649873, TWO_SOLVERS),
    (30, 0): (24008.55833, TWO_SOLVERS),
    (100, 0): (80921.47781, TWO_SOLVERS),
    (300, 0): (242443.0742, TWO_SOLVERS),
    (1000, 0): (821324.2890, TWO_SOLVERS),
}


def ac_opf(path: str | Path | None = None, *, buses: int = 100, seed: int = 0) -> Entry:
    """Optimal power flow of a MATPOWER file, or of a network of our own.

    Args:
        path: a MATPOWER version-2 case file; None for a synthetic network.
        buses: size of the synthetic network.
        seed: of the synthetic network.

    Returns:
        Entry with the Network as its `numbers`.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is malformed or has what is not modelled; the message has the line.

    >>> ac_opf(buses=30).numbers.buses
    30
    """
    grid = synthetic(buses, seed) if path is None else network(read(path))
    known = known_at((buses, seed) if path is None else path, OPTIMA)
    return Entry("ac_opf", opf_problem(grid), "optimal power flow", source=SOURCE, numbers=grid, **known)


def ac_opf_rectangular(buses: int = 5, seed: int = 0) -> Entry:
    """The synthetic network in rectangular form; see `lagrad_problems.opf.forms`.

    Args:
        buses: size of the network, at least 2.
        seed: of the network.

    Raises:
        ValueError: too few buses.

    >>> ac_opf_rectangular(5).n
    12
    """
    return _other_form("ac_opf_rectangular", rectangular, buses, seed)


def ac_opf_current(buses: int = 5, seed: int = 0) -> Entry:
    """The synthetic network in current form; see `lagrad_problems.opf.forms`.

    Args:
        buses: size of the network, at least 2.
        seed: of the network.

    Raises:
        ValueError: too few buses.

    >>> ac_opf_current(5).n
    28
    """
    return _other_form("ac_opf_current", current, buses, seed)


def _other_form(name: str, form: Callable[[Network], lagrad.Problem], buses: int, seed: int) -> Entry:
    """An entry whose optimum is the polar form's."""
    grid = synthetic(buses, seed)
    known = known_at((buses, seed), {size: (value, TWO_FORMS) for size, (value, _) in OPTIMA.items()})
    return Entry(name, form(grid), "optimal power flow", source=SOURCE, numbers=grid, **known)
