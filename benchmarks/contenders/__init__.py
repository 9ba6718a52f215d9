"""Contenders by name: one file a peer, each with build(case) -> Model, refuses(case) and warm_up(case)."""

from __future__ import annotations

import importlib
import importlib.util

# name on the command line -> (module, what must be installed for it)
CONTENDERS = {
    "lagrad": ("benchmarks.contenders.lagrad_engine", ("lagrad", "jax")),
    "lagrad_colored": ("benchmarks.contenders.lagrad_colored", ("lagrad", "jax")),
    "oracle": ("benchmarks.contenders.oracle", ("jax", "cyipopt")),
    "casadi_mx": ("benchmarks.contenders.casadi_mx", ("casadi",)),
    "casadi_sx": ("benchmarks.contenders.casadi_sx", ("casadi",)),
    "pyoptinterface": ("benchmarks.contenders.pyoptinterface_jit", ("pyoptinterface", "llvmlite", "casadi")),
    "asdex": ("benchmarks.contenders.asdex_cyipopt", ("asdex", "cyipopt")),
    "asdex_uno": ("benchmarks.contenders.asdex_uno", ("asdex", "unopy")),
    "pyomo": ("benchmarks.contenders.pyomo_pounce", ("pyomo", "pounce")),
    "pounce": ("benchmarks.contenders.pounce_jax", ("pounce",)),
    "dense_jax": ("benchmarks.contenders.dense_jax", ("jax", "cyipopt")),
}


# They show no derivatives, so that only their whole solves are compared.
SOLVES_ONLY = {"pyomo"}


def load(name: str):
    """The module of a contender.

    Args:
        name: key of CONTENDERS.

    Returns:
        A module with `build(case)`, `refuses(case)` and `warm_up(case)`.

    Raises:
        ValueError: no contender has that name.
    """
    if name not in CONTENDERS:
        raise ValueError(f"contenders: found {name!r}, expected one of {', '.join(CONTENDERS)}.")
    return importlib.import_module(CONTENDERS[name][0])


def is_installed(name: str) -> bool:
    """Whether all packages of a contender are there."""
    return all(importlib.util.find_spec(package) is not None for package in CONTENDERS[name][1])


def installed(solves: bool = False) -> tuple[str, ...]:
    """Names of the contenders whose packages are there, in table order.

    Args:
        solves: whether those that show no derivatives are among them.
    """
    return tuple(name for name in CONTENDERS if is_installed(name) and (solves or name not in SOLVES_ONLY))
