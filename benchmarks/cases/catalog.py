"""List the cases by name, and say which of them each table has."""

from __future__ import annotations

import os
from collections.abc import Callable

import lagrad
from benchmarks.cases.case import Case
from benchmarks.cases.families import NETWORKS, SIZES, case, declaration

TABLE = (
    *(f"chained_rosenbrock:{n}" for n in (1000, 10_000, 100_000, 1_000_000)),
    *(f"clnlbeam:{n}" for n in (3003, 30_003, 300_003)),
    *(f"cart_pole:{n}" for n in (505, 5005, 50_005)),
    *(f"elliptic_control:{n}" for n in (5000, 20_000, 180_000)),
    "tanh_network:224",
    *(f"gather_network:{n}" for n in (1000, 10_000, 100_000)),
)
POWER = tuple(
    f"acopf:{name}" for name in ("case118_ieee", "case1354_pegase", "case2869_pegase", "case10000_goc")
)
SYNTHETIC = tuple(f"acopf:synthetic-{buses}" for buses in (100, 1000, 10_000))
QUICK = (
    "chained_rosenbrock:1000",
    "acopf:synthetic-100",
    "clnlbeam:303",
    "cart_pole:505",
    "elliptic_control:800",
    "tanh_network:64",
    "gather_network:1000",
)


def split(name: str) -> tuple[str, str]:
    """Family and size of a case's name.

    Raises:
        ValueError: there is no such family.

    >>> split("chained_rosenbrock:10")
    ('chained_rosenbrock', '10')
    """
    family, _, size = name.partition(":")
    if family not in SIZES | NETWORKS or not size:
        expected = ", ".join(SIZES | NETWORKS)
        raise ValueError(f"cases: found {name!r}, expected family:size with one of {expected}.")
    return family, size


def build(name: str) -> Case:
    """The numbers of a case.

    Args:
        name: "family:size", such as "chained_rosenbrock:1000" or "acopf:case118_ieee".

    Returns:
        Case.

    >>> build("chained_rosenbrock:10").m
    8
    """
    return case(*split(name))


def declare(name: str) -> Callable[[], lagrad.Problem]:
    """What declares the case as a lagrad problem when called."""
    return declaration(*split(name))


def power() -> tuple[str, ...]:
    """Names of power networks: PGLib's where LAGRAD_PGLIB says they are, else made-up ones."""
    return POWER if "LAGRAD_PGLIB" in os.environ else SYNTHETIC


def table() -> tuple[str, ...]:
    """Names of the rows of the whole comparison."""
    return TABLE + power()
