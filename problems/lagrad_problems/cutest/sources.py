"""Find problems of sif2jax: a name in, its kind and its instance out.

sif2jax makes all its instances when it is imported, which takes a minute. `modules.json` says where each one
stands, so that it can be made alone: its module is imported into packages of other names whose folders are
those of sif2jax, and sif2jax's own `__init__` files do not run. A release that the list was not made of is
imported whole.

    python -m lagrad_problems.cutest.sources     makes the list anew
"""

from __future__ import annotations

import json
import sys
from functools import cache
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import jax

KINDS = {
    "bounded_minimisation_problems": "CUTEst, bounds",
    "bounded_quadratic_problems": "CUTEst, quadratic with bounds",
    "constrained_minimisation_problems": "CUTEst, constraints",
    "constrained_quadratic_problems": "CUTEst, quadratic program",
    "nonlinear_equations_problems": "CUTEst, nonlinear equations",
}
APART = f"{__package__}.apart"
LIST = Path(__file__).with_name("modules.json")


def names() -> tuple[str, ...]:
    """Names of all problems with constraints, bounds or equations, sorted.

    Raises:
        ImportError: sif2jax is not installed.
    """
    return tuple(sorted(places() or everything()))


def find(name: str) -> tuple[str, Any] | None:
    """Kind and instance of a problem, None if there is none of that name.

    Raises:
        ImportError: sif2jax is not installed.
    """
    listed = places()
    if listed is None:
        return everything().get(name)
    if name not in listed:
        return None
    kind, module, made = listed[name]
    # Some instances make their numbers when they are made: in float32, unless told otherwise.
    with jax.enable_x64(True):
        return kind, getattr(import_module(f"{apart()}.{module}"), made)()


@cache
def places() -> dict[str, list[str]] | None:
    """Name -> kind, module within sif2jax and class; None where the list is of another release."""
    listed = json.loads(LIST.read_text())
    return listed["problems"] if listed["sif2jax"] == version("sif2jax") else None


@cache
def apart() -> str:
    """Name of the package that stands for sif2jax; those on the way to its problems are made, too."""
    found = find_spec("sif2jax")
    if found is None or found.origin is None:
        raise ImportError("sif2jax is not installed. Get it by `pip install 'lagrad[cutest]'`.")
    for inner in {"", *(module.rpartition(".")[0] for _, module, _ in (places() or {}).values())}:
        parts = inner.split(".") if inner else []
        for count in range(len(parts) + 1):
            package = ModuleType(".".join([APART, *parts[:count]]))
            package.__path__ = [str(Path(found.origin).parent.joinpath(*parts[:count]))]
            sys.modules.setdefault(package.__name__, package)
    return APART


@cache
def everything() -> dict[str, tuple[str, Any]]:
    """Name -> kind and instance, by the import of the whole."""
    with jax.enable_x64(True):
        sif2jax = import_module("sif2jax")
    return {
        problem.name.upper(): (kind, problem)
        for collection, kind in KINDS.items()
        for problem in getattr(sif2jax, collection)
    }


def main() -> None:
    """Write the list of the release that is installed."""
    found = {
        name: [kind, type(problem).__module__.removeprefix("sif2jax."), type(problem).__qualname__]
        for name, (kind, problem) in sorted(everything().items())
    }
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(place)}" for name, place in found.items())
    LIST.write_text(f'{{\n "sif2jax": "{version("sif2jax")}",\n "problems": {{\n{lines}\n }}\n}}\n')


if __name__ == "__main__":
    main()
