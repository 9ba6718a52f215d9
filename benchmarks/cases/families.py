"""Take the suite's problems as cases, whole or as the numbers behind them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

import lagrad
import lagrad_problems
from benchmarks.cases.case import Case
from benchmarks.cases.complex_power import complex_problem
from lagrad_problems import cart_pole, clnlbeam, elliptic_control, opf

# Sizes are numbers of variables; the registry takes what its problems are made of.
SIZES: dict[str, Callable[[int], dict]] = {
    "chained_rosenbrock": lambda n: {"n": n},
    "clnlbeam": lambda n: {"intervals": n // 3 - 1},
    "cart_pole": lambda n: {"intervals": n // 5 - 1},
    "elliptic_control": lambda n: {"grid": round(np.sqrt(n / 2))},
    "tanh_network": lambda n: {"inputs": n // 16 - 2},
    "gather_network": lambda n: {"nodes": n},
}
# Sizes are networks.
NETWORKS: dict[str, Callable[[opf.Network], lagrad.Problem]] = {
    "acopf": opf.opf_problem,
    "complex_acopf": complex_problem,
}
CONSTANTS: dict[str, Callable[[dict], dict]] = {
    "clnlbeam": lambda sizes: {**sizes, "stiffness": clnlbeam.STIFFNESS, "step": 1 / sizes["intervals"]},
    "cart_pole": lambda sizes: {
        **sizes,
        "step": cart_pole.DURATION / sizes["intervals"],
        "cart": cart_pole.CART,
        "pole": cart_pole.POLE,
        "length": cart_pole.LENGTH,
        "gravity": cart_pole.GRAVITY,
    },
    "elliptic_control": lambda sizes: {
        **sizes,
        "spacing": 1 / (sizes["grid"] + 1),
        "weight": elliptic_control.WEIGHT,
    },
    "tanh_network": lambda sizes: {"units": 16},
}


def network_of(size: str) -> opf.Network:
    """Power network by name.

    Args:
        size: path of a MATPOWER file; or "case118_ieee", looked up in the folder that the environment
            variable LAGRAD_PGLIB names; or "synthetic-30", a made-up network of 30 buses.

    Returns:
        Network.

    Raises:
        ValueError: no such file.
    """
    if size.startswith("synthetic-"):
        return opf.synthetic(int(size.removeprefix("synthetic-")))
    folder = Path(os.environ.get("LAGRAD_PGLIB", "."))
    for path in (Path(size), folder / f"pglib_opf_{size}.m", folder / f"{size}.m"):
        if path.is_file():
            return opf.network(opf.read(path))
    raise ValueError(
        f"cases: found no network {size!r} as a file or in {folder}. Set LAGRAD_PGLIB to PGLib's folder."
    )


def declaration(family: str, size: str) -> Callable[[], lagrad.Problem]:
    """What declares the problem when called; files are read now, so that a clock on the call leaves them out.

    Args:
        family: a key of SIZES or NETWORKS.
        size: number of variables, or what `network_of` takes.

    Returns:
        Function of nothing.
    """
    if family in NETWORKS:
        network = network_of(size)
        return lambda: NETWORKS[family](network)
    sizes = SIZES[family](int(size))
    return lambda: lagrad_problems.get(family, **sizes).problem


def numbers(family: str, size: str) -> dict:
    """Numbers behind the problem, by name."""
    if family in NETWORKS:
        network = network_of(size)
        fields = asdict(network)
        return fields | {"costs": SimpleNamespace(**fields["costs"])}
    sizes = SIZES[family](int(size))
    known: Any = lagrad_problems.get(family, **sizes).numbers
    known = asdict(known) if is_dataclass(known) else known or {}
    return known | CONSTANTS.get(family, lambda sizes: sizes)(sizes)


def case(family: str, size: str) -> Case:
    """The numbers of a problem."""
    problem = declaration(family, size)()
    return Case(
        family,
        f"{family}:{size}",
        problem.start,
        problem.lower,
        problem.upper,
        problem.constraint_lower,
        problem.constraint_upper,
        SimpleNamespace(**numbers(family, size)),
    )
